"""RabbitMQ from the distribution's package `rabbitmq-server`, run on its own ports and directories by any user."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from cli.servers.directory import closed, private, secret
from cli.servers.packages import install, may_install
from cli.servers.ports import LOOPBACK, answers, free_ports, take
from cli.servers.process import Process, Say, ServerError, run, silent
from cli.servers.server import Server

HOME: Final = Path("/usr/lib/rabbitmq")
PROGRAM: Final = HOME / "bin" / "rabbitmq-server"
USER: Final = "lpse"
GREETING: Final = b"AMQP\x00\x00\x09\x01"
NEEDED: Final = (
    "RabbitMQ is not installed on this machine. On Debian or Ubuntu: apt-get install rabbitmq-server. "
    "Or give the address of a running one with --bus amqp://..."
)


class RabbitMQ(Server):
    """One broker, with its own port mapper (epmd), which ends with it."""

    name = "RabbitMQ"

    def __init__(
        self, directory: Path, port: int | None = None, *, plugins: tuple[str, ...] = (), say: Say = silent
    ) -> None:
        super().__init__(directory, say=say)
        self.plugins = plugins
        self.port = port
        self._mapper: Process | None = None
        self._env: dict[str, str] = {}

    @property
    def version(self) -> str:
        return server_version()

    @property
    def url(self) -> str:
        """Without a slash at the end: that would name the virtual host with the empty name."""
        return f"amqp://{USER}:{secret(self.directory / 'password')}@{LOOPBACK}:{self.port}"

    @property
    def mapper_pid(self) -> int | None:
        return self._mapper.pid if self._mapper else None

    async def _launch(self) -> Process:
        if not rabbitmq_available():
            raise ServerError(NEEDED)
        self.port = take(self.port, self.name)
        distribution, mapper_port = free_ports(2)
        self._configure()
        self._env = env = self._environment(distribution, mapper_port)
        self.say(f"RabbitMQ {self.version}: starting, which takes 10 to 20 seconds")
        self._mapper = Process("epmd", log=self.directory / "epmd.log")
        await self._mapper.start(
            ["epmd", "-address", LOOPBACK, "-port", str(mapper_port)], lambda: answers(mapper_port), env=env
        )
        broker = Process(self.name, log=self.log, note=self._note, cwd=self.directory)
        await broker.start([PROGRAM], self.answers, env=env, seconds=180)
        return broker

    async def control(self, *words: str) -> str:
        """Run `rabbitmqctl` against this broker (about a second), for example `control("add_vhost", "test")`."""
        return await run([HOME / "bin" / "rabbitmqctl", "--quiet", *words], env=self._env)

    async def stop(self) -> None:
        await super().stop()
        if self._mapper:
            await self._mapper.stop()
        self._mapper = None

    def _configure(self) -> None:
        for folder in ("home", "mnesia", "log", "schema"):
            closed(self.directory / folder)
        private(
            self.directory / "rabbitmq.conf",
            "\n".join(
                [
                    "loopback_users = none",
                    f"default_user = {USER}",
                    f"default_pass = {secret(self.directory / 'password')}",
                    "disk_free_limit.absolute = 200MB",
                    "vm_memory_high_watermark.absolute = 512MB",
                    "log.file = false",
                    "log.console = true",
                    "log.console.level = warning",
                    "",
                ]
            ),
        )
        (self.directory / "enabled_plugins").write_text(f"[{','.join(self.plugins)}].\n")

    def _environment(self, distribution: int, mapper: int) -> dict[str, str]:
        here = self.directory
        return {
            "HOME": str(here / "home"),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": "lpse@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(here / "mnesia"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_PID_FILE": str(here / "broker.pid"),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(here / "schema"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # the start script then becomes the broker instead of waiting for it: one process to signal
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-noinput -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    async def answers(self) -> bool:
        """Tell whether a client that says the AMQP greeting is answered with a frame."""
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        try:
            writer.write(GREETING)
            return await asyncio.wait_for(reader.read(1), 5) == b"\x01"
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()


def rabbitmq_available() -> bool:
    """Tell whether `RabbitMQ` can run here."""
    return PROGRAM.exists() and shutil.which("epmd") is not None


def server_version() -> str:
    """Return for example "3.10.8"."""
    found = sorted((HOME / "lib").glob("rabbitmq_server-*"))
    if not found:
        raise ServerError(NEEDED)
    return found[-1].name.removeprefix("rabbitmq_server-")


async def install_rabbitmq() -> None:
    """Install the distribution's package, as root on Debian or Ubuntu, without starting its service."""
    if rabbitmq_available():
        return
    if not may_install():
        raise ServerError(NEEDED)
    await install("rabbitmq-server")
    if shutil.which("systemctl"):  # nor at the next boot
        with suppress(ServerError):
            await run(["systemctl", "disable", "rabbitmq-server"])
