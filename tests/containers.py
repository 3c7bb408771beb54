"""RabbitMQ in a container of the official image, where a Docker engine answers."""

import asyncio
import gc
import os
import secrets
import warnings
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cli.servers import RabbitMQ, ServerError

__all__ = ["IMAGE", "Broker", "ContainedRabbitMQ", "NoImage", "engine_answers"]

IMAGE: Final = "docker.io/library/rabbitmq:4.1.8"
"""Not 4.2.6 nor 4.3.0: they show a user not even its own queue."""

USER: Final = "lpse"
PORT: Final = 5672
PATIENCE: Final = 2
"""Seconds for an engine to say that it is there."""
FETCHING: Final = 600
STARTING: Final = 180
READY: Final = "Server startup complete"


class NoImage(Exception):
    """The engine answers, but has not got the image and cannot fetch it."""


@cache
def engine_answers() -> bool:
    """Tell whether containers can be had here, as Testcontainers looks for it. Where nothing speaks of Docker its modules,
    a third of a second, are not even read."""
    home = Path.home()
    places = Path("/var/run/docker.sock"), home / ".docker" / "config.json", home / ".testcontainers.properties"
    if "DOCKER_HOST" not in os.environ and not any(place.exists() for place in places):
        return False
    from docker.errors import DockerException
    from testcontainers.core.docker_client import DockerClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker forgets the socket that nobody answered
        with suppress(DockerException, OSError):
            DockerClient(timeout=PATIENCE).client.close()  # asked for the engine's version
            return True
        gc.collect()
    return False


class ContainedRabbitMQ:
    """One broker, for as long as the block lasts."""

    def __init__(self) -> None:
        from testcontainers.core.container import DockerContainer

        self._password = secrets.token_urlsafe(24)
        self._container = (
            DockerContainer(IMAGE, docker_client_kw={"timeout": FETCHING})
            .with_exposed_ports(PORT)
            .with_envs(RABBITMQ_DEFAULT_USER=USER, RABBITMQ_DEFAULT_PASS=self._password)
        )
        self._running = ExitStack()
        self.url = ""
        self.version = ""
        """What the broker says itself, not what its image is called."""

    async def control(self, *words: str) -> str:
        """As `RabbitMQ.control`."""
        return await asyncio.to_thread(self._control, *words)

    def log(self) -> bytes:
        return b"".join(self._container.get_logs())

    def __enter__(self) -> Self:
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy

        self._fetch()
        self._container.waiting_for(LogMessageWaitStrategy(READY).with_startup_timeout(STARTING))
        with ExitStack() as begun:
            begun.enter_context(self._container)
            host, port = self._container.get_container_host_ip(), self._container.get_exposed_port(PORT)
            self.url = f"amqp://{USER}:{self._password}@{host}:{port}"
            self.version = self._control("version").strip()
            self._running = begun.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _fetch(self) -> None:
        """Ours, and that of the container with which Testcontainers clears up after a killed run."""
        from docker.errors import DockerException, ImageNotFound
        from testcontainers.core.config import testcontainers_config

        images = self._container.get_docker_client().client.images
        janitor = [] if testcontainers_config.ryuk_disabled else [testcontainers_config.ryuk_image]
        for name in (self._container.image, *janitor):
            try:
                try:
                    images.get(name)
                except ImageNotFound:
                    images.pull(name)
            except (DockerException, OSError) as error:
                self._container.get_docker_client().client.close()
                raise NoImage(f"{name} cannot be had ({type(error).__name__})") from error

    def _control(self, *words: str) -> str:
        done = self._container.exec(["rabbitmqctl", "--quiet", *words])
        printed = done.output.decode(errors="replace")
        if done.exit_code:
            raise ServerError(f"rabbitmqctl failed (exit code {done.exit_code}):\n{printed.strip()}")
        return printed


Broker = RabbitMQ | ContainedRabbitMQ
