"""The gateway, wired: `build(settings, upstreams)`."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from gateway.breaker import Guarded
from gateway.clients import Clients
from gateway.door import Door
from gateway.headers import Hosts
from gateway.login import Login
from gateway.logins import Logins
from gateway.openapi import Merged
from gateway.pages import Portal
from gateway.proxy import TRUST_ROOT, Proxy
from gateway.session import ServiceTokens, Sessions
from gateway.upstream import Upstream
from kit import telemetry
from kit.keys import KeyRing
from kit.limits import Limits
from kit.problems import NotFound, Problem
from kit.settings import GatewaySettings

__all__ = ["build", "running"]


def build(settings: GatewaySettings, upstreams: Mapping[str, Upstream]) -> Starlette:
    """The ASGI application; `running`, or a server that speaks the lifespan protocol, lets go of what it holds."""
    signals = telemetry.set_up("gateway", settings, settings.instance)
    limits = settings.limits
    services = {name: _guarded(name, upstream, limits) for name, upstream in upstreams.items()}
    hosts, secure = Hosts(settings), is_secure(settings)
    tokens = ServiceTokens(settings.keys)
    sessions = Sessions(services["registry"], tokens, limits=limits)
    logins = Logins(limits, tokens, settings.keys, KeyRing(settings.jwks))
    proxy = Proxy(services, sessions, hosts, secure=secure, limits=limits)
    login = Login(services["registry"], sessions, hosts, logins, secure=secure, limits=limits)
    portal = Portal(settings, services, sessions, login, hosts, proxy, secure=secure)
    door = Middleware(
        Door,
        hosts=hosts,
        sessions=sessions,
        clients=Clients(settings.trusted_proxies),
        limits=limits,
        signals=signals,
        words=portal.words,
        secure=secure,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        for service in services.values():
            await service.aclose()
        signals.shut_down()

    app = Starlette(
        routes=_routes(proxy, login, portal, Merged(services)),
        middleware=[door],
        exception_handlers={HTTPException: _words_for(portal)},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _guarded(name: str, upstream: Upstream, limits: Limits) -> Upstream:
    """One that comes with limits of its own keeps them."""
    return upstream if isinstance(upstream, Guarded) else Guarded(name, upstream, at_once=limits.at_once_per_service)


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[None]:
    """For a server that does not speak the lifespan protocol."""
    async with app.router.lifespan_context(app):
        yield


def is_secure(settings: GatewaySettings) -> bool:
    """Production always is: its settings refuse another address."""
    return settings.public_url.startswith("https://")


def _routes(proxy: Proxy, login: Login, portal: Portal, merged: Merged) -> list[BaseRoute]:
    async def openapi(_request: Request) -> Response:
        return JSONResponse(await merged.document(), headers={"cache-control": "public, max-age=60"})

    return [
        Route("/api/openapi.json", openapi, methods=["GET"]),
        Route("/api/registry/sessions", login.open_for_program, methods=["POST"]),
        Mount("/api", app=proxy),
        Mount("/log/1", app=proxy),
        Route(TRUST_ROOT, proxy),
        Route("/session", login.open, methods=["POST"]),
        Route("/session", login.close, methods=["DELETE"]),
        Route("/health/live", _live, methods=["GET"]),
        Route("/health/ready", _live, methods=["GET"]),
        *portal.routes(),
    ]


def _words_for(portal: Portal) -> Callable[[Request, Exception], Response]:
    """The router's own refusals, told like all others."""

    def handle(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        path = request.scope["path"]
        if error.status_code == 404:
            return portal.words(request.scope, NotFound("address", path))
        problem = Problem("method_refused", "{path} does not take {method}.", status=error.status_code,
                          remedy="Compare it with /api/openapi.json.", path=path, method=request.method)  # fmt: skip
        return portal.words(request.scope, problem)

    return handle


async def _live(_request: Request) -> Response:
    """Ready as soon as it runs: pages say themselves which service is away, so one that is away must not close the door."""
    return JSONResponse({"status": "live"})
