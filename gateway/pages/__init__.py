"""The portal: pages made on the server, usable without scripts, the same facts as the JSON."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gateway.errors import headers_of, problem_response, wants_page
from gateway.headers import Hosts
from gateway.login import Login
from gateway.pages import components, log, provider, tenders
from gateway.pages.account import AccountPages
from gateway.pages.downloads import Downloads
from gateway.pages.provider.registration import RegistrationPages
from gateway.pages.render import STATIC, Renderer
from gateway.pages.visit import Reception
from gateway.proxy import Proxy
from gateway.session import Sessions
from gateway.upstream import Upstream
from kit.problems import Problem
from kit.settings import GatewaySettings

__all__ = ["Portal"]

PUBLIC = (*tenders.PAGES, *log.PAGES, *components.PAGES, *provider.PAGES)


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
        self._render = Renderer(settings, services["tender"])
        self._reception = Reception(self._render, services, sessions, hosts, limits=settings.limits, secure=secure)
        self._pages = (*PUBLIC, *AccountPages(login).pages(), *RegistrationPages(login).pages())
        self._downloads = Downloads(proxy)

    def routes(self) -> list[BaseRoute]:
        return [
            *(page.route(self._reception) for page in self._pages),
            *self._downloads.routes(self._reception),
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
