"""Values that nobody means to send, and ways to put one into a request or an event that is right otherwise."""

import copy
from random import Random
from typing import Any

__all__ = ["ODD", "mutated"]

DEEP: Any = []
for _ in range(40):
    DEEP = [DEEP]

ODD: tuple[Any, ...] = (
    None,
    True,
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u202egnp.exe",
    "é" * 300,
    "x" * 20_000,
    "９９",
    "'; drop table tender; --",
    "../../etc/passwd",
    "{0.__class__}",
    "%s%n",
    "<b>tebal</b>",
    -1,
    0,
    0.1,
    1e308,
    2**31,
    2**63,
    2**64,
    10**400,
    "1e400",
    "-0.00",
    "NaN",
    "Infinity",
    "99999999999999999999.99",
    "0.005",
    "0001-01-01T00:00:00Z",
    "0001-01-01",
    "9999-12-31T23:59:59.999999+14:00",
    "9999-12-31",
    "2026-02-30",
    "2026-12-01T02:00:00",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "0" * 64,
    [],
    {},
    [None],
    {"": {}},
    DEEP,
)


def mutated(whole: Any, chance: Random, values: tuple[Any, ...] = ODD) -> Any:
    """The same with one place replaced, left out, doubled or added to."""
    changed = copy.deepcopy(whole)
    places = list(_places(changed))
    if not places:
        return chance.choice(values)
    holder, at = chance.choice(places)
    match chance.randrange(6):
        case 0 if isinstance(holder, dict):
            del holder[at]
        case 1 if isinstance(holder, dict):
            holder[str(chance.choice(values))[:50]] = chance.choice(values)
        case 2 if isinstance(holder, list):
            holder.extend(copy.deepcopy(holder))
        case _:
            holder[at] = chance.choice(values)
    return changed


def _places(value: Any) -> Any:
    """Every (holder, key or index) inside."""
    inside = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for at in inside:
        yield value, at
        yield from _places(value[at])
