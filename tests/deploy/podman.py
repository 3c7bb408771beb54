"""Podman as these tests use it, and the image made with it from deploy/Containerfile."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.deploy.manifests import ROOT

__all__ = ["IMAGE", "PACKAGES", "Podman", "usable"]

IMAGE = "localhost/openlpse-test"
BASE = "localhost/openlpse-test-base"
PACKAGES = ("podman", "runc", "netavark", "aardvark-dns", "catatonit", "iptables", "iproute2", "debootstrap", "buildah")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
"""
"""Limits that also a machine grants that is itself a container."""


def usable() -> bool:
    programs = ("podman", "runc", "ip", "iptables", "debootstrap")
    return os.geteuid() == 0 and all(shutil.which(program) for program in programs)


class Podman:
    def __init__(self, home: Path) -> None:
        self.home = home
        configuration = home / "containers.conf"
        configuration.write_text(CONFIGURATION)
        self.environment = os.environ | {"CONTAINERS_CONF": str(configuration)}

    async def __call__(self, *words: str, seconds: float = 120) -> str:
        done = await asyncio.to_thread(self._run, ["podman", *words], seconds)
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr[-3000:]}"
        return done.stdout.strip()

    async def logs(self, container: str) -> str:
        """What it printed, to either of its outputs."""
        done = await asyncio.to_thread(self._run, ["podman", "logs", container], 60)
        return done.stdout + done.stderr

    async def told(self, kind: str, name: str) -> Any:
        return json.loads(await self(kind, "inspect", name))

    async def build(self, tag: str, *words: str) -> str:
        """The image's id."""
        await self("build", "--network", "host", "--pull=never", "--tag", tag, *words, seconds=1200)
        return await self("image", "inspect", "--format", "{{.Id}}", tag)

    async def exists(self, image: str) -> bool:
        return (await asyncio.to_thread(self._run, ["podman", "image", "exists", image], 60)).returncode == 0

    async def base(self) -> str:
        """Debian, made of its packages, to build upon."""
        if not await self.exists(f"{BASE}-build"):
            made = await asyncio.to_thread(self._run, [str(ROOT / "deploy" / "base-image"), BASE], 1200)
            assert made.returncode == 0, made.stderr
        return BASE

    async def image(self) -> str:
        """Of this checkout; on Debian's packages where no registry of images can be reached."""
        epoch = self._git("log", "-1", "--format=%ct")
        await self.base()
        arguments = {
            "SOURCE_DATE_EPOCH": epoch,
            "REVISION": self._git("rev-parse", "HEAD"),
            "BUILD_IMAGE": f"{BASE}-build",
            "BASE_IMAGE": BASE,
        }
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        mounted = ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
        file = ["--file", str(ROOT / "deploy" / "Containerfile"), "--timestamp", epoch]
        return await self.build(IMAGE, *given, *mounted, *file, str(ROOT))

    def _git(self, *words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    def _run(self, command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=seconds,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
