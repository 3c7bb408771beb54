from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.servers import Postgres, SeaweedFS
from tests.access.story import tell
from tests.access.world import World, open_world


@pytest.fixture(scope="module")
async def world(
    postgres: Postgres, templates: dict[str, str], seaweedfs: SeaweedFS, key_home: Path
) -> AsyncIterator[World]:
    async with open_world(postgres, templates, seaweedfs, key_home) as world:
        await tell(world)
        yield world
