"""What one of each costs: a login, a page, a bid, a megabyte. docs/operations/capacity.md multiplies these figures.

Processor time is counted at the processes, with all that an act sets off until every event is handled, so that the load this program
itself makes does not count. What the system uses at rest is taken off.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from sqlalchemy import func, select

from bench.processes import cpu_seconds, pss_mib
from bench.report import Figure, Report, say
from cli.demo.office import Office
from cli.demo.pdf import write_pdf
from cli.demo.portal import Portal
from cli.rig import Rig, rigged
from cli.rush.crowd import Bidder, Crowd, each, gathered
from cli.system import Options, spare_port
from services import SERVICES
from services.audit.models import LogEntry
from services.tender.models import Bid

__all__ = ["run"]

AT_ONCE: Final = 16
KILOBYTES: Final = 64
PAGES: Final = 400
BIG_MIB: Final = 32
TARGET = {"refused": "0"}

Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor by part, and acts per second while `AT_ONCE` were under way."""

    parts: Mapping[str, float]
    per_second: float

    def figures(self, name: str) -> dict[str, Figure]:
        each_part = {f"{name}_ms_{part}": round(cost, 2) for part, cost in self.parts.items()}
        return {
            f"{name}_ms": round(sum(self.parts.values()), 1),
            **each_part,
            f"{name}_per_second": round(self.per_second, 1),
        }


class Meter:
    def __init__(self, rig: Rig, office: Office) -> None:
        self._rig, self._office = rig, office
        self._rest: dict[str, float] = {}

    async def rest(self, seconds: float) -> None:
        """See what the system uses when nobody does anything."""
        say(f"resting {seconds:g} s")
        before = self._used()
        await asyncio.sleep(seconds)
        self._rest = {part: (used - before[part]) / seconds for part, used in self._used().items()}

    async def cost(self, name: str, acts: list[Act], *, at_once: int = AT_ONCE) -> Cost:
        say(f"{len(acts)} x {name}")
        before, began = self._used(), perf_counter()
        await each(acts, lambda act: act(), at_once=at_once)
        rate = len(acts) / (perf_counter() - began)
        await self._office.settled(f"what each {name} sets off is done", seconds=300)
        lasted = perf_counter() - began
        spent = {part: used - before[part] - lasted * self._rest[part] for part, used in self._used().items()}
        return Cost({part: 1_000 * max(0.0, seconds) / len(acts) for part, seconds in spent.items()}, rate)

    def memory(self) -> dict[str, Figure]:
        return {f"mib_{part}": round(sum(pss_mib(self._rig.pid(part)).values())) for part in self._rig.names}

    def _used(self) -> dict[str, float]:
        return {part: sum(cpu_seconds(self._rig.pid(part)).values()) for part in self._rig.names}


async def run(bidders: int = 200, pages: int = PAGES, rest: float = 20, big: int = BIG_MIB) -> Report:
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="lpse-bench-")))
        home.chmod(0o711)  # noqa: ASYNC240  the database server runs as somebody else, who only passes through
        rig = await stack.enter_async_context(rigged(Options(var=home / "system", port=spare_port(), prefix="bench")))
        portal = await stack.enter_async_context(Portal(rig.url))
        say(f"gathering {bidders} bidders")
        office = Office(rig.system, portal)
        crowd = await gathered(office, bidders, home, seed=1, kilobytes=KILOBYTES)
        stack.push_async_callback(crowd.aclose)
        return await _measured(rig, crowd, home, pages, rest, big)


