"""`lpse test`: every test this machine can run, against real servers; further arguments go to pytest."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["test"]

ROOT = Path(__file__).resolve().parent.parent


def test(arguments: Sequence[str], *, require: bool, long: bool) -> int:
    import pytest

    os.chdir(ROOT)
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    flags = [flag for flag, wanted in (("--require-backends", require), ("--long", long)) if wanted]
    if not arguments:  # the whole suite waits for servers half of its time
        flags += ["--numprocesses=2", "--dist=loadfile"]
        _get_rabbitmq()
    with TemporaryDirectory(prefix="lpse-test-") as home:
        # Of its own: another run would close pytest's shared directory to the servers of this one.
        return int(pytest.main([f"--basetemp={home}/run", *flags, *arguments]))


def _get_rabbitmq() -> None:
    """Before the workers begin: the distribution's installer is for one at a time."""
    from cli.servers import install_rabbitmq, rabbitmq_available

    if not rabbitmq_available() and os.geteuid() == 0 and Path("/usr/bin/apt-get").exists():
        asyncio.run(install_rabbitmq())
