"""One request of one actor: the transaction of its effect, and the promise that repeating it repeats nothing.

The idempotency key, the answer and the effect are stored together. The same key with the same body gets the same answer
again; with another body it is refused (409). Of the key only a hash is kept, and the answer is sealed with the key itself:
what was shown to its caller once (a tracking code) cannot be read out of the database.
"""

import hashlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy import Column, Integer, LargeBinary, Table, Text, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from kit.auth import Actor, actor_of
from kit.db import Database, Db, Instant, kit_metadata
from kit.problems import Conflict, Problem

__all__ = ["Call", "CallDep", "Replayed", "idempotency"]

idempotency = Table(
    "idempotency",
    kit_metadata,
    Column("account", Uuid, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("status", Integer),
    Column("answer", LargeBinary),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()"), index=True),
)

NOBODY = UUID(int=0)
NONCE = 12
KEY = re.compile(r"[!-~]{8,200}")
MODEL = TypeVar("MODEL", bound=BaseModel)


class Replayed(Exception):
    """The effect happened before: this is the answer that was given then."""

    def __init__(self, status: int, answer: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.answer = answer


@dataclass(slots=True)
class Call:
    database: Database
    actor: Actor | None
    route: str
    key: str | None
    body: bytes
    status: int
    _answer: bytes | None = None
    _refusal: Problem | None = field(default=None)

    @property
    def account(self) -> UUID:
        """Who acts; only for routes that nobody reaches without logging in."""
        if self.actor is None:
            raise RuntimeError("this route has no actor: it must not be public")
        return self.actor.account

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Db]:
        async with self.database.transaction() as db:
            db.info["actor"] = self.actor.account if self.actor else None
            await self._claim(db)
            yield db
            await self._remember(db)
        if self._refusal is not None:
            raise self._refusal

    def answer(self, model: MODEL) -> MODEL:
        """What this call answers, now and whenever it is repeated."""
        self._answer = model.model_dump_json().encode()
        return model

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem whose record is kept: the transaction commits, then the problem is raised."""
        from kit.http import encode_problem

        self.status, self._answer, self._refusal = problem.status, encode_problem(problem), problem

    def _who(self) -> UUID:
        return self.actor.account if self.actor else NOBODY

    async def _claim(self, db: Db) -> None:
        if self.key is None:
            return
        digest = hashlib.sha256(self.body).digest()
        row = {"account": self._who(), "route": self.route, "key": self._key_hash(), "body_sha256": digest}
        if (await db.execute(_CLAIM, row)).one_or_none() is not None:
            return
        before = (await db.execute(_BEFORE, self._mine())).one()
        if before.body_sha256 != digest:
            raise Conflict(
                "idempotency_key_reused",
                "This Idempotency-Key was used on this route with another body.",
                remedy="Use a new key for a new request; repeat a request with exactly the same body.",
            )
        raise Replayed(before.status, self._seal().decrypt(before.answer[:NONCE], before.answer[NONCE:], None))

    async def _remember(self, db: Db) -> None:
        if self.key is None:
            return
        if self._answer is None:
            raise RuntimeError(f"{self.route} ended its transaction without call.answer()")
        nonce = os.urandom(NONCE)
        sealed = nonce + self._seal().encrypt(nonce, self._answer, None)
        await db.execute(_REMEMBER, {**self._mine(), "status": self.status, "answer": sealed})

    def _mine(self) -> dict[str, Any]:
        return {"who": self._who(), "where": self.route, "hash": self._key_hash()}

    def _key_hash(self) -> str:
        return hashlib.sha256(f"key {self.key}".encode()).hexdigest()

    def _seal(self) -> AESGCM:
        return AESGCM(hashlib.sha256(f"answer {self.key}".encode()).digest())


# Built once: every request that changes something runs them.
_MINE = (
    idempotency.c.account == bindparam("who"),
    idempotency.c.route == bindparam("where"),
    idempotency.c.key == bindparam("hash"),
)
_CLAIM = insert(idempotency).on_conflict_do_nothing().returning(idempotency.c.key)
_BEFORE = select(idempotency).where(*_MINE)
_REMEMBER = update(idempotency).where(*_MINE)


KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Required. A new random value (8 to 200 characters, for example a UUID) for each new request, the same "
        "for its repetition: what was done once is answered again and not done again.",
    ),
]


async def _call(request: Request, key: KeyHeader = None) -> Call:
    from kit.service import service_of

    route = request.scope["route"]
    if request.method == "GET":
        key = None  # a question is asked anew each time: what its asker may not see any more is not answered again
    elif key is None:
        raise Problem(
            "idempotency_key_missing",
            "A request that changes something carries an Idempotency-Key header.",
            remedy="Send a new random key (for example a UUID) with each new request, and the same key when you repeat it.",
        )
    if key is not None and not KEY.fullmatch(key):
        raise Problem(
            "idempotency_key_invalid",
            "An Idempotency-Key has 8 to 200 visible ASCII characters and no space.",
            remedy="Send a new random key, for example a UUID.",
        )
    return Call(
        database=service_of(request).database,
        actor=actor_of(request),
        route=f"{request.method} {request.url.path}",
        key=key,
        body=await request.body(),
        status=route.status_code or 200,
    )


CallDep = Annotated[Call, Depends(_call)]


async def forget_old(db: Db) -> None:
    """Keys are kept two days: longer than anyone repeats a request."""
    await db.execute(idempotency.delete().where(idempotency.c.at < func.clock_timestamp() - text("interval '2 days'")))
