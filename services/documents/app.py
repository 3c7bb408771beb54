"""How documents is wired."""

from datetime import timedelta

from kit.db import Db
from kit.jobs import Job, Periodic
from kit.service import Service
from kit.settings import Settings
from services.documents import jobs
from services.documents.api import router
from services.documents.models import Base
from services.documents.printing.press import Press
from services.documents.printing.signer import FileSigner
from services.documents.reactions import REACTIONS

__all__ = ["build"]


def build(settings: Settings) -> Service:
    async def remove_orphans(db: Db, _job: Job) -> None:
        await jobs.remove_orphans(db, service.store())

    service = Service(
        name="documents",
        settings=settings,
        router=router,
        metadata=Base.metadata,
        reactions=REACTIONS,
        jobs={"remove_orphans": remove_orphans},
        periodic=(Periodic("remove_orphans", timedelta(hours=1)),),
        bucket="documents",
    )
    service.resources["press"] = Press(
        settings.trust_root, FileSigner(settings.keys), settings.limits.receipts_printing
    )
    return service