async def _measured(rig: Rig, crowd: Crowd, home: Path, pages: int, rest: float, big: int) -> Report:
    office = crowd.office
    meter = Meter(rig, office)
    await meter.rest(rest)
    people, tender = crowd.bidders, crowd.tender
    figures = (await meter.cost("login", [_login(rig.url, one) for one in people])).figures("login")
    figures |= (await meter.cost("page", [_page(office.portal, f"/tender/{tender.code}")] * pages)).figures("page")
    before = await _sizes(rig)
    for name, act in (("draft", _draft), ("small_file", _small_file), ("consent", _consent)):
        figures |= (await meter.cost(name, [act(crowd, one, home) for one in people])).figures(name)
    grown = {name: size - before[name] for name, size in (await _sizes(rig)).items()}
    figures |= {f"bid_kib_{name}": round(size / len(people) / 1024, 1) for name, size in grown.items()}
    file = home / "big.pdf"
    write_pdf(file, "Besar", ["Contoh"], size=big << 20)
    some = people[:AT_ONCE]
    upload = await meter.cost("upload", [_upload(crowd, one, file) for one in some], at_once=4)
    figures |= {f"mib_ms_{part}": round(cost / big, 2) for part, cost in upload.parts.items() if cost}
    figures |= {
        "mib_ms": round(sum(upload.parts.values()) / big, 2),
        "mib_per_second": round(upload.per_second * big, 1),
    }
    write_pdf(file, "Kecil", ["Contoh"])
    figures |= await _log_catches_up(rig, crowd, [_upload(crowd, one, file) for one in people])
    refused = len(people) - await _submitted(rig)
    return Report(
        "capacity",
        {"bidders": len(people), "refused": refused, **figures, **meter.memory()},
        TARGET,
        reached=refused == 0,
    )


def _login(url: str, bidder: Bidder) -> Act:
    async def act() -> None:
        async with Portal(url, bidder.line.local) as portal:
            await portal.login(bidder.cast.user_id, f"Contoh-{bidder.cast.user_id}-2026")

    return act


def _page(portal: Portal, path: str) -> Act:
    async def act() -> None:
        (await portal.request("GET", path)).raise_for_status()

    return act


def _draft(crowd: Crowd, bidder: Bidder, home: Path) -> Act:
    """A bid and the place for its one file."""
    return lambda: bidder.draft(crowd.tender.id, home, KILOBYTES << 10)


def _small_file(_crowd: Crowd, bidder: Bidder, _home: Path) -> Act:
    return lambda: bidder.upload(bidder.drafts[-1])


def _consent(crowd: Crowd, bidder: Bidder, _home: Path) -> Act:
    draft = bidder.drafts[-1]
    return lambda: bidder.user.post(f"/api/tender/bids/{draft.id}/consent", crowd.consent(draft, bidder))


def _upload(crowd: Crowd, bidder: Bidder, file: Path) -> Act:
    async def act() -> None:
        made = await bidder.user.post(f"/api/tender/tenders/{crowd.tender.id}/bids")
        place = await bidder.user.post(
            f"/api/tender/bids/{made['id']}/files", {"name": file.name, "media_type": "application/pdf"}
        )
        await bidder.user.upload("/api/documents/uploads", place["grant"], "application/pdf", file.name, file)

    return act


async def _log_catches_up(rig: Rig, crowd: Crowd, acts: list[Act]) -> dict[str, Figure]:
    """How quickly the one writer of the log works off what waited for it."""
    before = await _logged(rig)
    rig.freeze("audit")
    await each(acts, lambda act: act(), at_once=AT_ONCE)
    rig.thaw("audit")
    say("the log catches up")
    began, used = perf_counter(), sum(cpu_seconds(rig.pid("audit")).values())
    await crowd.office.settled("the log has everything", seconds=300)
    lasted, entries = perf_counter() - began, await _logged(rig) - before
    spent = sum(cpu_seconds(rig.pid("audit")).values()) - used
    return {
        "log_entries_per_second": round(entries / lasted, 1),
        "log_entry_ms_audit": round(1_000 * spent / entries, 2),
    }


async def _logged(rig: Rig) -> int:
    async with rig.installation.reading("audit") as db:
        return (await db.execute(select(func.count()).select_from(LogEntry))).scalar_one()


async def _sizes(rig: Rig) -> dict[str, int]:
    """Bytes of each service's database, its indexes with it."""
    found = {}
    for name in SERVICES:
        async with rig.installation.reading(name) as db:
            found[name] = (await db.execute(select(func.pg_database_size(func.current_database())))).scalar_one()
    return found


async def _submitted(rig: Rig) -> int:
    async with rig.installation.reading("tender") as db:
        return (await db.execute(select(func.count()).where(Bid.status == "submitted"))).scalar_one()
