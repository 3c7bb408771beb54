"""Programs that come from the distribution: installed as root on Debian or Ubuntu, without starting any service."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cli.servers.process import run

__all__ = ["install", "may_install"]

POLICY: Final = Path("/usr/sbin/policy-rc.d")
WAIT: Final = "-oDPkg::Lock::Timeout=300"  # another installer may be at work


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


async def install(*packages: str) -> None:
    print(f"Installing {', '.join(packages)} with apt-get (no service of it is started)", file=sys.stderr)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with _services_stay_off():
        await run(["apt-get", WAIT, "update", "-q"], env=quiet)
        await run(["apt-get", WAIT, "install", "-qy", "--no-install-recommends", *packages], env=quiet)


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """Debian asks this file before a package starts its service; 101 forbids it. One that exists is left alone."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    try:
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink()
