"""Bidders and attackers at a real gateway, over TCP; each address of 127/8 is somebody else's."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2

from tests.services.registry.office import ok, paper, registration

PASSWORD = "kata-sandi-panjang"
MIB = 1 << 20


def client(url: str, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=64)
    transport = httpx2.AsyncHTTPTransport(local_address=address, limits=limits)
    return httpx2.AsyncClient(base_url=url, transport=transport, timeout=120, trust_env=False)


@dataclass
class Bidder:
    http: httpx2.AsyncClient
    name: str
    session: str
    device: str

    @property
    def who(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.session}"}

    async def grant(self) -> str:
        headers = self.who | {"idempotency-key": str(uuid4())}
        return str(ok(await self.http.post("/api/registry/papers", json=paper("npwp"), headers=headers), 201)["grant"])

    def upload_headers(self, grant: str, size: int) -> dict[str, str]:
        name = f"attachment; filename*=UTF-8''{quote('surat.pdf')}"
        sent = {"lpse-grant": grant, "content-type": "application/pdf", "content-disposition": name}
        return self.who | sent | {"content-length": str(size)}

    async def upload(self, content: Any, size: int) -> httpx2.Response:
        headers = self.upload_headers(await self.grant(), size)
        return await self.http.put("/api/documents/uploads", content=content, headers=headers)


async def log_in(http: httpx2.AsyncClient, name: str, password: str = PASSWORD, device: str = "") -> httpx2.Response:
    headers = {"lpse-device": device} if device else {}
    return await http.post("/api/registry/sessions", json={"user_id": name, "password": password}, headers=headers)


async def bidder(http: httpx2.AsyncClient, name: str) -> Bidder:
    headers = {"idempotency-key": str(uuid4())}
    ok(await http.post("/api/registry/registrations", json=registration(name), headers=headers), 201)
    answer = await log_in(http, name)
    return Bidder(http, name, ok(answer, 201)["session"], answer.headers["lpse-device"])


async def bidders(http: httpx2.AsyncClient, prefix: str, many: int) -> list[Bidder]:
    return await asyncio.gather(*(bidder(http, f"{prefix}{number}") for number in range(many)))


def proportional(pid: int) -> int:
    """PSS of a process: its own memory, and its share of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) * 1024
