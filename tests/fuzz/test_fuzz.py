"""Whatever is sent: no server error, and every answer is one that the API's description promises."""

import time
from collections.abc import Callable

import pytest

from services import SERVICES
from tests.access.world import World
from tests.fuzz.fuzzer import Fuzzer

TARGETS = (*SERVICES, "gateway")
# hypothesis takes what others in this process do with `random` meanwhile for its own strategies' doing
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
EXAMPLES = 3
"""Of each route, and of the same through the gateway one."""
LONG_SECONDS = 1800


@pytest.mark.parametrize("target", TARGETS)
async def test_answers_keep_their_promises(
    world: World, target: str, record_property: Callable[[str, object], None]
) -> None:
    fuzzer = Fuzzer(world, target)
    await fuzzer.run(1 if target == "gateway" else EXAMPLES)
    record_property("fuzz", fuzzer.summary())
    assert fuzzer.broken == {}


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
async def test_answers_keep_their_promises_for_long(
    world: World, target: str, record_property: Callable[[str, object], None]
) -> None:
    fuzzer = Fuzzer(world, target)
    await fuzzer.run(50, until=time.monotonic() + LONG_SECONDS / len(TARGETS), first=1)
    record_property("fuzz", fuzzer.summary())
    assert fuzzer.broken == {}
