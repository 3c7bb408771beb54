"""`/pemeriksaan/{code}`: a tender's dossier, put together while it is sent.

Each part is asked of the service that has it, in the auditor's name, so that each reading is decided and told there. Nothing is
kept here: a part goes on as it comes, and the list of the parts with their fingerprints comes last.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import uuid4
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import wants_page
from gateway.pages.audit import DESK
from gateway.pages.desks import roles_of
from gateway.pages.visit import Reception, Visit
from gateway.session import problem_of
from gateway.upstream import Answer
from integrity import dossier, receipts
from integrity.canonical import canonical
from integrity.checkpoint import Checkpoint
from integrity.dossier import Member
from integrity.note import Note
from integrity.proof import Proof
from kit.problems import Problem

__all__ = ["Dossiers"]

AT_ONCE: Final = 50
"""Entries of the log that are asked for together."""


class Dossiers:
    """`proxy` is what `/api` leads to."""

    def __init__(self, proxy: ASGIApp) -> None:
        self._proxy = proxy

    def routes(self, reception: Reception) -> list[Route]:
        async def endpoint(request: Request) -> Response:
            visit = await reception.receive(request, public=False)
            try:
                visit.require(*roles_of("audit"))
            except Problem as refusal:
                if refusal.status == 401 and wants_page(request.scope):
                    return reception.to_login(request)
                raise
            code = visit.path("code")
            if request.method == "GET":
                return await visit.page("audit/dossier.html", code=code)
            visit.refuse_foreign(await reception.form(request))
            return await _Dossier.begun(reception, request, visit, self._proxy, code)

        return [Route(f"{DESK}/{{code:str}}", endpoint, methods=["GET", "POST"])]


@dataclass(slots=True)
class _Sink:
    """Where the archive is written to, and taken from to be sent: never more than a part of it."""

    waiting: list[bytes] = field(default_factory=list)

    def write(self, data: bytes, /) -> int:
        self.waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: it is taken."""

    def close(self) -> None:
        """As before."""

    def take(self) -> bytes:
        taken, self.waiting = b"".join(self.waiting), []
        return taken


