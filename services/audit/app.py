"""How audit is wired."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from integrity.policy import Policy, Witness
from kit.jobs import Periodic
from kit.service import Loop, Service
from kit.settings import Settings
from services.audit import jobs
from services.audit.api import router
from services.audit.log.guard import Guard
from services.audit.log.monitor import Monitor
from services.audit.log.publisher import Publisher
from services.audit.log.releases import record_release
from services.audit.log.sequencer import Sequencer
from services.audit.log.signing import Signer
from services.audit.log.witnesses import Asking, forget_others, policy_of
from services.audit.models import Base
from services.audit.reactions import Recorder

__all__ = ["build"]


def build(settings: Settings) -> Service:
    signer = Signer.of(settings)
    return Service(
        name="audit",
        settings=settings,
        router=router,
        metadata=Base.metadata,
        everything=Recorder(signer).record,
        jobs={
            "alarm_gaps": jobs.alarm_gaps,
            "record_release": record_release,
            jobs.EXPIRY: jobs.expire_mandate,
        },
        periodic=(Periodic("alarm_gaps", timedelta(seconds=30)), Periodic("record_release", timedelta(minutes=5))),
        loops=_loops(signer, policy_of(signer, settings.log_policy)),
        gauges=(jobs.GAPS, jobs.FINDINGS, jobs.UNPUBLISHED, jobs.UNSEEN),
        bucket="log",
        resources={"signer": signer},
    )


def _loops(signer: Signer, policy: Policy) -> Mapping[str, Loop]:
    witnesses = policy.witnesses
    doubt = asyncio.Event()
    """Set where a witness, or what is published, says that there is more of the log, or another one."""

    async def sequence(service: Service) -> None:
        guard = Guard(service.database, service.store(), signer, witnesses)
        await Sequencer(service.database, signer, guard, doubt, service.settings.log_steps).run()

    async def publish(service: Service) -> None:
        await Publisher(service.database, service.store(), signer, doubt).run()

    async def monitor(service: Service) -> None:
        await forget_others(service.database, policy)
        await Monitor(service.database, service.store(), signer).run()

    def asking(name: str, witness: Witness) -> Loop:
        async def ask(service: Service) -> None:
            await Asking(name, witness, policy, service.database, doubt).run()

        return ask

    asked = {f"witness.{name}": asking(name, one) for name, one in witnesses.items() if one.url}
    return {"sequencer": sequence, "publisher": publish, "monitor": monitor, **asked}
