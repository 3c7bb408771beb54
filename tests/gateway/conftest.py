from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from gateway import app as gateway
from gateway.upstream import InProcess, Upstream
from kit.settings import GatewaySettings
from tests.access.conftest import world
from tests.gateway.standins import Answers, Echo, Registry

__all__ = ["world"]  # the one that tests/access tells of, for pages before the real services

URL = "http://portal.test"


@pytest.fixture
def registry(key_home: Path) -> Registry:
    return Registry(key_home)


@pytest.fixture
def echo() -> Echo:
    return Echo()


def settings_with(key_home: Path, **others: Any) -> GatewaySettings:
    values = {
        "instance": "uji",
        "profile": "latihan",
        "public_url": URL,
        "keys": key_home / "gateway",
        "jwks": key_home / "jwks.json",
    }
    return GatewaySettings(**{**values, "trace_ratio": 1.0, **others})


MakeApp = Callable[..., Starlette]


@pytest.fixture
def make_app(key_home: Path, registry: Registry, echo: Echo) -> MakeApp:
    """`make_app(tender=app, profile="production")`: a gateway before stand-ins; upstreams may be given themselves."""

    def make(**given: Any) -> Starlette:
        services: dict[str, Any] = {"registry": registry.app, "tender": echo.app, "documents": echo.app}
        services |= {"helpdesk": Answers(), "audit": Answers()}
        services |= {name: given.pop(name) for name in list(given) if name in services}
        upstreams = {n: app if isinstance(app, Upstream) else InProcess(app) for n, app in services.items()}
        return gateway.build(settings_with(key_home, **given), upstreams)

    return make


Portal = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture
def portal(make_app: MakeApp) -> Portal:
    """A client of a gateway, without a network between: for answers that are small."""

    @asynccontextmanager
    async def open_portal(
        base_url: str = URL, client: tuple[str, int] = ("192.0.2.7", 1234), app: Any = None, **given: Any
    ) -> AsyncIterator[httpx2.AsyncClient]:
        app = app or make_app(**given)
        transport = httpx2.ASGITransport(app=app, client=client, raise_app_exceptions=False)
        async with gateway.running(app), httpx2.AsyncClient(transport=transport, base_url=base_url) as http:
            yield http

    return open_portal
