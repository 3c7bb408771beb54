"""The public pages: everything the law makes public, when it does."""

from typing import Annotated

from fastapi import APIRouter, Query

from kit.auth import public
from kit.paging import Cursor, Limit, Page
from services.tender.api.needs import ReadDep
from services.tender.queries import public as queries
from services.tender.schemas.tenders import FiguresOut, PublicTender, TenderRow

router = APIRouter(prefix="/public", tags=["public"])


@router.get("/tenders", **public())
async def list_public_tenders(
    db: ReadDep,
    q: Annotated[str | None, Query(max_length=200, description="Whole words of the name")] = None,
    category: Annotated[str | None, Query(max_length=60)] = None,
    year: Annotated[int | None, Query(ge=2011, le=2100)] = None,
    skpd: Annotated[str | None, Query(max_length=60)] = None,
    sort: queries.Sort = "newest",
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[TenderRow]:
    """Announced tenders, newest first; `closing`: those that still take bids, the next to close first."""
    return await queries.listing(
        db, q=q, category=category, year=year, skpd=skpd, sort=sort, cursor=cursor, limit=limit
    )


@router.get("/figures", **public())
async def get_figures(db: ReadDep, year: Annotated[int | None, Query(ge=2011, le=2100)] = None) -> FiguresOut:
    """Tenders announced in a year by month and by status, with the values of their HPS."""
    return await queries.figures(db, year)


@router.get("/tenders/{code}", **public())
async def get_public_tender(code: str, db: ReadDep) -> PublicTender:
    return await queries.detail(db, code)
