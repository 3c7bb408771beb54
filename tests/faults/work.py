"""People at work while things break: they repeat what was not answered, as a browser does, and remember what was."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx2

from cli.demo.announcement import create_package
from cli.demo.cast import Bidder
from cli.demo.office import Office
from cli.demo.portal import Portal, Refused, User
from cli.demo.providers import sign_up
from cli.invariants import Told, breaches, settled
from cli.system import System

__all__ = ["Work"]

T = TypeVar("T")
FAR = timedelta(days=600)
"""Ahead of wherever a test sets the clock."""
TODAY = date(2026, 11, 23)
WHO = Bidder("gigih", "CV Contoh Gigih", "Penanggung Jawab", Decimal(1), 0)

_number = count(1)


class Work:
    def __init__(self, system: System, portal: Portal, stage: Path) -> None:
        self.installation = system.installation
        self.office = Office(system, portal)
        self.portal = portal
        self.stage = stage
        self.told: list[Told] = []

    async def begin(self) -> None:
        await self.office.log_in("helpdesk", "ppk", "admin_agency", "pokja")
        self.provider, _ = await sign_up(self.portal, WHO, 77)

    async def emits(self, service: str, number: int = 1) -> None:
        """So many acts, at the same time, each of which one event of this service tells."""
        acts: dict[str, Callable[[], Awaitable[Told]]] = {
            "registry": self.skpd,
            "tender": self.package,
            "documents": self.paper,
            "helpdesk": self.announcement,
        }
        await asyncio.gather(*(acts[service]() for _ in range(number)))

    async def skpd(self) -> Told:
        code = f"9.{next(_number):04}"
        new = {"code": code, "name": f"Dinas Contoh {code}", "valid_from": TODAY.isoformat()}
        answer = await self._posted(self.office.official("admin_agency"), "/api/registry/skpd", new)
        return self._remember("registry.skpd.registered.v1", answer["id"])

    async def package(self) -> Told:
        answer = await until_acknowledged(lambda: create_package(self.office))
        return self._remember("tender.package.created.v1", answer["id"])

    async def announcement(self, title: str = "Pemeliharaan", hours: int = 1) -> Told:
        begins = datetime.now(UTC) + FAR
        new = {
            "kind": "maintenance",
            "title": title,
            "text": "Sistem tidak dapat dipakai.",
            "starts_at": begins.isoformat(),
            "ends_at": (begins + timedelta(hours=hours)).isoformat(),
        }
        answer = await self._posted(self.office.official("helpdesk"), "/api/helpdesk/announcements", new)
        return self._remember("helpdesk.maintenance.announced.v1", answer["id"])

    async def granted(self) -> dict[str, Any]:
        """A paper whose copy may now be uploaded."""
        number = next(_number)
        begun: dict[str, Any] = await self._posted(
            self.provider,
            "/api/registry/papers",
            {
                "kind": "surat_izin_usaha",
                "number": f"{number}/2026",
                "holder": WHO.name,
                "issued_on": (TODAY - timedelta(days=300)).isoformat(),
                "expires_on": (TODAY + timedelta(days=700)).isoformat(),
            },
        )
        return begun

    async def paper(self, size: int = 20_000) -> Told:
        return await self.upload(await self.granted(), size)

    async def upload(self, paper: dict[str, Any], size: int) -> Told:
        file = self.stage / f"{paper['id']}.pdf"
        file.write_bytes(pdf(size))
        sent = await until_acknowledged(
            lambda: self.provider.upload(paper["upload"], paper["grant"], "application/pdf", file.name, file)
        )
        return self._remember("documents.document.stored.v1", sent.object)

    async def send(self, paper: dict[str, Any], size: int, chunks: AsyncIterator[bytes]) -> int:
        """One try, chunk by chunk; returns the status, 0 for a lost connection."""
        headers = {
            "Authorization": f"Bearer {self.provider.session}",
            "Lpse-Grant": paper["grant"],
            "Content-Type": "application/pdf",
            "Content-Length": str(size),
            "Content-Disposition": "attachment; filename*=UTF-8''berkas.pdf",
        }
        try:
            answer = await self.portal.http.put(paper["upload"], headers=headers, content=chunks)
        except httpx2.HTTPError:
            return 0
        return answer.status_code

    async def holds(self) -> None:
        """The one check: acknowledged = stored = handled once = in the log."""
        await settled(self.installation, 120)
        assert await breaches(self.installation, self.told) == []

    async def _posted(self, user: User, path: str, body: Any) -> Any:
        key = str(uuid4())
        return await until_acknowledged(lambda: user.post(path, body, key=key))

    def _remember(self, type_: str, subject: str) -> Told:
        self.told.append((type_, UUID(str(subject))))
        return self.told[-1]


async def until_acknowledged(act: Callable[[], Awaitable[T]], seconds: float = 180) -> T:
    """A 5xx and a lost connection say nothing about what was done: the same is asked again."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await act()
            except Refused as refused:
                if refused.status < 500:
                    raise
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.2)


def pdf(size: int) -> bytes:
    """Bytes that begin and end like a PDF and differ from file to file."""
    body = hashlib.shake_128(str(next(_number)).encode()).digest(size - 16)
    return b"%PDF-1.7\n" + body + b"\n%%EOF\n"
