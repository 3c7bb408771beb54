from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.servers import Postgres, RabbitMQ
from tests.bus.place import Place
from tests.containers import Broker


@pytest.fixture(scope="session")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A server of its own: here it is killed, and other tests keep what they made in theirs."""
    async with Postgres(_open(tmp_path_factory.mktemp("embedded-bus"))) as server:
        yield Place(server)


@pytest.fixture(scope="session")
def rabbitmq(rabbitmq: Broker) -> Place:
    """The broker of the whole run."""
    return Place(rabbitmq)


@pytest.fixture(scope="session")
def mortal_rabbitmq(local_rabbitmq: RabbitMQ) -> Place:
    """Killed here and frozen. It comes back on its port with all it was given: it may be the broker of the whole run."""
    return Place(local_rabbitmq)


def _open(directory: Path) -> Path:
    """pytest's directories are for root alone; a database server runs as somebody else."""
    for parent in (directory, *directory.parents[:2]):
        parent.chmod(0o711)
    return directory


@pytest.fixture(params=["embedded", "rabbitmq"])
def place(request: pytest.FixtureRequest) -> Place:
    """Every test that takes this runs on both backends."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["embedded", pytest.param("mortal_rabbitmq", id="rabbitmq")])
def mortal(request: pytest.FixtureRequest) -> Place:
    """As `place`, of servers that may be killed."""
    found: Place = request.getfixturevalue(request.param)
    return found
