"""What bidders do in the last minutes: most in time, many in the last second, some too late, some twice, some anew."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

from cli.demo.portal import Refused
from cli.rush.crowd import Bidder, Crowd, Draft
from cli.rush.line import GaveUp, Try

__all__ = ["Answered", "Journal", "Plan", "plans", "rush"]

Habit = Literal["plain", "last_second", "late", "twice", "replaces"]
HABITS: Final[tuple[tuple[Habit, float], ...]] = (
    ("late", 0.1),
    ("last_second", 0.15),
    ("twice", 0.1),
    ("replaces", 0.1),
)
"""Shares of the crowd; at least one bidder has each habit, and the others are plain."""
LATE_BY: Final = (0.05, 3.0)


@dataclass(frozen=True)
class Plan:
    """Instants of `time.time()`."""

    habit: Habit
    uploads: float
    consents: float


@dataclass(frozen=True)
class Answered:
    """A consent and its definite answer. `tries`: each time it was sent, the last one brought the answer."""

    bidder: Bidder
    draft: Draft
    key: str
    tries: list[Try]
    status: int
    answer: Mapping[str, Any]

    @property
    def acknowledged(self) -> bool:
        return self.status == 201

    @property
    def seconds(self) -> float:
        """As the bidder saw it: from the first try to the answer."""
        return self.tries[-1].ended - self.tries[0].sent


@dataclass
class Journal:
    answered: list[Answered] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Bidders who got an answer that nobody should get, or none."""


def plans(count: int, *, begins: float, closes: float, seed: int) -> list[Plan]:
    """The nearer the deadline, the more come: half of them in the last quarter of the time."""
    dice = random.Random(seed)  # noqa: S311  a game that can be played again
    habits = [habit for habit, share in HABITS for _ in range(max(1, round(share * count)))]
    habits = (habits + ["plain"] * count)[:count]
    dice.shuffle(habits)
    return [_plan(habit, begins, closes, dice) for habit in habits]


def _plan(habit: Habit, begins: float, closes: float, dice: random.Random) -> Plan:
    length = closes - begins
    if habit == "late":
        consents = closes + dice.uniform(*LATE_BY)
    elif habit == "last_second":
        consents = closes - dice.uniform(0.02, 1.0)
    else:
        consents = closes - length * dice.random() ** 2
    return Plan(habit, begins + dice.uniform(0, max(0.0, min(consents, closes) - begins - length / 10)), consents)


async def rush(crowd: Crowd, plan: Plan, who: Bidder, folder: Path, journal: Journal) -> None:
    """Everything one bidder does; nothing is raised, all of it stands in the journal."""
    try:
        await _sleep_until(plan.uploads)
        draft = who.drafts[0]
        await who.upload(draft)
        await _sleep_until(plan.consents)
        await _consents(crowd, plan, who, draft, journal)
        if plan.habit == "replaces":
            another = await who.draft(crowd.tender.id, folder, draft.file.stat().st_size)
            await who.upload(another)
            journal.answered.append(await _consent(crowd, who, another, str(uuid4())))
    except (Refused, GaveUp) as error:
        journal.failures.append(f"bidder {who.number}: {error}")


async def _consents(crowd: Crowd, plan: Plan, who: Bidder, draft: Draft, journal: Journal) -> None:
    """Once; or side by side with the same key, as an impatient click does, and then with another."""
    key = str(uuid4())
    times = 2 if plan.habit == "twice" else 1
    journal.answered += await asyncio.gather(*(_consent(crowd, who, draft, key) for _ in range(times)))
    if plan.habit == "twice":
        journal.answered.append(await _consent(crowd, who, draft, str(uuid4())))


async def _consent(crowd: Crowd, who: Bidder, draft: Draft, key: str) -> Answered:
    tries: list[Try] = []
    headers = {"Authorization": f"Bearer {who.user.session}", "Idempotency-Key": key}
    path, body = f"/api/tender/bids/{draft.id}/consent", crowd.consent(draft, who)
    response = await who.line.request("POST", path, json=body, headers=headers, tries=tries)
    return Answered(who, draft, key, tries, response.status_code, response.json())


async def _sleep_until(instant: float) -> None:
    await asyncio.sleep(max(0.0, instant - time.time()))
