"""The public log for people: how long it is, its root, its latest entries, and how to check that nothing was changed."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.pages.render import Renderer
from gateway.session import problem_of
from gateway.upstream import Upstream

__all__ = ["LogPage"]

ROWS: Final = 50


class LogPage:
    def __init__(self, render: Renderer, audit: Upstream) -> None:
        self._render, self._audit = render, audit

    async def show(self, request: Request) -> Response:
        """The newest entries, or those before `?until=`; newest first."""
        until = request.query_params.get("until", "")
        end = int(until) if until.isascii() and until.isdecimal() and len(until) < 16 else None
        start = max(0, end - ROWS) if end is not None else None
        count = ROWS if end is None else max(1, min(ROWS, end))
        query = f"count={count}" + ("" if start is None else f"&start={start}")
        checkpoint, listed = await asyncio.gather(self._ask("/log/1/checkpoint"), self._ask("/log/1/entries", query))
        entries = [_shown(entry) for entry in reversed(listed["entries"])]
        before = entries[-1]["index"] if entries else 0
        return await self._render.page(
            request, "log.html", checkpoint=checkpoint, entries=entries, before=before, newest=end is None
        )

    async def _ask(self, path: str, query: str = "") -> dict[str, Any]:
        answer = await self._audit.fetch("GET", path, query=query)
        if not answer.ok:
            raise problem_of(answer)
        return dict(answer.json())


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
