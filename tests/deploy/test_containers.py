"""A Docker engine gives the tests their broker: one that has the image, one that has not, and none."""

import asyncio
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread

import pytest

from cli.servers.process import Process
from tests.containers import IMAGE, PATIENCE, ContainedRabbitMQ, NoImage, engine_answers
from tests.deploy.manifests import ROOT
from tests.deploy.podman import Podman

VERSION = IMAGE.rpartition(":")[2]
asked = engine_answers.__wrapped__
"""Anew, whatever this run found."""

LOOK_ALIKE = "org.openlpse.look-alike"
CONTAINERFILE = """\
FROM {base}
RUN printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \\
    && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends rabbitmq-server
LABEL {label}=yes
ENV RABBITMQ_LOGS=-
USER rabbitmq
WORKDIR /var/lib/rabbitmq
CMD ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
"""
"""The distribution's broker, which takes user and password from the same variables as the official image."""


class Bare(BaseHTTPRequestHandler):
    """An engine without images that reaches no registry."""

    def do_GET(self) -> None:
        self._say(200, {"ApiVersion": "1.41"}) if self.path == "/version" else self._say(404, {"message": "no image"})

    def do_POST(self) -> None:
        self._say(500, {"message": "no registry"})

    def _say(self, status: int, told: dict[str, str]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def bare_engine(tmp_path: Path) -> Iterator[str]:
    with ThreadingUnixStreamServer(f"{tmp_path}/engine", Bare) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"unix://{tmp_path}/engine"
        server.shutdown()
        thread.join()


def test_an_engine_that_cannot_get_the_image_is_told(bare_engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", bare_engine)
    assert asked()
    with pytest.raises(NoImage, match=re.escape(f"{IMAGE} cannot be had")), ContainedRabbitMQ():
        pass


def test_no_engine_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine")
    assert not asked(), "nobody is there"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{tmp_path}/engine")
        silent.listen()
        began = time.monotonic()
        assert not asked(), "nobody speaks"
    assert time.monotonic() - began < PATIENCE + 1


@pytest.fixture
async def broker_image(podman: Podman, tmp_path: Path) -> AsyncIterator[None]:
    """Under the official one's name, unless that is here. It goes again, so that no later run takes it for that."""
    if await podman.exists(IMAGE) and LOOK_ALIKE not in (await podman.told("image", IMAGE))[0]["Labels"]:
        yield
        return
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Containerfile").write_text(CONTAINERFILE.format(base=await podman.base(), label=LOOK_ALIKE))
    await podman.build(IMAGE, str(tmp_path / "image"))
    yield
    await podman("image", "rm", "--force", IMAGE)


@pytest.fixture
async def engine(podman: Podman, tmp_path: Path) -> AsyncIterator[str]:
    """podman's, which speaks as Docker's does."""
    place = tmp_path / "podman.sock"
    address = f"unix://{place}"

    async def listens() -> bool:
        return place.exists()

    service = Process("podman", log=tmp_path / "podman.log")
    await service.start(["podman", "system", "service", "--time=0", address], listens, env=podman.environment)
    yield address
    await service.stop()


async def bus_tests(engine: str, *words: str) -> str:
    """What a run prints that finds this engine; it passes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {
        "DOCKER_HOST": engine,
        "TESTCONTAINERS_RYUK_DISABLED": "true",  # that janitor's image cannot be had either
        "TESTCONTAINERS_CONNECTION_MODE": "docker_host",  # by the published port, also from within a container
    }
    command = [ROOT / "lpse", "test", "--require-backends", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert re.search(rf"^backends: .*, rabbitmq {re.escape(VERSION)} \(container\), else ", done.stdout, re.MULTILINE)
    return done.stdout


@pytest.mark.long
@pytest.mark.usefixtures("broker_image")
async def test_the_bus_keeps_its_word_on_a_broker_in_a_container(podman: Podman, engine: str) -> None:
    said = await bus_tests(engine, "tests/bus", "-k", "not embedded")
    assert re.search(r"^backends used: .*\brabbitmq \d+\.\d+\.\d+ \(container\)", said, re.MULTILINE), said
    assert "since" not in said
    assert not await podman("ps", "--all", "--quiet", "--filter", f"ancestor={IMAGE}"), "nothing is left behind"


@pytest.mark.long
@pytest.mark.usefixtures("rabbitmq_installed")
async def test_without_the_image_a_run_goes_on_with_the_distributions(bare_engine: str) -> None:
    said = await bus_tests(bare_engine, "tests/bus/test_rights.py", "-k", "speak")
    assert f"\nrabbitmq: the distribution's and none in a container, since {IMAGE} cannot be had" in said
    assert re.search(r"^backends used: rabbitmq \d+\.\d+\.\d+$", said, re.MULTILINE), said
