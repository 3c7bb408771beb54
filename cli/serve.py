"""`lpse serve NAME`: one service, or the gateway, as a process of its own; configured by its environment alone."""

from contextlib import AsyncExitStack

import structlog
from pydantic import ValidationError

from cli.mistakes import Mistake
from cli.serving import listening, until_stopped
from cli.wiring import topology
from kit import telemetry
from kit.bus import Bus, BusUnavailable
from kit.bus.choice import open_bus
from kit.settings import GatewaySettings, Settings
from services import build

__all__ = ["serve"]

log = structlog.get_logger()


async def serve(name: str, *, host: str, port: int, only: str | None) -> None:
    try:
        await _serve(name, host, port, only)
    except ValidationError as error:
        wrong = sorted({f"LPSE_{str(found['loc'][0]).upper()}" for found in error.errors() if found["loc"]})
        raise Mistake(f"{name} is configured by its environment; missing or wrong: {', '.join(wrong)}.") from error


async def _serve(name: str, host: str, port: int, only: str | None) -> None:
    if name == "gateway":
        await _gateway(host, port)
    else:
        await _service(name, host, port, only)


async def _service(name: str, host: str, port: int, only: str | None) -> None:
    """API and background work together, or one of them (`--only`), so that a cluster can scale them apart."""
    settings = Settings()
    telemetry.configure_logs(settings.log_level)
    service = build(name, settings)
    async with AsyncExitStack() as stack:
        bus = open_bus(settings.bus.get_secret_value(), application=f"lpse {name}")
        stack.push_async_callback(bus.close)
        await _join(bus, settings.prefix)
        await stack.enter_async_context(service.running(bus, worker=only != "api"))
        await stack.enter_async_context(listening(service.app, host=host, port=port))
        await until_stopped()


async def _join(bus: Bus, prefix: str) -> None:
    """A broker that is away keeps no service from starting: its outbox waits, and the queues are declared later."""
    await bus.start()
    try:
        await bus.declare(topology(prefix))
    except BusUnavailable as away:
        log.warning("the bus is away", why=str(away))


async def _gateway(host: str, port: int) -> None:
    from gateway import app as gateway
    from gateway.upstream import Http

    settings = GatewaySettings()
    telemetry.configure_logs(settings.log_level)
    upstreams = {name: Http(url) for name, url in settings.upstreams.items()}
    app = gateway.build(settings, upstreams)
    async with gateway.running(app), listening(app, host=host, port=port):
        await until_stopped()
