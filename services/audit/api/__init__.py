"""HTTP: the public log, and what auditors may read by a mandate."""

from fastapi import APIRouter

from services.audit.api import log, mandates

__all__ = ["router"]

router = APIRouter()
for part in (log.router, log.trust, mandates.router):
    router.include_router(part)
