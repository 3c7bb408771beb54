"""`lpse up`: everything on this machine until Ctrl-C."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2

from cli.installation import Installation
from cli.servers.ports import LOOPBACK
from cli.servers.process import Process
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
        await until_stopped()
        say("stopping: requests in hand are finished first")


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
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            await _start(stack, installation, name, ports[name], environment_of(installation, name))
        await _start(stack, installation, "gateway", port, _gateway_environment(installation, ports))
        yield


async def _start(
    stack: AsyncExitStack, installation: Installation, name: str, port: int, environment: Mapping[str, str]
) -> None:
    (installation.var / "logs").mkdir(exist_ok=True)
    process = Process(name, log=installation.var / "logs" / f"{name}.log", cwd=ROOT)
    command = [sys.executable, "-P", "-m", "cli", "serve", name, "--host", LOOPBACK, "--port", str(port)]
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    url = f"http://{LOOPBACK}:{port}/health/ready"
    stack.push_async_callback(process.stop, 30)
    await process.start(command, lambda: _answers(url), env=environment)


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
    import json

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
