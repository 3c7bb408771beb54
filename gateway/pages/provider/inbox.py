"""`/kotak-masuk`: news of the tenders a firm takes part in, and of its registration; `/ikut`: tenders it may still join."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from gateway.pages.desks import roles_of
from gateway.pages.language import Catalogue
from gateway.pages.page import Page
from gateway.pages.provider.firm import deficiencies
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

ROWS: Final = 20


async def show_inbox(visit: Visit) -> Mapping[str, Any]:
    cursor, before = visit.query("cursor", 500), visit.query("sebelum", 40)
    page = await visit.get("tender", "/inbox", cursor=cursor, limit=ROWS)
    provider = await visit.get("registry", "/providers/mine")
    decided = [_decision(visit.t, one) for one in provider["decisions"]]
    return {
        "items": _merged(page["items"], decided, before=before, more=bool(page["next"])),
        "later": _later(page),
        "first": "/kotak-masuk" if cursor else None,
    }


def _decision(t: Catalogue, one: Mapping[str, Any]) -> dict[str, Any]:
    """As an item of the inbox that is about no tender."""
    nothing = dict.fromkeys(("code", "stage", "until", "bid", "own"))
    return {
        **nothing,
        "kind": f"decision_{one['outcome']}",
        "at": one["decided_at"],
        "lines": deficiencies(t, one),
    }


def _merged(
    news: Sequence[Mapping[str, Any]], decided: Sequence[Mapping[str, Any]], *, before: str, more: bool
) -> list[Mapping[str, Any]]:
    """Decisions among the news of this page, which ends with its oldest item unless nothing follows.

    Instants of all services are written alike, so that they compare as text.
    """
    since = news[-1]["at"] if news and more else ""
    due = [one for one in decided if one["at"] >= since and (not before or one["at"] < before)]
    return sorted([*news, *due], key=lambda item: str(item["at"]), reverse=True)


def _later(page: Mapping[str, Any]) -> str | None:
    if not page["next"]:
        return None
    return f"/kotak-masuk?{urlencode({'cursor': page['next'], 'sebelum': page['items'][-1]['at']})}"


async def show_open(visit: Visit) -> Mapping[str, Any]:
    tenders, pager = await visit.listed("/ikut", "tender", "/tenders/open", limit=ROWS)
    return {"tenders": tenders, **pager}


PAGES: Final = (
    Page("/kotak-masuk", "provider/inbox.html", show_inbox, roles=roles_of("inbox")),
    Page("/ikut", "provider/open.html", show_open, roles=roles_of("inbox")),
)
