"""A user of the portal's API: logs in, sends, uploads while fingerprinting. Nothing here knows the services' insides."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pyotp

__all__ = ["Fingerprint", "Portal", "Refused", "Uploaded", "User", "said"]

CHUNK = 1 << 20


class Refused(Exception):
    """The portal answered with a problem document."""

    def __init__(self, what: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{what} was answered {status}: {problem.get('detail', problem)}")
        self.status = status
        self.problem = problem


@dataclass(frozen=True)
class Fingerprint:
    """What the sender computed of its own file, before the portal said anything."""

    name: str
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True)
class Uploaded:
    mine: Fingerprint
    statement: str = field(repr=False)
    object: str


def said(sent: Uploaded) -> dict[str, str]:
    """The statement of documents and the sender's own fingerprints, side by side."""
    return {"statement": sent.statement, "md5": sent.mine.md5, "sha256": sent.mine.sha256}


@dataclass
class Portal:
    """The portal at one address, reached from `local`, this machine's own address, if one is named. Use `async with`."""

    url: str
    local: str | None = None
    http: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        timeout = httpx2.Timeout(60, read=300, write=300)
        secure = self.url.startswith("https://")  # to make ready for TLS takes 30 ms, and there are hundreds of these
        transport = httpx2.AsyncHTTPTransport(verify=secure, trust_env=False, local_address=self.local)
        self.http = httpx2.AsyncClient(base_url=self.url, timeout=timeout, transport=transport, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def request(self, method: str, path: str, **request: Any) -> httpx2.Response:
        return await self.http.request(method, path, **request)

    def visitor(self) -> "User":
        return User(self, "visitor")

    async def login(self, user_id: str, password: str, totp_secret: str | None = None) -> "User":
        known = {"user_id": user_id, "password": password}
        if totp_secret:
            known["totp"] = pyotp.TOTP(totp_secret).now()
        answer = await self.visitor().post("/api/registry/sessions", known)
        account = answer["account"]
        return User(self, user_id, answer["session"], account["id"], account.get("provider"))


@dataclass
class User:
    portal: Portal
    name: str
    session: str | None = field(default=None, repr=False)
    account: str | None = None
    provider: str | None = None

    async def get(self, path: str, **query: Any) -> Any:
        return await self._send("GET", path, params=query)

    async def read(self, path: str, *, grant: str | None = None, **query: Any) -> bytes:
        """What is no JSON, or is wanted as it stands."""
        headers = {"Lpse-Grant": grant} if grant else {}
        return (await self._answer("GET", path, params=query, headers=headers)).content

    async def print(self, path: str, content: bytes) -> bytes:
        """What comes of a file of which the portal keeps nothing."""
        return (await self._answer("POST", path, {"Content-Type": "application/json"}, content=content)).content

    async def follow(self, path: str, code: str) -> Any:
        """What became of a matter, for who holds its tracking code."""
        return await self._send("GET", path, headers={"Lpse-Tracking": code})

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self._send("POST", path, json={} if body is None else body, headers=headers)

    async def upload(self, path: str, grant: str, media_type: str, name: str, file: Path) -> Uploaded:
        """One streaming PUT under a grant; both fingerprints are computed from the bytes as they leave."""
        reading, size = _Reading(file), file.stat().st_size
        headers = {
            "Lpse-Grant": grant,
            "Content-Type": media_type,
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        }
        try:
            answer = await self._send("PUT", path, content=reading, headers=headers)
        except Refused as refused:
            if "upload" not in refused.problem:
                raise
            answer = await self._arrived_before(refused.problem["upload"], reading)
        mine = Fingerprint(name, size, reading.md5.hexdigest(), reading.sha256.hexdigest())
        if (answer["md5"], answer["sha256"], answer["size"]) != (mine.md5, mine.sha256, mine.size):
            raise Refused(f"uploading {name}", 200, {"detail": "the portal received other bytes than were sent"})
        return Uploaded(mine, answer["statement"], answer["object"])

    async def _arrived_before(self, upload: str, reading: "_Reading") -> Any:
        """The file came with an earlier try whose answer did not reach us."""
        async for _ in reading:
            pass
        return await self.get(upload)

    async def download(self, object_: str, grant: str) -> Fingerprint:
        """Read a document back and fingerprint what came."""
        md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
        headers = self._headers() | {"Lpse-Grant": grant}
        async with self.portal.http.stream("GET", f"/api/documents/objects/{object_}", headers=headers) as response:
            if response.status_code != 200:
                raise Refused("a download", response.status_code, {"detail": (await response.aread()).decode()})
            async for chunk in response.aiter_bytes(CHUNK):
                md5.update(chunk)
                sha256.update(chunk)
                size += len(chunk)
        return Fingerprint(object_, size, md5.hexdigest(), sha256.hexdigest())

    async def _send(self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any) -> Any:
        return (await self._answer(method, path, headers, **request)).json()

    async def _answer(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any
    ) -> httpx2.Response:
        sent = self._headers() | dict(headers or {})
        response = await self.portal.request(method, path, headers=sent, **request)
        if response.status_code >= 400:
            raise Refused(f"{method} {path} by {self.name}", response.status_code, _problem(response))
        return response

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session}"} if self.session else {}


def _problem(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {"detail": response.text[:200]}
    return problem if isinstance(problem, dict) else {"detail": str(problem)}


class _Reading:
    """The bytes of a file, fingerprinted as they leave; who sends them again begins anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._begin()

    def _begin(self) -> None:
        self.md5, self.sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._begin()
        with self._file.open("rb") as handle:
            while chunk := await asyncio.to_thread(handle.read, CHUNK):
                await asyncio.to_thread(self._update, chunk)
                yield chunk

    def _update(self, chunk: bytes) -> None:
        self.md5.update(chunk)
        self.sha256.update(chunk)
