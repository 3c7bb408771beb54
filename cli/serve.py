"""`lpse serve NAME`: one service, or the gateway, as a process of its own; configured by its environment alone."""

from contextlib import AsyncExitStack

from cli.mistakes import Mistake
from cli.serving import listening, until_stopped
from kit import telemetry
from kit.bus.choice import open_bus
from kit.settings import GatewaySettings, Settings
from services import SERVICES, build

__all__ = ["serve"]


async def serve(name: str, *, host: str, port: int, only: str | None) -> None:
    if name == "gateway":
        await _gateway(host, port)
    elif name in SERVICES:
        await _service(name, host, port, only)
    else:
        raise Mistake(f"There is no service {name}: one of {', '.join((*SERVICES, 'gateway'))}.")


async def _service(name: str, host: str, port: int, only: str | None) -> None:
    """API and background work together, or one of them (`--only`), so that a cluster can scale them apart."""
    settings = Settings()
    telemetry.configure_logs(settings.log_level)
    service = build(name, settings)
    async with AsyncExitStack() as stack:
        bus = open_bus(settings.bus.get_secret_value(), application=f"lpse {name}")
        await bus.start()
        stack.push_async_callback(bus.close)
        await stack.enter_async_context(service.running(bus, worker=only != "api"))
        await stack.enter_async_context(listening(service.app, host=host, port=port))
        await until_stopped()


async def _gateway(host: str, port: int) -> None:
    from gateway import app as gateway
    from gateway.upstream import Http

    settings = GatewaySettings()
    telemetry.configure_logs(settings.log_level)
    upstreams = {name: Http(url) for name, url in settings.upstreams.items()}
    app = gateway.build(settings, upstreams)
    async with gateway.running(app), listening(app, host=host, port=port):
        await until_stopped()
