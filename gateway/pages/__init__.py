"""The public pages: made on the server, readable without scripts, the same facts as the JSON."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gateway.errors import headers_of, problem_response, wants_page
from gateway.pages.log import LogPage
from gateway.pages.render import STATIC, Renderer
from gateway.pages.tenders import TenderPages
from gateway.upstream import Upstream
from kit.problems import Problem
from kit.settings import GatewaySettings

__all__ = ["Portal"]


class Portal:
    def __init__(self, settings: GatewaySettings, services: Mapping[str, Upstream]) -> None:
        self._render = Renderer(settings, services["tender"])
        self._tenders = TenderPages(self._render, services["tender"])
        self._log = LogPage(self._render, services["audit"])

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._tenders.list, methods=["GET"]),
            Route("/tender", self._tenders.list, methods=["GET"]),
            Route("/tender/{code:str}", self._tenders.detail, methods=["GET"]),
            Route("/log", self._log.show, methods=["GET"]),
            Mount("/static", app=_Static(directory=STATIC)),
        ]

    def words(self, scope: Scope, problem: Problem) -> Response:
        """A refusal, told in the way the caller reads."""
        if not wants_page(scope):
            return problem_response(problem)
        response = self._render.refusal(Request(scope), problem)
        response.headers.update(headers_of(problem))
        return response


class _Static(StaticFiles):
    """Addresses carry the file's hash (`?v=`), so that browsers may keep what they have."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=86400"
        return response
