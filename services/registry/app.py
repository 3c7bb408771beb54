"""The registry, put together."""

from kit.service import Service
from kit.settings import Settings
from services.registry import credentials, jobs, training
from services.registry.api import router
from services.registry.commands.officials import EXPIRY
from services.registry.models import Base
from services.registry.reactions import REACTIONS
from services.registry.turns import Turns

__all__ = ["build"]


def build(settings: Settings) -> Service:
    credentials.decoy()  # made now, not by the first person who mistypes a user id
    service = Service(
        name="registry",
        settings=settings,
        router=router,
        metadata=Base.metadata,
        reactions=REACTIONS,
        jobs={EXPIRY: jobs.letter_ends, "forget_logins": jobs.forget_logins},
        periodic=jobs.PERIODIC,
        unfit=training.found,
    )
    service.resources["turns"] = Turns(settings.limits)
    return service
