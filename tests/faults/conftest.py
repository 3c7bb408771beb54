"""Rigs that the tests of one file share: whatever one test breaks is whole again before the next."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.demo.portal import Portal
from cli.rig import Rig, rigged
from cli.system import Options, spare_port
from tests.conftest import USED, reachable
from tests.faults.work import Work


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reachable(tmp_path_factory.mktemp("faults"))


def options(home: Path) -> Options:
    """In a directory that PostgreSQL, which is somebody else where root runs it, may pass through."""
    (home / "var").mkdir(parents=True)
    home.chmod(0o711)
    return Options(var=reachable(home / "var"), port=spare_port(), prefix="uji", sweep=0.5)


@pytest.fixture(scope="module")
async def rig(home: Path) -> AsyncIterator[Rig]:
    async with rigged(options(home)) as rig:
        USED.add(f"bus {rig.installation.backends.bus}")
        yield rig


@pytest.fixture(scope="module")
async def work(rig: Rig, home: Path) -> AsyncIterator[Work]:
    async with Portal(rig.url) as portal:
        work = Work(rig.system, portal, home)
        await work.begin()
        yield work
