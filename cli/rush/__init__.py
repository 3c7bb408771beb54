"""`lpse rush`: a crowd of bidders before a deadline while the system is killed and frozen under them.

Exit 0 when everything that was acknowledged is kept once, nothing late was accepted, nothing in time was refused, and no
invariant is broken. What each figure counts stands in cli/rush/judge.py.
"""

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from cli import invariants
from cli.demo.announcement import opens
from cli.demo.office import Office
from cli.demo.place import place_of_this_run
from cli.demo.portal import Refused
from cli.mistakes import Mistake
from cli.rig import Rig, rigged
from cli.running import found, new_cast
from cli.rush.bidders import Journal, plans
from cli.rush.bidders import rush as rushes
from cli.rush.crowd import Crowd, gathered
from cli.rush.judge import Verdict, judged, told
from cli.rush.line import Line
from cli.rush.mayhem import Mayhem
from cli.system import Options, spare_port
from kit import telemetry

__all__ = ["rush"]

FAULTS_PER_SECOND: Final = 0.5
SHORTEST, LONGEST = 15, 200
"""Seconds of a rush: one per bidder within these."""
AFTERWARDS: Final = 2.0
"""Seconds that faults go on after the deadline, for those who come too late."""
KILOBYTES: Final = 200
CLOSING_GRACE: Final = timedelta(seconds=30)


async def rush(asked: argparse.Namespace) -> int:
    telemetry.configure_logs("ERROR", json=not sys.stderr.isatty())
    place = place_of_this_run(asked.var.absolute() / "rush")
    rate = asked.kill if asked.kill is not None else 0.0 if asked.gateway else FAULTS_PER_SECOND
    began = time.monotonic()
    async with _there(asked, rate) if asked.gateway else _here(asked, place) as rig:
        cast = new_cast() if asked.gateway else 0
        report, kept = await _held(rig, place / "work", asked.bidders, rate, asked.seed, cast)
    report["seconds"] = round(time.monotonic() - began, 1)
    if kept and not asked.keep:
        shutil.rmtree(place, ignore_errors=True)
    else:
        report["directory"] = str(place)
    print(json.dumps(report, indent=1))
    return 0 if kept else 1


def _here(asked: argparse.Namespace, place: Path) -> AbstractAsyncContextManager[Rig]:
    """On servers of its own, all of whose parts may be struck."""
    own_broker = asked.bus == "rabbitmq"
    options = Options(
        var=place / "system",
        port=spare_port(),
        prefix=f"rush-{place.name[-10:]}".replace("_", "-"),
        sweep=0.2,
        database=asked.database,
        objects=asked.objects,
        bus=None if own_broker else asked.bus,
        lent=True,
    )
    return rigged(options, rabbitmq=own_broker)


@asynccontextmanager
async def _there(asked: argparse.Namespace, rate: float) -> AsyncIterator[Rig]:
    """In a system that runs: whoever runs it may hurt it meanwhile, this command cannot."""
    if rate:
        raise Mistake("With --gateway nothing can be killed from here: leave --kill, and strike where the system runs.")
    async with found(asked) as system:
        yield Rig(system)


async def _held(rig: Rig, folder: Path, count: int, rate: float, seed: int, cast: int) -> tuple[dict[str, Any], bool]:
    """The whole evening; what it came to, and whether every promise was kept."""
    async with Line(rig.url) as portal:
        office = Office(rig.system, portal, cast)
        _say(f"{count} bidders register, log in, join and draft")
        crowd = await gathered(office, count, folder, seed=seed, kilobytes=KILOBYTES)
        mayhem, journal, closes = await _rush(rig, crowd, folder, rate, seed)
        _say("the deadline has passed; waiting until everything has settled")
        await invariants.settled(rig.installation, seconds=300)
        await _opened(crowd)
        await invariants.settled(rig.installation)
        verdict = await judged(crowd, journal.answered, mayhem, closes)
        broken = await invariants.breaches(rig.installation, told(crowd, journal.answered))
        await crowd.aclose()
    breaches = [*broken, *journal.failures, *verdict.strange]
    return _report(crowd, mayhem, verdict, breaches, seed), verdict.kept and not breaches


async def _rush(rig: Rig, crowd: Crowd, folder: Path, rate: float, seed: int) -> tuple[Mayhem, Journal, float]:
    """From shortly before the deadline until each bidder has a definite answer and every part has recovered."""
    length = min(LONGEST, max(SHORTEST, len(crowd.bidders)))
    closes = await _begin(crowd, length)
    mayhem, journal = Mayhem(rig, rate, seed), Journal()
    habits = plans(len(crowd.bidders), begins=time.time(), closes=closes, seed=seed)
    _say(f"{length} s to the deadline, {rate} faults a second")
    async with asyncio.TaskGroup() as everybody:
        everybody.create_task(mayhem.run(closes + AFTERWARDS))
        for plan, who in zip(habits, crowd.bidders, strict=True):
            everybody.create_task(rushes(crowd, plan, who, folder, journal))
    _write(folder, mayhem, journal, closes)
    return mayhem, journal, closes


def _write(folder: Path, mayhem: Mayhem, journal: Journal, closes: float) -> None:
    """What happened when, in seconds before the deadline, for an inquiry."""
    lines = [
        f"{fault.at - closes:8.2f} {fault.ended - closes:8.2f} {fault.kind} {fault.part}" for fault in mayhem.faults
    ]
    for one in journal.answered:
        lines += [
            f"{t.sent - closes:8.2f} {t.ended - closes:8.2f} bidder {one.bidder.number} {t.outcome}" for t in one.tries
        ]
    (folder / "what-happened.txt").write_text("\n".join(sorted(lines, key=lambda line: float(line.split()[0]))) + "\n")


async def _begin(crowd: Crowd, length: float) -> float:
    """Let the clock run from `length` seconds before the deadline, which is answered as `time.time()`."""
    office, closes_at = crowd.office, crowd.tender.closes_at
    await office.clock("set", closes_at - timedelta(seconds=length))
    await office.clock("run")
    now = await office.now()
    return time.time() + (closes_at - now).total_seconds()


async def _opened(crowd: Crowd) -> None:
    office, tender = crowd.office, crowd.tender
    await office.not_before(tender.closes_at + CLOSING_GRACE)
    await office.not_before(tender.stages["pembukaan"].starts_at)
    chair = office.pokja()[0]
    try:
        await office.eventually("the tender closes", lambda: opens(chair, tender.id))
    except Refused as refused:
        if refused.problem.get("code") != "too_few_bids":
            raise
        raise Mistake(
            f"{refused} Nothing can be judged of closed bids: let more bidders rush, or fewer faults strike."
        ) from refused
    _say("the bids are opened")


def _report(crowd: Crowd, mayhem: Mayhem, verdict: Verdict, breaches: list[str], seed: int) -> dict[str, Any]:
    counted = {name: value for name, value in asdict(verdict).items() if name != "strange"}
    struck = Counter(f"{fault.kind} {fault.part}" for fault in mayhem.faults)
    retries = sum((bidder.line.retries for bidder in crowd.bidders), Counter[str]())
    return {
        "bidders": len(crowd.bidders),
        "faults": len(mayhem.faults),
        **counted,
        "breaches": breaches,
        "retries": dict(retries.most_common()),
        "struck": dict(struck.most_common()),
        "backends": crowd.office.system.installation.backends.model_dump(),
        "seed": seed,
    }


def _say(sentence: str) -> None:
    print(f"rush: {sentence}", file=sys.stderr, flush=True)
