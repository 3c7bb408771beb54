"""The whole system in this process, as `lpse up` runs it, for flows through the gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.demo.portal import Portal
from cli.system import Options, System, spare_port
from cli.up import running
from tests.conftest import USED, reachable


@pytest.fixture(scope="session")
def system_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reachable(tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="session")
async def system(system_home: Path) -> AsyncIterator[System]:
    options = Options(var=system_home, port=spare_port(), prefix="uji", trace_ratio=1.0)
    async with running(options) as system:
        USED.add(f"bus {system.installation.backends.bus}")
        yield system


@pytest.fixture
async def portal(system: System) -> AsyncIterator[Portal]:
    async with Portal(system.installation.gateway) as portal:
        yield portal
