"""HTTP: parse, authorize, call one command or query, shape the answer."""

from fastapi import APIRouter

from services.registry.api import officials, providers, sessions

__all__ = ["router"]

router = APIRouter()
router.include_router(sessions.router)
router.include_router(providers.router)
router.include_router(officials.router)
