"""Wires the tender service."""

from kit.service import Service
from kit.settings import Settings
from services.tender import instants
from services.tender.api import router
from services.tender.jobs import JOBS
from services.tender.models import metadata
from services.tender.reactions import REACTIONS

__all__ = ["build"]


def build(settings: Settings) -> Service:
    service = Service(
        name="tender",
        settings=settings,
        router=router,
        metadata=metadata,
        reactions=REACTIONS,
        jobs=JOBS,
    )
    service.resources["instants"] = asked = instants.pool(settings.database.get_secret_value())
    service.app.add_middleware(instants.Arrivals, instants=asked)
    return service
