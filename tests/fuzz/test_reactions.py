"""Whatever an event holds: it is applied, or it becomes a dead letter with a reason. It never stops its queue."""

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import text

from contracts import CATALOGUE
from kit.bus import Dead, Delivery, Message, Retry
from kit.inbox import LIMIT, _open
from tests.access.world import World
from tests.fuzz.fuzzer import QUIET
from tests.fuzz.oddities import mutated

CONSUMERS = ("tender", "helpdesk", "audit")
ENVELOPE = ("id", "source", "type", "subject", "time", "sequence", "instance", "seq", "prev", "traceparent", "actor")
SEEDS = range(400)


async def told(world: World) -> dict[str, dict[str, Any]]:
    """One real envelope of each type that the story emitted, and those it did not come to."""
    found: dict[str, dict[str, Any]] = {}
    for service in world.services.values():
        async with service.database.reading() as db:
            rows = await db.execute(text("select type, envelope from outbox where envelope is not null"))
            found |= {row.type: json.loads(row.envelope) for row in rows}
    like = found["tender.tender.announced.v1"]
    tender, now = like["subject"], datetime.now(UTC)
    window = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=2)).isoformat()}
    others: dict[str, dict[str, Any]] = {
        "helpdesk.maintenance.announced.v1": {"announcement": str(uuid4()), "tenders": ["10080001000"], **window},
        "tender.tender.failed.v1": {"tender": tender, "code": "10080001000", "ground": "F2"},
        "tender.disturbance.suspected.v1": {
            "tender": tender,
            "code": "10080001000",
            "bid": str(uuid4()),
            "instant": now.isoformat(),
            "closes_at": now.isoformat(),
        },
    }
    for type_, data in others.items():
        CATALOGUE[type_].parse(data)
        found.setdefault(type_, {**like, "source": type_.partition(".")[0], "type": type_, "data": data})
    return found


def odd(envelope: dict[str, Any], chance: random.Random) -> bytes:
    """This event with something wrong in it, or the bytes of it."""
    changed = copy.deepcopy(envelope) | {"id": str(uuid4())}
    part = chance.randrange(4)
    if part == 0:
        kept = {name: changed[name] for name in ENVELOPE if name in changed}
        changed = mutated(kept, chance) | {"data": changed["data"]}
    else:
        changed["data"] = mutated(changed["data"], chance)
        changed["sequence"] = chance.choice((0, 1, 10**6, -1, changed["sequence"]))
    body = json.dumps(changed).encode()
    return body if chance.random() < 0.95 else body[: chance.randrange(len(body))]


async def outcome(world: World, consumer: str, key: str, body: bytes) -> str:
    """How the consumer disposes of it, handed out as often as it asks for."""
    message = Message(str(uuid4()), key, body, {})
    for returned in range(LIMIT + 1):
        try:
            await world.services[consumer].inbox(Delivery(message, consumer, returned))
        except Retry:
            continue
        except Dead as dead:
            return dead.reason
        return "applied"
    raise AssertionError(f"{consumer} would try this for ever: {body[:2000]!r}")


@pytest.mark.parametrize("consumer", CONSUMERS)
async def test_odd_events_are_applied_or_die_with_a_reason(world: World, consumer: str) -> None:
    service, known = world.services[consumer], await told(world)
    wanted = sorted(known) if service.everything else sorted(service.subscriptions)
    assert set(wanted) <= set(known)
    outcomes = set()
    for number in SEEDS:
        chance = random.Random(number)
        type_ = chance.choice(wanted)
        outcomes.add(await outcome(world, consumer, type_, odd(known[type_], chance)))
    assert {"applied", "invalid"} <= outcomes
    assert "" not in outcomes
    for type_ in service.subscriptions - {"#"}:
        right = {**known[type_], "id": str(uuid4())}
        assert await outcome(world, consumer, type_, json.dumps(right).encode()) == "applied", type_


def test_bytes_that_are_no_event_die_at_once() -> None:
    @settings(QUIET, max_examples=200)
    @seed(1)
    @given(body=st.binary(max_size=400) | st.text(max_size=400).map(lambda said: json.dumps(said).encode()))
    def dies(body: bytes) -> None:
        with pytest.raises(Dead):
            _open(Delivery(Message("1", "a.b.c.v1", body, {}), "tender", 0))

    dies()
