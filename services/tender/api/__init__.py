"""HTTP: parse, authorize, call one command or query."""

from fastapi import APIRouter

from services.tender.api import bids, decisions, dossiers, packages, public, tenders

__all__ = ["router"]

router = APIRouter()
for part in (packages, tenders, bids, decisions, dossiers, public):
    router.include_router(part.router)
