"""The public log for people: how long it is, its root, its latest entries, and how to check that nothing was changed."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

ROWS: Final = 50


async def show(visit: Visit) -> Mapping[str, Any]:
    """The newest entries, or those before `?until=`; newest first."""
    until = visit.query("until")
    end = int(until) if until.isascii() and until.isdecimal() and len(until) < 16 else None
    start = max(0, end - ROWS) if end is not None else None
    count = ROWS if end is None else max(1, min(ROWS, end))
    checkpoint, listed = await asyncio.gather(
        visit.get("audit", "/log/1/head"), visit.get("audit", "/log/1/entries", count=count, start=start)
    )
    entries = [_shown(entry) for entry in reversed(listed["entries"])]
    before = entries[-1]["index"] if entries else 0
    return {"checkpoint": checkpoint, "entries": entries, "before": before, "newest": end is None}


def _shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's text is the bytes that were hashed; what of it everybody may read is inside."""
    said = json.loads(entry["entry"])
    return {
        **entry,
        "at": said["at"],
        "kind": said["kind"],
        "blind": said["kind"] == "blind",
        "pub": said.get("pub", {}),
    }


PAGES: Final = (Page("/log", "log.html", show),)
