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
    if not arguments:  # four keep two cores busy: some always wait for servers
        # xdist would keep the files of few tests for last. Here those are the longest (tests/conftest.py puts them first).
        flags += ["--numprocesses=4", "--dist=loadfile", "--no-loadscope-reorder"]
        _get_programs()
    with TemporaryDirectory(prefix="lpse-test-") as home:
        # Of its own: another run would close pytest's shared directory to the servers of this one.
        return int(pytest.main([f"--basetemp={home}/run", *flags, *arguments]))


def _get_programs() -> None:
    """Before the workers begin: the distribution's installer is for one at a time."""
    from cli.servers import (
        chromium_available,
        install_chromium,
        install_poppler,
        install_rabbitmq,
        may_install,
        poppler_available,
        rabbitmq_available,
    )

    if not may_install():
        return
    if not rabbitmq_available():
        asyncio.run(install_rabbitmq())
    if not chromium_available():
        asyncio.run(install_chromium())
    if not poppler_available():
        asyncio.run(install_poppler())
