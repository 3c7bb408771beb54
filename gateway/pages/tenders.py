"""The list of tenders and one tender's tabs: what SPSE shows to everybody, from tender's public answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from gateway.pages.page import Page
from gateway.pages.visit import Visit
from kit.problems import NotFound, Problem

__all__ = ["ANNOUNCEMENT", "PAGES", "is_code"]

FILTERS: Final = ("q", "category", "year", "skpd")
FIRST_YEAR: Final = 2011  # the regulation's own
ROWS: Final = 25
TABS: Final = {
    "announcement": "",
    "schedule": "/jadwal",
    "participants": "/peserta",
    "evaluation": "/evaluasi",
    "winner": "/pemenang",
}
"""Word and template of each, and its address below `/tender/{code}`."""
ANNOUNCEMENT: Final = "pengumuman_pascakualifikasi"
"""From its beginning to the deadline a firm may join."""


def is_code(text: str) -> bool:
    return len(text) == 11 and text.isascii() and text.isdecimal()


async def show_list(visit: Visit) -> Mapping[str, Any] | Response:
    filters = {name: value for name in FILTERS if (value := visit.query(name))}
    if is_code(filters.get("q", "")):
        return RedirectResponse(f"/tender/{filters['q']}", 303)
    closing = visit.query("sort") == "closing"
    wanted = {**filters, "sort": "closing"} if closing else filters
    tenders, pager = await visit.listed("/tender", "tender", "/public/tenders", limit=ROWS, said=wanted, **wanted)
    return {
        "tenders": tenders,
        **pager,
        "wanted": {**dict.fromkeys(FILTERS, ""), **wanted},
        "narrowed": bool(filters),
        "closing": closing,
        "years": range(visit.today.year + 1, FIRST_YEAR - 1, -1),
    }


async def show_tender(visit: Visit) -> Mapping[str, Any]:
    code = visit.path("code")
    if not is_code(code):
        raise NotFound("tender", code)
    tender = await visit.get("tender", f"/public/tenders/{code}")
    tabs = [(f"/tender/{code}{path}", visit.t(f"tab.{name}")) for name, path in TABS.items()]
    steps, joining = await _steps(visit, tender)
    opens = next(stage["starts_at"] for stage in tender["stages"] if stage["code"] == ANNOUNCEMENT)
    return {"tender": tender, "tabs_of": tabs, "steps": steps, "joining": joining, "opens": opens}


Step = tuple[str, str]


async def _steps(visit: Visit, tender: Mapping[str, Any]) -> tuple[Sequence[Step], Step | None]:
    """What this reader can do next, and how they would join: each a word of the catalogue and an address."""
    at, active = f"/tender/{tender['code']}", frozenset(tender["active"])
    if visit.person is None:
        return [], ("login", f"/masuk?{urlencode({'kembali': at})}")
    seen = await _seen(visit, tender["id"])
    relation = seen.get("relation")
    if relation == "committee":
        return [("committee", f"/pokja/{tender['id']}")], None
    if relation == "buyer":
        return [("buyer", f"/paket/{seen['package']}")], None
    if relation == "participant":
        ask = [("ask", f"{at}/tanya")] if "pemberian_penjelasan" in active else []
        object_ = [("object", f"{at}/sanggah")] if "masa_sanggah" in active else []
        return [("take_part", f"{at}/ikut"), ("bid", "/penawaran"), *ask, *object_], None
    return [], ("join", f"{at}/ikut") if "penyedia" in visit.person.roles else None


async def _seen(visit: Visit, id: str) -> Mapping[str, Any]:
    """The tender with what this person is to it. The public page shows also when that cannot be told."""
    try:
        return await visit.get("tender", f"/tenders/{id}")  # type: ignore[no-any-return]
    except Problem:
        return {}


PAGES: Final = (
    Page("/tender", "tenders.html", show_list),
    *(Page(f"/tender/{{code:str}}{path}", f"tender/{name}.html", show_tender) for name, path in TABS.items()),
)
