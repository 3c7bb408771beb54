"""Which events there are, and who has had them."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from cli import dead
from cli.installation import Installation
from cli.mistakes import Mistake
from cli.wiring import subscriptions
from contracts.audit import LetterDiscarded
from kit.bus import BusUnavailable, matches
from kit.db import is_unavailable
from kit.inbox import inbox
from kit.outbox import outbox
from kit.settings import LOG_PERIOD
from services import SERVICES
from services.audit.models import ParkedEvent, PendingEntry

__all__ = ["Flow", "Unsettled", "settled"]


class Unsettled(Mistake):
    """After a long time something still waits; the sentence says what."""


class Emitted(NamedTuple):
    source: str
    type: str
    subject: UUID
    published: bool


@dataclass(frozen=True)
class Flow:
    """`given_up`: letters that an operator discarded, by service and event."""

    emitted: dict[UUID, Emitted]
    handled: dict[str, set[UUID]]
    dead: set[tuple[str, str]]
    given_up: set[tuple[str, str]]

    @classmethod
    async def read(cls, installation: Installation) -> "Flow":
        """What was emitted is read first and what was handled last: an event under way is never taken to be lost."""
        emitted = {}
        for name in SERVICES:
            async with installation.reading(name) as db:
                columns = (outbox.c.event_id, outbox.c.type, outbox.c.subject, outbox.c.published_at)
                for id, type_, subject, published in await db.execute(select(*columns)):
                    emitted[id] = Emitted(name, type_, subject, published is not None)
        letters = {(letter.queue, letter.id) for letter in await dead.letters(installation)}
        given_up = await _given_up(installation)
        handled = {}
        for name in SERVICES:
            async with installation.reading(name) as db:
                handled[name] = set((await db.execute(select(inbox.c.event_id))).scalars())
        return cls(emitted, handled, letters, given_up)

    def owed(self) -> Iterator[tuple[str, UUID]]:
        """Services and the events they want, have not handled, and can find neither among their dead letters."""
        for name, patterns in subscriptions().items():
            for id, event in self.emitted.items():
                wanted = any(matches(pattern, event.type) for pattern in patterns)
                if wanted and id not in self.handled[name] and (name, str(id)) not in self.dead | self.given_up:
                    yield name, id

    def unkept(self, told: Iterable[tuple[str, UUID]]) -> list[str]:
        """What somebody was told had happened, and happened not once."""
        there = Counter((event.type, event.subject) for event in self.emitted.values())
        return [
            f"{type_} about {subject} was acknowledged once and is stored {there[type_, subject]} times"
            for type_, subject in told
            if there[type_, subject] != 1
        ]

    def lost(self) -> list[str]:
        unpublished = [
            f"{event.source} has not published {event.type} {id}"
            for id, event in self.emitted.items()
            if not event.published
        ]
        return unpublished + [
            f"{name} has not handled {self.emitted[id].type} {id}, and it is no dead letter: if no queue holds it either, "
            f"lpse events resend --to {name}"
            for name, id in self.owed()
        ]

    async def phantoms(self, installation: Installation) -> list[str]:
        """What was handled and never emitted, as a second look at the outboxes says."""
        strange = {(name, id) for name, ids in self.handled.items() for id in ids - self.emitted.keys()}
        known: set[UUID] = set()
        for name in SERVICES if strange else ():
            async with installation.reading(name) as db:
                mine = select(outbox.c.event_id).where(outbox.c.event_id.in_([id for _, id in strange]))
                known |= set((await db.execute(mine)).scalars())
        return [f"{name} has handled {id}, which nobody emitted" for name, id in strange if id not in known]


async def _given_up(installation: Installation) -> set[tuple[str, str]]:
    acts: list[LetterDiscarded] = []
    for name in SERVICES:
        async with installation.reading(name) as db:
            told = (await db.execute(select(outbox.c.data).where(outbox.c.type == LetterDiscarded.TYPE))).scalars()
            acts += [LetterDiscarded.model_validate_json(data) for data in told]
    return {(act.service, act.letter) for act in acts}


async def settled(installation: Installation, seconds: float = 120) -> None:
    """Wait until whatever has been emitted by now was published, handled by all who want it, and logged."""
    end = time.monotonic() + seconds
    mine: set[UUID] | None = None
    while True:
        try:
            flow = await Flow.read(installation)
            mine = mine or set(flow.emitted)
            waits = await _waits(installation, flow, mine)
        except Exception as error:
            if not (isinstance(error, BusUnavailable) or is_unavailable(error)):
                raise
            waits = f"a server does not answer ({error})"
        if waits is None:
            return
        if time.monotonic() > end:
            raise Unsettled(f"After {seconds:.0f} s not everything has arrived: {waits}.")
        await asyncio.sleep(0.3)


async def _waits(installation: Installation, flow: Flow, mine: set[UUID]) -> str | None:
    unpublished = Counter(flow.emitted[id].source for id in mine if not flow.emitted[id].published)
    for name, number in unpublished.items():
        return f"{number} events in the outbox of {name}"
    owed = Counter((name, flow.emitted[id].type) for name, id in flow.owed() if id in mine)
    for (name, type_), number in owed.items():
        return f"{number} of {type_} for {name}"
    async with installation.reading("audit") as db:
        for model, what in (
            (ParkedEvent, "that waits for one before it"),
            (PendingEntry, "without a place in the log"),
        ):
            if model is PendingEntry and (installation.log_period or LOG_PERIOD[installation.profile]):
                break  # its turn comes by the clock
            if mine.intersection((await db.execute(select(model.event_id))).scalars()):
                return f"an event {what}"
    return None