class _Dossier(Response):
    """What can be refused is asked before the answer begins. What is refused later breaks it off: nobody shall take it for whole."""

    def __init__(
        self,
        reception: Reception,
        request: Request,
        proxy: ASGIApp,
        statement: Mapping[str, Any],
        log: Mapping[str, Any],
    ) -> None:
        super().__init__(media_type="application/zip")
        self._reception, self._request, self._proxy = reception, request, proxy
        self._statement, self._facts, self._about = statement, dossier.facts_of(statement), log
        self._note = Note.parse(log["note"].encode())
        self._code = str(self._facts["tender"]["code"])
        self._sink, self._members = _Sink(), list[Member]()
        self._zip = ZipFile(self._sink, "w", ZIP_STORED)
        self._decided: dict[str, tuple[Mapping[str, Any], str]] = {}
        """The entry and the proof of what was decided on each bid."""
        name = f"berkas-pemeriksaan-{self._code}.zip"
        self.headers.update(
            {"content-disposition": f'attachment; filename="{name}"', "cache-control": "private, no-store"}
        )
        del self.headers["content-length"]

    @classmethod
    async def begun(cls, reception: Reception, request: Request, visit: Visit, proxy: ASGIApp, code: str) -> "_Dossier":
        facts = await visit.get("tender", f"/dossiers/{code}")
        return cls(reception, request, proxy, facts["statement"], await visit.get("audit", f"/dossiers/{code}"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with aclosing(self._chunks(scope, gone)) as chunks:
                async for chunk in chunks:
                    if gone.done():
                        return
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()

    async def _visit(self) -> Visit:
        """Asked for anew: a large dossier takes longer than a token lasts."""
        return await self._reception.receive(self._request, public=False)

    async def _chunks(self, scope: Scope, gone: "asyncio.Task[None]") -> AsyncGenerator[bytes, None]:
        yield await self._signed()
        async for chunk in self._log():
            yield chunk
        for bid in self._facts["bids"]:
            yield await self._receipt(bid)
        for file in self._facts["files"]:
            async with aclosing(self._file(file, scope, gone)) as chunks:
                async for chunk in chunks:
                    yield chunk
        listed = dossier.index(
            host=self._facts["host"],
            tender=self._code,
            mandate=self._facts["mandate"],
            made_at=self._facts["made_at"],
            members=self._members,
        )
        self._put(dossier.INDEX, listed)
        self._zip.close()
        yield self._sink.take()

    async def _signed(self) -> bytes:
        visit = await self._visit()
        with suppress(Problem):  # where no root of trust is published, its absence is for the verifier to tell
            self._put(dossier.TRUST_ROOT, await visit.text("audit", "/trust-root"))
        self._put(dossier.POLICY, self._about["policy"].encode())
        self._put(dossier.CHECKPOINT, self._about["note"].encode())
        self._put(dossier.FACTS, canonical(self._statement))
        return self._sink.take()

    async def _log(self) -> AsyncGenerator[bytes, None]:
        size, start = Checkpoint.parse(self._note.text).size, 0
        while start is not None:
            visit = await self._visit()
            asked = {"size": size, "start": start, "count": AT_ONCE}
            page = await visit.get("audit", f"/dossiers/{self._code}/entries", **asked)
            for one in page["entries"]:
                proof = str(Proof(one["index"], tuple(bytes.fromhex(hash_) for hash_ in one["path"]), self._note))
                self._put(f"log/{one['index']}.json", dossier.entry(one))
                self._put(f"log/{one['index']}.tlog-proof", proof.encode())
                if one["opening"]["kind"] in dossier.DECIDED:
                    self._decided[one["opening"]["body"]["bid"]] = one, proof
            yield self._sink.take()
            start = page["next"]

    async def _receipt(self, bid: Mapping[str, Any]) -> bytes:
        visit = await self._visit()
        part = await visit.get("tender", f"/dossiers/{self._code}/bids/{bid['id']}")
        entry, proof = self._decided.pop(bid["id"], (None, None))
        built = receipts.build(part["receipt"], record=part["record"], entry=entry, proof=proof)
        self._put(f"bids/{bid['code']}.json", built)
        return self._sink.take()

    async def _file(
        self, file: Mapping[str, Any], scope: Scope, gone: "asyncio.Task[None]"
    ) -> AsyncGenerator[bytes, None]:
        visit = await self._visit()
        path = f"/dossiers/{self._code}/files/{file['id']}/download"
        given = await visit.post("tender", path, key=str(uuid4()))
        size, md5, sha256 = 0, hashlib.md5(usedforsecurity=False), hashlib.sha256()
        info = self._info(f"files/{file['id']}", file["size"])
        with self._zip.open(info, "w", force_zip64=True) as part:
            async with aclosing(_Document(self._proxy, scope, gone, given).chunks()) as chunks:
                async for chunk in chunks:
                    size += len(chunk)
                    md5.update(chunk)
                    sha256.update(chunk)
                    part.write(chunk)
                    yield self._sink.take()
        self._members.append(Member(info.filename, size, md5.hexdigest(), sha256.hexdigest()))
        yield self._sink.take()

    def _put(self, name: str, data: bytes) -> None:
        self._zip.writestr(self._info(name, len(data)), data)
        prints = receipts.Original.of([data])
        self._members.append(Member(name, len(data), prints.md5, prints.sha256))

    def _info(self, name: str, size: int) -> ZipInfo:
        made = datetime.fromisoformat(self._facts["made_at"])
        info = ZipInfo(name, made.timetuple()[:6])
        info.file_size = size
        return info


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Document:
    """A document as it comes, under the limits of every download. One chunk is on its way at a time."""

    def __init__(self, proxy: ASGIApp, scope: Scope, gone: "asyncio.Task[None]", given: Mapping[str, str]) -> None:
        path = f"/api/documents/objects/{given['object']}"
        left_out = (b"content-", b"lpse-grant", b"range", b"if-")
        kept = [pair for pair in scope["headers"] if not pair[0].startswith(left_out)]
        self._scope = {
            **scope,
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [*kept, (b"lpse-grant", given["grant"].encode())],
        }
        self._proxy, self._gone, self._asked = proxy, gone, False
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._refusal: Answer | None = None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        task = asyncio.create_task(self._run())
        try:
            while (chunk := await self._waiting.get()) is not None:
                yield chunk
            await task
        finally:
            task.cancel()
        if self._refusal is not None:
            raise problem_of(self._refusal)

    async def _run(self) -> None:
        try:
            await self._proxy(self._scope, self._receive, self._send)
        except Exception:
            await self._waiting.put(None)
            raise
        await self._waiting.put(None)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.wait([self._gone])
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._refusal = Answer(message["status"], Headers(raw=list(message.get("headers", ()))), b"")
        elif self._refusal is not None:
            body = self._refusal.body + message.get("body", b"")
            self._refusal = Answer(self._refusal.status, self._refusal.headers, body)
        elif message.get("body"):
            await self._waiting.put(message["body"])
