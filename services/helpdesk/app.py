"""How helpdesk is wired."""

from kit.service import Service
from kit.settings import Settings
from services.helpdesk.api import router
from services.helpdesk.jobs import JOBS
from services.helpdesk.models import Base
from services.helpdesk.reactions import REACTIONS

__all__ = ["build"]


def build(settings: Settings) -> Service:
    return Service(
        name="helpdesk", settings=settings, router=router, metadata=Base.metadata, reactions=REACTIONS, jobs=JOBS
    )
