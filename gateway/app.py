"""The gateway, wired: `build(settings, upstreams)`."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from gateway.breaker import Guarded
from gateway.door import Door
from gateway.headers import Hosts
from gateway.limits import Buckets, InFlight
from gateway.login import Login
from gateway.openapi import Merged
from gateway.pages import Portal
from gateway.proxy import Proxy
from gateway.session import ServiceTokens, Sessions
from gateway.upstream import Upstream
from kit import telemetry
from kit.problems import NotFound, Problem
from kit.settings import GatewaySettings

__all__ = ["build", "running"]

FAILED_LOGINS_PER_MINUTE: Final = 10
FAILED_LOGINS_AT_ONCE: Final = 60
REQUESTS_AT_ONCE: Final = 128


def build(settings: GatewaySettings, upstreams: Mapping[str, Upstream]) -> Starlette:
    """The ASGI application; `running`, or a server that speaks the lifespan protocol, lets go of what it holds."""
    signals = telemetry.set_up("gateway", settings, settings.instance)
    services = {name: _guarded(name, upstream) for name, upstream in upstreams.items()}
    hosts, secure = Hosts(settings), is_secure(settings)
    sessions = Sessions(services["registry"], ServiceTokens(settings.keys))
    logins = Buckets(
        "too_many_logins",
        "Too many logins from this address have failed.",
        FAILED_LOGINS_PER_MINUTE,
        FAILED_LOGINS_AT_ONCE,
    )
    most = settings.max_json_bytes
    proxy = Proxy(services, sessions, hosts, secure=secure, logins=logins, max_json_bytes=most)
    login = Login(services["registry"], sessions, hosts, secure=secure, logins=logins, max_bytes=most)
    portal = Portal(settings, services)
    door = Middleware(
        Door,
        hosts=hosts,
        sessions=sessions,
        requests=Buckets("too_many_requests", "Too many requests in a minute.", settings.requests_per_minute),
        at_once=InFlight(REQUESTS_AT_ONCE),
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


def _guarded(name: str, upstream: Upstream) -> Upstream:
    """One that comes with limits of its own keeps them."""
    return upstream if isinstance(upstream, Guarded) else Guarded(name, upstream)


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[None]:
    """For a server that does not speak the lifespan protocol."""
    async with app.router.lifespan_context(app):
        yield


def is_secure(settings: GatewaySettings) -> bool:
    return settings.profile == "production" or settings.public_url.startswith("https://")


def _routes(proxy: Proxy, login: Login, portal: Portal, merged: Merged) -> list[BaseRoute]:
    async def openapi(_request: Request) -> Response:
        return JSONResponse(await merged.document(), headers={"cache-control": "public, max-age=60"})

    return [
        Route("/api/openapi.json", openapi, methods=["GET"]),
        Mount("/api", app=proxy),
        Mount("/log/1", app=proxy),
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
