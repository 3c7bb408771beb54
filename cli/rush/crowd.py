"""The crowd before the deadline: a published tender and N verified providers, each logged in on a line of its own.

Everybody registers, logs in, joins and drafts over the gateway. Only papers and originals are passed over: to hand in and
see those of hundreds takes minutes and has no part in the rush.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from cli.demo.announcement import Announced, announce, create_package
from cli.demo.cast import Bidder as Cast
from cli.demo.offers import consent, offer
from cli.demo.office import Office
from cli.demo.pdf import write_pdf
from cli.demo.portal import Uploaded, User
from cli.demo.providers import sign_up
from cli.rush.line import Line
from services.registry import training

__all__ = ["Bidder", "Crowd", "Draft", "each", "gathered"]

AT_ONCE = 24
FIRST_ADDRESS = IPv4Address("127.10.0.1")
ITEM = TypeVar("ITEM")
MADE = TypeVar("MADE")


@dataclass
class Draft:
    """A bid that waits for its file and its consent."""

    id: str
    code: str
    place: str
    """The row of the bid that the file is for."""
    grant: str
    file: Path
    sent: Uploaded | None = None


@dataclass
class Bidder:
    number: int
    cast: Cast
    line: Line
    user: User
    drafts: list[Draft] = field(default_factory=list)

    async def draft(self, tender: str, folder: Path, size: int) -> Draft:
        made = await self.user.post(f"/api/tender/tenders/{tender}/bids")
        file = folder / f"penawaran-{self.number}-{made['version']}.pdf"
        write_pdf(file, "Penawaran", [self.cast.name, made["code"]], size=size, seed=self.number)
        place = await self.user.post(
            f"/api/tender/bids/{made['id']}/files", {"name": file.name, "media_type": "application/pdf"}
        )
        self.drafts.append(Draft(made["id"], made["code"], place["id"], place["grant"], file))
        return self.drafts[-1]

    async def upload(self, draft: Draft) -> None:
        draft.sent = await self.user.upload(
            "/api/documents/uploads", draft.grant, "application/pdf", draft.file.name, draft.file
        )


@dataclass
class Crowd:
    office: Office
    tender: Announced
    bidders: Sequence[Bidder]
    consent_version: str

    def consent(self, draft: Draft, who: Bidder) -> dict[str, Any]:
        """What the bidder posts to /bids/{id}/consent, once the file of this draft is there."""
        if draft.sent is None:
            raise RuntimeError(f"{draft.code} has no file yet")
        expires = self.tender.closes_at.date() + timedelta(days=700)
        return consent({draft.place: draft.sent}, offer(who.cast), expires, self.consent_version)

    async def aclose(self) -> None:
        for bidder in self.bidders:
            await bidder.line.http.aclose()


async def gathered(office: Office, count: int, stage: Path, *, seed: int, kilobytes: int) -> Crowd:
    """The bidding stage has begun, the clock stands still; each bidder has one draft with a file of up to this size."""
    await office.clock("stop")
    await office.log_in("ppk", "pokja")
    package = await create_package(office)
    tender = await announce(office, package["id"], stage)
    bidders = await each(range(1, count + 1), lambda number: _signed_up(office, number, seed))
    async with office.system.installation.database("registry") as database:
        await training.admit(database, [UUID(bidder.user.provider or "") for bidder in bidders])
    await office.settled("the verified providers reach tender", seconds=300)
    await office.not_before(tender.stages["upload_penawaran"].starts_at)
    sizes = random.Random(seed)  # noqa: S311  sizes of files
    await each(bidders, lambda bidder: _prepared(bidder, tender.id, stage, sizes.randrange(1, kilobytes + 1) << 10))
    text = await office.portal.visitor().get("/api/tender/consent-text")
    return Crowd(office, tender, bidders, text["version"])


async def _signed_up(office: Office, number: int, seed: int) -> Bidder:
    factor = Decimal(random.Random(f"{seed}/{number}").randint(800, 990)) / 1000  # noqa: S311  prices of a game
    cast = Cast(f"penawar{office.number(number)}", f"CV Contoh Penawar {number}", "Penanggung Jawab", factor, 0)
    line = Line(office.system.installation.gateway, str(FIRST_ADDRESS + number))
    user, _ = await sign_up(line, cast, office.number(number))
    return Bidder(number, cast, line, user)


async def _prepared(bidder: Bidder, tender: str, folder: Path, size: int) -> None:
    await bidder.user.post(f"/api/tender/tenders/{tender}/participation")
    await bidder.draft(tender, folder, size)


async def each(items: Iterable[ITEM], act: Callable[[ITEM], Awaitable[MADE]], *, at_once: int = AT_ONCE) -> list[MADE]:
    """Do it for all of them, a bounded number at a time; the first that fails ends it."""
    places = asyncio.Semaphore(at_once)

    async def one(item: ITEM) -> MADE:
        async with places:
            return await act(item)

    return list(await asyncio.gather(*(one(item) for item in items)))
