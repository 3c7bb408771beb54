"""Its two doors (C2SP tlog-witness): logs ask it to sign what it sees, and everybody may read what it saw last.

A request is answered by status, as the protocol wants: 404 for a log that is not known, 403 for one that is not signed by it, 409
with the size that was seen where it goes on from another, 422 where it does not contain what was seen.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from integrity.ed25519 import SignatureError
from integrity.merkle import ProofError
from integrity.note import Key, Note, NoteError, cosign
from integrity.proof import Growth
from kit import migrations, telemetry
from kit.clock import real_now
from kit.db import Database, is_unavailable
from witness.memory import Contradicted, Forgotten, last, see
from witness.settings import WitnessSettings, key_of, logs_of

__all__ = ["Witness", "build"]

log = structlog.get_logger()

NAME = "witness"
MOST_BYTES = 64 << 10
"""Of a request: 63 hashes and a checkpoint with many signatures take a tenth."""
SIZE = "text/x.tlog.size"


class Witness:
    """`app` may be served while `running()` is entered."""

    def __init__(self, settings: WitnessSettings) -> None:
        self._private, self.key = key_of(settings)
        self._logs: Mapping[str, list[Key]] = logs_of(settings)
        self._origins = {hashlib.sha256(origin.encode()).hexdigest(): origin for origin in self._logs}
        self.database = Database(settings.database.get_secret_value(), pool=4, application=NAME)
        self.signals = telemetry.set_up(NAME, settings, NAME)
        self.app = FastAPI(title="OpenLPSE witness", version="1", docs_url=None, redoc_url=None, openapi_url=None)
        self.app.post("/add-checkpoint")(self.add_checkpoint)
        self.app.get("/{origin_hash}/checkpoint")(self.checkpoint)
        self.app.get("/health/live")(self.live)
        self.app.get("/health/ready")(self.ready)
        self.app.add_middleware(telemetry.Traced, signals=self.signals)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Witness"]:
        async with self.database.reading() as db:
            await migrations.refuse_wrong_schema(db, NAME)
        try:
            yield self
        finally:
            await self.database.close()
            await asyncio.to_thread(self.signals.shut_down)

    async def add_checkpoint(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return _refused(413, f"a request has at most {MOST_BYTES} bytes")
        try:
            growth = Growth.parse(body)
        except NoteError as why:
            return _refused(400, str(why))
        return await self._answered(growth)

    async def _answered(self, growth: Growth) -> Response:
        origin = growth.checkpoint.origin
        keys = self._logs.get(origin)
        if keys is None:
            return _refused(404, "this log is not known here")
        try:
            signed = growth.note.signed_by(keys)
        except SignatureError:
            signed = {}
        if not signed:
            return _refused(403, "no key of this log that is known here signed this checkpoint")
        if growth.old_size > growth.checkpoint.size:
            return _refused(400, "the old size is larger than the checkpoint's")
        try:
            return await self._seen(growth, [key for key in keys if key in signed])
        except Forgotten as other:
            if isinstance(other, Contradicted):
                log.critical("a log showed two roots at one size", origin=origin, size=other.size)
            return Response(f"{other.size}\n", 409, headers={"Content-Type": SIZE})
        except ProofError as why:
            log.critical("a log does not contain what was seen of it", origin=origin, why=str(why))
            return _refused(422, str(why))

    async def _seen(self, growth: Growth, keys: list[Key]) -> Response:
        """Answered when it is stored."""
        text = growth.note.text
        async with self.database.transaction() as db:
            seen = await see(db, growth)
            now = await real_now(db)
            mine = cosign(text, self.key.name, self._private, int(now.timestamp()))
            known = {(key.name, key.id) for key in keys}
            theirs = {(one.name, one.id): one for one in growth.note.signatures if (one.name, one.id) in known}
            seen.note, seen.at = str(Note(text, (*theirs.values(), mine))), now
        return PlainTextResponse(str(mine))

    async def checkpoint(self, origin_hash: str) -> Response:
        """`origin_hash`: the SHA-256 of the log's origin, in hexadecimal."""
        async with self.database.reading() as db:
            seen = await last(db, self._origins.get(origin_hash, ""))
        return PlainTextResponse(seen.note) if seen else _refused(404, "nothing was seen of such a log")

    async def live(self) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(self) -> Response:
        try:
            async with self.database.reading_apart() as db:
                await migrations.refuse_wrong_schema(db, NAME)
        except Exception as error:
            if not is_unavailable(error):
                raise
            return _refused(503, "the database does not answer")
        return JSONResponse({"status": "ready"})


def build(settings: WitnessSettings) -> Witness:
    return Witness(settings)


def _refused(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status)
