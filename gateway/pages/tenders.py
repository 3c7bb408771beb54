"""The list of tenders and one tender's page: what SPSE shows to everybody, from tender's public answers."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from gateway.pages.page import Page
from gateway.pages.visit import Visit
from kit.clock import WIB
from kit.problems import NotFound

__all__ = ["PAGES"]

FILTERS: Final = ("q", "category", "year", "skpd")
CODE: Final = re.compile(r"[0-9]{11}")
FIRST_YEAR: Final = 2011  # the regulation's own
ROWS: Final = 25


async def show_list(visit: Visit) -> Mapping[str, Any] | Response:
    wanted = {name: value for name in FILTERS if (value := visit.query(name))}
    if CODE.fullmatch(wanted.get("q", "")):
        return RedirectResponse(f"/tender/{wanted['q']}", 303)
    cursor = visit.request.query_params.get("cursor")
    page = await visit.get("tender", "/public/tenders", **wanted, limit=ROWS, cursor=cursor)
    return {
        "tenders": page["items"],
        "wanted": {**dict.fromkeys(FILTERS, ""), **wanted},
        "narrowed": bool(wanted),
        "later": f"/tender?{urlencode({**wanted, 'cursor': page['next']})}" if page["next"] else None,
        "first": f"/tender?{urlencode(wanted)}" if cursor else None,
        "years": range(datetime.now(UTC).astimezone(WIB).year + 1, FIRST_YEAR - 1, -1),
    }


async def show_tender(visit: Visit) -> Mapping[str, Any]:
    code = visit.path("code")
    if not CODE.fullmatch(code):
        raise NotFound("tender", code)
    return {"tender": await visit.get("tender", f"/public/tenders/{code}")}


PAGES: Final = (
    Page("/", "tenders.html", show_list),
    Page("/tender", "tenders.html", show_list),
    Page("/tender/{code:str}", "tender.html", show_tender),
)
