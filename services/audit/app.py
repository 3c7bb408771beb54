"""How audit is wired."""

from datetime import timedelta

from kit.db import Db
from kit.jobs import Job, Periodic
from kit.migrations import DAY
from kit.service import Service
from kit.settings import Settings
from services.audit import jobs
from services.audit.api import router
from services.audit.log import check
from services.audit.log.sequencer import Sequencer
from services.audit.models import Base
from services.audit.reactions import EVERYTHING

__all__ = ["build"]


def build(settings: Settings) -> Service:
    async def check_log(_db: Db, _job: Job) -> None:
        await check.everything(service.database)

    async def sequence(service: Service) -> None:
        await Sequencer(service.database, settings.sweep).run()

    service = Service(
        name="audit",
        settings=settings,
        router=router,
        metadata=Base.metadata,
        everything=EVERYTHING,
        jobs={"alarm_gaps": jobs.alarm_gaps, "check_log": check_log},
        periodic=(Periodic("alarm_gaps", timedelta(seconds=30)), Periodic("check_log", DAY)),
        loops={"sequencer": sequence},
        gauges=(jobs.GAPS,),
    )
    return service
