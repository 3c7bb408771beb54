"""The list of tenders and one tender's page: what SPSE shows to everybody, from tender's public answers."""

import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.pages.render import Renderer
from gateway.session import problem_of
from gateway.upstream import Upstream
from kit.clock import WIB
from kit.problems import NotFound

__all__ = ["TenderPages"]

FILTERS: Final = ("q", "category", "year", "skpd")
CODE: Final = re.compile(r"[0-9]{11}")
FIRST_YEAR: Final = 2011  # the regulation's own
ROWS: Final = 25


class TenderPages:
    def __init__(self, render: Renderer, tender: Upstream) -> None:
        self._render, self._tender = render, tender

    async def list(self, request: Request) -> Response:
        wanted = {name: value for name in FILTERS if (value := request.query_params.get(name, "").strip()[:200])}
        if CODE.fullmatch(wanted.get("q", "")):
            return RedirectResponse(f"/tender/{wanted['q']}", 303)
        cursor = request.query_params.get("cursor")
        asked = {**wanted, "limit": str(ROWS), **({"cursor": cursor} if cursor else {})}
        page = await self._ask("/public/tenders", urlencode(asked))
        return await self._render.page(
            request,
            "tenders.html",
            tenders=page["items"],
            wanted={**dict.fromkeys(FILTERS, ""), **wanted},
            narrowed=bool(wanted),
            later=f"/tender?{urlencode({**wanted, 'cursor': page['next']})}" if page["next"] else None,
            first=f"/tender?{urlencode(wanted)}" if cursor else None,
            years=range(datetime.now(UTC).astimezone(WIB).year + 1, FIRST_YEAR - 1, -1),
        )

    async def detail(self, request: Request) -> Response:
        code = request.path_params["code"]
        if not CODE.fullmatch(code):
            raise NotFound("tender", code)
        tender = await self._ask(f"/public/tenders/{code}")
        return await self._render.page(request, "tender.html", tender=tender)

    async def _ask(self, path: str, query: str = "") -> dict[str, Any]:
        answer = await self._tender.fetch("GET", path, query=query)
        if not answer.ok:
            raise problem_of(answer)
        return dict(answer.json())
