"""The last minutes before a deadline: everybody consents on one tender, our side and a bare route in turn."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import select

from bench.deadline.place import Bare, Ours, bare_side
from bench.report import Figure, Report, say
from cli import events
from cli.demo.office import Office
from cli.demo.portal import Portal
from cli.installation import Installation
from cli.rig import rigged
from cli.rush.crowd import Bidder, Crowd, each, gathered
from cli.rush.judge import logged
from cli.system import Options, spare_port
from services.tender.models import Bid

__all__ = ["run"]

AT_ONCE = 30
KILOBYTES = 16
TARGET = {"refused": "0", "lost": "0", "last_to_first_tenth": "<= 1.2", "rate_to_bare": ">= 0.4"}


class Side(Protocol):
    async def consent(self, bidder: Bidder) -> bool:
        """One try, without repeating it; whether it was taken."""
        ...


class Tenth(NamedTuple):
    """Bids per second, each bid's seconds, and how many were refused."""

    rate: float
    seconds: Sequence[float]
    refused: int


@dataclass(frozen=True)
class Stage:
    crowd: Crowd
    ours: Ours
    bare: Bare


async def run(bidders: int = 500, tenths: int = 10) -> Report:
    """Beside the bidders, as many as there are at once come first, to warm connections, statements and caches."""
    async with AsyncExitStack() as stack:
        stage = await _set(stack, bidders + AT_ONCE)
        everybody = stage.crowd.bidders
        await _tenth(stage.bare, everybody[:AT_ONCE])
        await _tenth(stage.ours, everybody[:AT_ONCE])
        found: dict[str, list[Tenth]] = {"ours": [], "bare": []}
        for number, part in enumerate(_parts(everybody[AT_ONCE:], tenths), 1):
            for name, side in (("bare", stage.bare), ("ours", stage.ours)):
                await stage.crowd.office.settled("what the last bids set off is done", seconds=120)
                found[name].append(await _tenth(side, part))
                say(f"tenth {number} of {tenths}, {name}: {found[name][-1].rate:.1f} bids/s")
        return _report(found, await _lost(stage.crowd, stage.ours.receipts))


async def _set(stack: AsyncExitStack, bidders: int) -> Stage:
    """The whole system as `up --processes` runs it, and the bare route on a copy of tender's rows."""
    home = Path(stack.enter_context(TemporaryDirectory(prefix="lpse-bench-")))
    home.chmod(0o711)  # noqa: ASYNC240  the database server runs as somebody else, who only passes through
    rig = await stack.enter_async_context(rigged(Options(var=home / "system", port=spare_port(), prefix="bench")))
    portal = await stack.enter_async_context(Portal(rig.url))
    say(f"gathering {bidders} bidders")
    crowd = await gathered(Office(rig.system, portal), bidders, home, seed=1, kilobytes=KILOBYTES)
    stack.push_async_callback(crowd.aclose)
    await each(crowd.bidders, lambda bidder: bidder.upload(bidder.drafts[0]))
    bare = await stack.enter_async_context(bare_side(crowd, home))
    return Stage(crowd, Ours(crowd), bare)


def _parts(bidders: Sequence[Bidder], count: int) -> list[Sequence[Bidder]]:
    size = len(bidders) // count
    return [bidders[number * size : (number + 1) * size] for number in range(count)]


async def _tenth(side: Side, bidders: Sequence[Bidder]) -> Tenth:
    seconds: list[float] = []
    taken: list[bool] = []

    async def one(bidder: Bidder) -> None:
        began = perf_counter()
        taken.append(await side.consent(bidder))
        seconds.append(perf_counter() - began)

    began = perf_counter()
    await each(bidders, one, at_once=AT_ONCE)
    return Tenth(len(bidders) / (perf_counter() - began), seconds, taken.count(False))


async def _lost(crowd: Crowd, receipts: Sequence[UUID]) -> int:
    """Acknowledged, but not among the submitted bids or not in the log."""
    office, installation = crowd.office, crowd.office.system.installation
    await office.settled("audit has every bid", seconds=120)
    await office.eventually("every bid is in the log", lambda: _all_logged(installation), seconds=120)
    async with installation.reading("tender") as db:
        stored = set((await db.execute(select(Bid.event).where(Bid.status == "submitted"))).scalars())
    there = stored & await logged(installation, receipts)
    return sum(event not in there for event in receipts)


async def _all_logged(installation: Installation) -> bool:
    return await events.unlogged(installation) == 0


def _report(found: dict[str, list[Tenth]], lost: int) -> Report:
    ours, bare = found["ours"], found["bare"]
    refused = sum(tenth.refused for tenth in ours)
    growth = median(ours[-1].seconds) / median(ours[0].seconds)
    ratio = median(mine.rate / theirs.rate for mine, theirs in zip(ours, bare, strict=True))
    figures: dict[str, Figure] = {
        "bidders": sum(len(tenth.seconds) for tenth in ours),
        "refused": refused,
        "lost": lost,
        "last_to_first_tenth": round(growth, 2),
        "rate_to_bare": round(ratio, 2),
        "bids_per_second": round(median(tenth.rate for tenth in ours), 1),
        "bare_per_second": round(median(tenth.rate for tenth in bare), 1),
        "p95_ms": _p95(ours),
        "bare_p95_ms": _p95(bare),
    }
    reached = refused == lost == 0 and growth <= 1.2 and ratio >= 0.4
    return Report("deadline", figures, TARGET, reached=reached)


def _p95(tenths: Sequence[Tenth]) -> int:
    return round(1_000 * quantiles([second for tenth in tenths for second in tenth.seconds], n=20)[-1])
