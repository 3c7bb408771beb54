from collections.abc import AsyncIterator

import httpx2
import pytest

from cli.system import Options, System, spare_port
from cli.up import running
from tests.conftest import reachable
from tests.limits.crowd import client


@pytest.fixture(scope="session")
async def apart(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """The system as a cluster runs it: a process per service, the gateway before them."""
    options = Options(var=reachable(tmp_path_factory.mktemp("limits")), port=spare_port(), prefix="batas")
    async with running(options, processes=True) as system:
        yield system


@pytest.fixture
async def http(apart: System) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(apart.installation.gateway) as http:
        yield http


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))
