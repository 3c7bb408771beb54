"""`lpse up`: everything on this machine until Ctrl-C."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2

from cli.bundle import bundle
from cli.connections import Connections
from cli.copies import Copy, load
from cli.installation import Installation
from cli.keeping import Kept, keeping
from cli.mistakes import Mistake
from cli.servers.ports import LOOPBACK
from cli.serving import listening, require_free, until_stopped
from cli.system import Options, System, Trainee, environment_of, in_one_process, installed, spare_port
from gateway import app as gateway
from gateway.upstream import InProcess
from kit import telemetry
from kit.settings import GatewaySettings
from services import SERVICES

__all__ = ["running", "up"]

ROOT = Path(__file__).resolve().parent.parent
_ALL = [*(f"services.{name}.app" for name in SERVICES), "gateway.app"]
STARTS = 5
"""Failures in a row after which a server is given up. A service is tried for ever: it may only wait for a server."""


def say(sentence: str) -> None:
    print(f"lpse: {sentence}", file=sys.stderr, flush=True)


async def up(options: Options, *, processes: bool) -> None:
    telemetry.configure_logs("WARNING", json=not sys.stderr.isatty())
    await _get_scripts()
    async with _kept_running(options, processes=processes) as (system, keepers):
        print(_greeting(system), flush=True)
        await _until_ended(keepers)
        say("stopping: requests in hand are finished first")


async def _get_scripts() -> None:
    """Without them the portal still shows everything; only what a browser computes is missing, and says so on its page."""
    try:
        await asyncio.to_thread(bundle, say)
    except Mistake as why:
        say(f"{why} Until then nobody can hand in a file with a browser; everything else works.")


async def _until_ended(keepers: Sequence[asyncio.Task[None]]) -> None:
    """Until somebody stops it; what cannot be kept running ends everything, and says so."""
    asked = asyncio.create_task(until_stopped())
    try:
        await asyncio.wait([asked, *keepers], return_when=asyncio.FIRST_COMPLETED)
        for keeper in keepers:
            if keeper.done() and not asked.done():
                keeper.result()
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)


@asynccontextmanager
async def running(options: Options, *, processes: bool = False) -> AsyncIterator[System]:
    """The whole system, answering on the gateway's port; what ends by itself is started again."""
    async with _kept_running(options, processes=processes) as (system, _):
        yield system


@asynccontextmanager
async def _kept_running(
    options: Options, *, processes: bool
) -> AsyncIterator[tuple[System, Sequence[asyncio.Task[None]]]]:
    require_free(options.port)
    async with installed(options, say) as system:
        system.kept |= {server.name.lower(): Kept(server, say, STARTS) for server in system.servers}
        say("starting services and gateway")
        load(["cli.main", "cli.serve", "witness.app", *(_ALL if processes else [])])
        start = _apart if processes else _together
        async with _watched(system), start(system, options.port), keeping(system.kept.values()) as keepers:
            yield system, keepers


@asynccontextmanager
async def _watched(system: System) -> AsyncIterator[None]:
    """Witnesses are somebody else's: each is a process of its own in any case."""
    installation = system.installation
    async with AsyncExitStack() as stack:
        for one in system.witnesses:
            part = _Part(installation, "witness", one.port, {**os.environ, **one.environment}, called=one.name)
            stack.push_async_callback(part.stop)
            await part.start()
            system.kept[part.name] = Kept(part, say)
        yield


@asynccontextmanager
async def _together(system: System, port: int) -> AsyncIterator[None]:
    async with in_one_process(system):
        upstreams = {name: InProcess(service.app) for name, service in system.services.items()}
        settings = gateway_settings(system.installation)
        app, guard = gateway.build(settings, upstreams), Connections(settings)
        async with gateway.running(app), listening(app, host=LOOPBACK, port=port, connections=guard):
            yield


@asynccontextmanager
async def _apart(system: System, port: int) -> AsyncIterator[None]:
    """A process per service and one for the gateway: what the fault tests kill."""
    installation = system.installation
    ports = {name: spare_port() for name in SERVICES}
    environments = {name: environment_of(installation, name) for name in SERVICES}
    parts = [_Part(installation, name, ports[name], environments[name]) for name in SERVICES]
    parts.append(_Part(installation, "gateway", port, _gateway_environment(installation, ports)))
    async with AsyncExitStack() as stack:
        for part in parts:
            stack.push_async_callback(part.stop)
            await part.start()
            system.kept[part.name] = Kept(part, say)
        yield


class _Part:
    """A service, the gateway or a witness in a process of its own."""

    def __init__(
        self, installation: Installation, name: str, port: int, environment: Mapping[str, str], called: str = ""
    ) -> None:
        logs = installation.var / "logs"
        logs.mkdir(exist_ok=True)
        self.name = called or name
        self.log = logs / f"{self.name}.log"
        self._process = Copy(self.name, log=self.log, cwd=ROOT)
        self._command = ["serve", name, "--host", LOOPBACK, "--port", str(port)]
        self._environment = {**environment, "PYTHONPATH": str(ROOT)}
        self._url = f"http://{LOOPBACK}:{port}/health/ready"

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    async def start(self) -> None:
        await self._process.start(self._command, self.answers, env=self._environment)

    async def stop(self) -> None:
        await self._process.stop(30)

    async def answers(self) -> bool:
        return await _answers(self._url)


async def _answers(url: str) -> bool:
    try:
        # asked many times a second while it starts; to make ready for TLS would take 30 ms of processor each time
        async with httpx2.AsyncClient(timeout=5, trust_env=False, verify=False) as http:
            return (await http.get(url)).status_code == 200
    except httpx2.HTTPError:
        return False


def _gateway_environment(installation: Installation, ports: Mapping[str, int]) -> dict[str, str]:
    settings = gateway_settings(installation)
    upstreams = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
    values = settings.model_copy(update={"upstreams": upstreams}).model_dump(mode="json", exclude_none=True)
    return {
        f"LPSE_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
    }


def gateway_settings(installation: Installation) -> GatewaySettings:
    """The environment says what `up` cannot know: LPSE_PUBLIC_URL behind a web server, LPSE_TRUSTED_PROXIES, LPSE_HOURS."""
    return GatewaySettings(
        instance=installation.instance,
        profile=installation.profile,
        keys=installation.keys("gateway"),
        jwks=installation.jwks,
        public_url=os.environ.get("LPSE_PUBLIC_URL") or installation.gateway,
        trace_ratio=installation.trace_ratio,
    )


def _greeting(system: System) -> str:
    installation = system.installation
    backends = installation.backends
    lines = [
        "",
        f"OpenLPSE answers at {installation.gateway}",
        *([f"  and, through its web server, at {public}"] if (public := os.environ.get("LPSE_PUBLIC_URL")) else []),
        f"  database  {backends.database}",
        f"  objects   {backends.objects}",
        f"  bus       {backends.bus}",
        *[f"  witness   {one.name} at http://{LOOPBACK}:{one.port}" for one in system.witnesses],
    ]
    if system.trainees:
        lines += ["", "Accounts of the training tenant (password; second factor for an authenticator app):"]
        lines += [_line(trainee) for trainee in system.trainees]
        where = "" if installation.var == ROOT / "var" else f" --var {installation.var}"
        lines += ["", f"Without such an app: ./lpse code ACCOUNT{where} prints the six digits of now."]
    return "\n".join([*lines, "", "Ctrl-C stops all of it; ./lpse up starts it again with everything as it was."])


def _line(trainee: Trainee) -> str:
    return f"  {trainee.user_id:<14} {trainee.role:<14} {trainee.password:<14} {trainee.totp_secret}  {trainee.name}"
