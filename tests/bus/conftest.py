from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.servers import Postgres, RabbitMQ
from tests.bus.place import Place


@pytest.fixture(scope="session")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A server of its own: here it is killed, and other tests keep what they made in theirs."""
    async with Postgres(_open(tmp_path_factory.mktemp("embedded-bus"))) as server:
        yield Place(server)


@pytest.fixture(scope="session")
def rabbitmq(rabbitmq: RabbitMQ) -> Place:
    """The broker of the whole run. It is killed here too, and comes back on its port with all it was given."""
    return Place(rabbitmq)


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
