"""The registry, put together."""

from kit.service import Service
from kit.settings import Settings
from services.registry import credentials, jobs
from services.registry.api import router
from services.registry.commands.officials import EXPIRY
from services.registry.models import Base

__all__ = ["build"]


def build(settings: Settings) -> Service:
    credentials.decoy()  # made now, not by the first person who mistypes a user id
    return Service(
        name="registry",
        settings=settings,
        router=router,
        metadata=Base.metadata,
        jobs={EXPIRY: jobs.letter_ends, "forget_logins": jobs.forget_logins},
        periodic=jobs.PERIODIC,
    )
