"""The portal: pages made on the server, usable without scripts, the same facts as the JSON."""

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gateway.errors import headers_of, problem_response, wants_page
from gateway.headers import Hosts
from gateway.login import Login
from gateway.pages import (
    announcements,
    audit,
    checker,
    committee,
    complaints,
    components,
    guide,
    home,
    layanan,
    log,
    officials,
    packages,
    provider,
    system,
    tenders,
    tickets,
    verification,
)
from gateway.pages.account import AccountPages
from gateway.pages.dossiers import Dossiers
from gateway.pages.downloads import Downloads
from gateway.pages.kept import Kept
from gateway.pages.page import SQUEEZED
from gateway.pages.provider.registration import RegistrationPages
from gateway.pages.render import GENERATED, STATIC, YEAR, Renderer
from gateway.pages.visit import Reception
from gateway.proxy import Proxy
from gateway.session import Sessions
from gateway.upstream import Upstream
from kit.problems import Problem
from kit.settings import GatewaySettings

__all__ = ["Portal"]

PUBLIC = (
    *home.PAGES,
    *tenders.PAGES,
    *complaints.PAGES,
    *tickets.PAGES,
    *announcements.PAGES,
    *guide.PAGES,
    *checker.PAGES,
    *log.PAGES,
    *components.PAGES,
)
DESKS = (
    *provider.PAGES,
    *verification.PAGES,
    *packages.PAGES,
    *committee.PAGES,
    *layanan.PAGES,
    *officials.PAGES,
    *audit.PAGES,
    *system.PAGES,
)


class Portal:
    def __init__(
        self,
        settings: GatewaySettings,
        services: Mapping[str, Upstream],
        sessions: Sessions,
        login: Login,
        hosts: Hosts,
        proxy: Proxy,
        *,
        secure: bool,
    ) -> None:
        kept = Kept(services)
        self._render = Renderer(settings, services["tender"], kept)
        self._reception = Reception(
            self._render, services, kept, sessions, hosts, limits=settings.limits, secure=secure
        )
        self._pages = (*PUBLIC, *DESKS, *AccountPages(login).pages(), *RegistrationPages(login).pages())
        self._downloads, self._dossiers = Downloads(proxy), Dossiers(proxy)

    def routes(self) -> list[BaseRoute]:
        return [
            *(page.route(self._reception) for page in self._pages),
            *self._downloads.routes(self._reception),
            *self._dossiers.routes(self._reception),
            Route("/words/id.json", self._words, methods=["GET"], middleware=SQUEEZED),
            Mount("/static", app=_Static(directory=STATIC), middleware=SQUEEZED),
        ]

    async def _words(self, _request: Request) -> Response:
        return JSONResponse(self._render.problem_words, headers={"cache-control": "public, max-age=3600"})

    def words(self, scope: Scope, problem: Problem) -> Response:
        """A refusal, told in the way the caller reads."""
        if not wants_page(scope):
            return problem_response(problem)
        response = self._render.refusal(Request(scope), problem)
        response.headers.update(headers_of(problem))
        return response


class _Static(StaticFiles):
    """Addresses carry the file's hash (`?v=`, or a bundle's name), so that browsers may keep what they have."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        bundled = Path(str(args[0])).parent == GENERATED and not str(args[0]).endswith(".json")
        response.headers["cache-control"] = f"public, max-age={YEAR}, immutable" if bundled else "public, max-age=86400"
        return response
