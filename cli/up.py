"""`lpse up`: everything on this machine until Ctrl-C."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2

from cli.installation import Installation
from cli.servers.ports import LOOPBACK
from cli.servers.process import Process, ServerError
from cli.servers.server import Server
from cli.serving import listening, require_free, until_stopped
from cli.system import Options, System, Trainee, environment_of, in_one_process, installed, spare_port
from gateway import app as gateway
from gateway.upstream import InProcess
from kit import telemetry
from kit.settings import GatewaySettings
from services import SERVICES

__all__ = ["running", "up"]

ROOT = Path(__file__).resolve().parent.parent


def say(sentence: str) -> None:
    print(f"lpse: {sentence}", file=sys.stderr, flush=True)


async def up(options: Options, *, processes: bool) -> None:
    telemetry.configure_logs("WARNING", json=not sys.stderr.isatty())
    async with running(options, processes=processes) as system:
        print(_greeting(system), flush=True)
        await _until_ended(system.servers)
        say("stopping: requests in hand are finished first")


async def _until_ended(servers: Sequence[Server]) -> None:
    """Until somebody stops it; a database or store that ends by itself ends everything, and says so."""
    ends = {asyncio.create_task(_ended(server)): server for server in servers}
    asked = asyncio.create_task(until_stopped())
    try:
        await asyncio.wait([asked, *ends], return_when=asyncio.FIRST_COMPLETED)
        gone = [server for task, server in ends.items() if task.done()]
        if gone and not asked.done():
            raise ServerError(
                f"{gone[0].name} ended by itself; its log is {gone[0].log}. All of it is stopped now, and nothing that was "
                "acknowledged is lost: ./lpse up starts it again."
            )
    finally:
        for task in (asked, *ends):
            task.cancel()
        await asyncio.gather(asked, *ends, return_exceptions=True)


async def _ended(server: Server) -> None:
    while server.process is not None and server.process.running:
        await asyncio.sleep(1)


@asynccontextmanager
async def running(options: Options, *, processes: bool = False) -> AsyncIterator[System]:
    """The whole system, answering on the gateway's port."""
    require_free(options.port)
    async with installed(options, say) as system:
        say("starting services and gateway")
        start = _apart if processes else _together
        async with start(system, options.port):
            yield system


@asynccontextmanager
async def _together(system: System, port: int) -> AsyncIterator[None]:
    async with in_one_process(system):
        upstreams = {name: InProcess(service.app) for name, service in system.services.items()}
        app = gateway.build(gateway_settings(system.installation), upstreams)
        async with gateway.running(app), listening(app, host=LOOPBACK, port=port):
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
            stack.push_async_callback(part.process.stop, 30)
            await part.start()
        keepers = [asyncio.create_task(part.keep()) for part in parts]
        stack.push_async_callback(_cancelled, keepers)
        yield


class _Part:
    """A service or the gateway in a process of its own, started again whenever it ends by itself."""

    def __init__(self, installation: Installation, name: str, port: int, environment: Mapping[str, str]) -> None:
        logs = installation.var / "logs"
        logs.mkdir(exist_ok=True)
        self.name = name
        self.process = Process(name, log=logs / f"{name}.log", cwd=ROOT)
        self._command = [sys.executable, "-P", "-m", "cli", "serve", name, "--host", LOOPBACK, "--port", str(port)]
        self._environment = {**environment, "PYTHONPATH": str(ROOT)}
        self._url = f"http://{LOOPBACK}:{port}/health/ready"

    async def start(self) -> None:
        await self.process.start(self._command, lambda: _answers(self._url), env=self._environment)

    async def keep(self) -> None:
        while True:
            while self.process.running:
                await asyncio.sleep(0.5)
            say(f"{self.name} ended by itself (exit code {self.process.exit_code}); starting it again")
            try:
                await self.start()
            except ServerError as error:
                say(str(error))
                await asyncio.sleep(5)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _answers(url: str) -> bool:
    try:
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:
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
    return GatewaySettings(
        instance=installation.instance,
        profile=installation.profile,
        keys=installation.keys("gateway"),
        jwks=installation.jwks,
        public_url=installation.gateway,
        trace_ratio=installation.trace_ratio,
    )


def _greeting(system: System) -> str:
    installation = system.installation
    backends = installation.backends
    lines = [
        "",
        f"OpenLPSE answers at {installation.gateway}",
        f"  database  {backends.database}",
        f"  objects   {backends.objects}",
        f"  bus       {backends.bus}",
    ]
    if system.trainees:
        lines += ["", "Accounts of the training tenant (password; second factor for an authenticator app):"]
        lines += [_line(trainee) for trainee in system.trainees]
    return "\n".join([*lines, "", "Ctrl-C stops all of it; ./lpse up starts it again with everything as it was."])


def _line(trainee: Trainee) -> str:
    return f"  {trainee.user_id:<14} {trainee.role:<14} {trainee.password:<14} {trainee.totp_secret}  {trainee.name}"
