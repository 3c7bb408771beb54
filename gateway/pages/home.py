"""The front page: what closes soon, what the LPSE announces, the year in figures, and the way to everything else.

Each part shows by itself: a service that is away takes only its own part with it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from gateway.pages import formats
from gateway.pages.page import Page
from gateway.pages.render import CURRENT
from gateway.pages.visit import Visit
from kit.problems import Problem

__all__ = ["PAGES"]

ROWS: Final = 5


async def show(visit: Visit) -> Mapping[str, Any]:
    closing, announced, figures = await asyncio.gather(
        _closing(visit),
        visit.public("helpdesk", "/announcements", **CURRENT),
        visit.public("tender", "/public/figures"),
    )
    return {
        "closing": closing,
        "announced": announced and announced["items"][: -ROWS - 1 : -1],
        "figures": figures and _named(figures, visit.t.language),
    }


async def _closing(visit: Visit) -> Any:
    """None where the tenders cannot be asked for."""
    try:
        return (await visit.get("tender", "/public/tenders", sort="closing", limit=ROWS))["items"]
    except Problem:
        return None


def _named(figures: Mapping[str, Any], language: str) -> dict[str, Any]:
    """With the names of the months, and as bars."""
    months = [{**month, "name": formats.month(month["month"], language)} for month in figures["months"]]
    bars = [
        (formats.month(m["month"], language, short=True), m["tenders"], formats.number(m["tenders"], language))
        for m in months
    ]
    return {**figures, "months": months, "bars": bars}


PAGES: Final = (Page("/", "home.html", show),)
