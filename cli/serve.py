"""`lpse serve NAME`: one service, the gateway or a witness as a process of its own; configured by its environment alone."""

import asyncio
import os
from contextlib import AsyncExitStack
from typing import Final

import structlog
from pydantic import ValidationError

from cli.bundle import bundle
from cli.connections import Connections
from cli.mistakes import Mistake
from cli.serving import listening, until_stopped
from cli.system import PARTS
from cli.variables import refuse_slips, told
from cli.wiring import topology
from kit import telemetry
from kit.bus import Bus, BusUnavailable
from kit.bus.choice import open_bus
from kit.keys import KeyRing, SigningKey, UntrustedKey
from kit.settings import CannotStart, GatewaySettings, Settings
from services import SERVICES, build
from witness.settings import WitnessSettings

__all__ = ["WITNESS", "serve"]

WITNESS: Final = "witness"

log = structlog.get_logger()


async def serve(name: str, *, host: str, port: int, only: str | None) -> None:
    """Raises Mistake, before anything listens, for what is wrong in the environment, the keys or the database."""
    try:
        refuse_slips(os.environ, Settings, GatewaySettings, WitnessSettings)
        await _serve(name, host, port, only)
    except ValidationError as error:
        raise Mistake(f"{name} does not start: {told(error)}") from error
    except (CannotStart, UntrustedKey) as error:
        raise Mistake(f"{name} does not start: {error}") from error


def _refuse_untrusted(name: str, settings: Settings | GatewaySettings) -> None:
    """Keys are needed long after the start; what is wrong with them is said now."""
    try:
        KeyRing(settings.jwks)
    except (OSError, ValueError) as error:
        raise CannotStart(f"LPSE_JWKS cannot be used: {error}.") from error
    for purpose in next(part.purposes for part in PARTS if part.name == name):
        SigningKey.load(settings.keys, name, purpose)


async def _serve(name: str, host: str, port: int, only: str | None) -> None:
    if name == "gateway":
        await _gateway(host, port)
    elif name == WITNESS:
        await _witness(host, port)
    else:
        await _service(name, host, port, only)


async def _service(name: str, host: str, port: int, only: str | None) -> None:
    """API and background work together, or one of them (`--only`), so that a cluster can scale them apart."""
    settings = Settings()
    telemetry.configure_logs(settings.log_level)
    _refuse_untrusted(name, settings)
    service = build(name, settings)
    if service.bucket:
        service.store()
    async with AsyncExitStack() as stack:
        bus = open_bus(settings.bus.get_secret_value(), application=f"lpse {name}")
        stack.push_async_callback(bus.close)
        await _join(bus, settings.prefix)
        await stack.enter_async_context(service.running(bus, worker=only != "api"))
        await stack.enter_async_context(listening(service.app, host=host, port=port))
        stack.callback(service.hand_over)  # the next replica need not wait for our requests in hand
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
    _refuse_untrusted("gateway", settings)
    if missing := sorted(set(SERVICES) - set(settings.upstreams)):
        raise CannotStart(f"LPSE_UPSTREAMS names no address of {', '.join(missing)}.")
    await _get_scripts(settings)
    upstreams = {name: Http(url) for name, url in settings.upstreams.items()}
    app = gateway.build(settings, upstreams)
    async with gateway.running(app), listening(app, host=host, port=port, connections=Connections(settings)):
        await until_stopped()


async def _witness(host: str, port: int) -> None:
    from witness.app import build

    settings = WitnessSettings()
    telemetry.configure_logs(settings.log_level)
    witness = build(settings)
    async with witness.running(), listening(witness.app, host=host, port=port):
        log.info("this witness signs as", key=str(witness.key))
        await until_stopped()


async def _get_scripts(settings: GatewaySettings) -> None:
    """An image brings them along; a production portal without them would take no bid from a browser."""
    try:
        await asyncio.to_thread(bundle, log.info)
    except Mistake as why:
        if settings.profile == "production":
            raise Mistake(f"gateway does not start: {why}") from why
        log.warning("the portal has no scripts", why=str(why))
