"""Who has seen the log: it asks each witness of its policy to sign every published checkpoint (C2SP tlog-witness).

Each is asked in a task of its own, so that one that is down, slow, wrong or hostile holds up neither the others nor the log,
and nobody's bid waits for any of them. What a witness answers is believed as far as its key signed it.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from integrity.checkpoint import Checkpoint as Statement
from integrity.checkpoint import parse_number
from integrity.ed25519 import SignatureError
from integrity.note import Note, NoteError, Signature
from integrity.policy import Policy, PolicyError, Witness
from integrity.proof import Growth
from kit.clock import real_now
from kit.db import Database, Db, woken
from kit.service import Service
from kit.settings import CannotStart
from services.audit.log import tree
from services.audit.log.signing import Signer, signer_of
from services.audit.models import Checkpoint, Cosignature, Published, Witnessed

__all__ = ["HEARTBEAT", "Asking", "Refusal", "Seen", "head_of", "policy_in_force", "policy_of", "policy_text", "seen"]

log = structlog.get_logger()

TIMEOUT = 10.0
MOST_BYTES = 64 << 10
"""Of an answer: signatures, or a number."""
HEARTBEAT = timedelta(minutes=5)
"""Without growth a witness is asked again after this, so that everybody sees the log is watched."""
SKEW = timedelta(minutes=5)
"""By how much a witness's clock may be wrong."""
TRIES = 3
LAST_PORT = 65535
PAUSES = (1.0, 60.0)
"""Seconds before one that did not answer is asked again, at first and at most."""
LOOK_BACK = 100
"""Checkpoints that were enough for some policy, among which one is looked for that is for this."""


class Refusal(Exception):
    """A witness did not sign; the text says why, as far as it can be told."""


def policy_text(signer: Signer, file: Path | None) -> str:
    """The policy of this log (C2SP tlog-policy): its keys, and from the operator's file its witnesses and their quorum."""
    rest = file.read_text() if file else "quorum none\n"
    return "".join(f"log {key}\n" for key in signer.known()) + rest


def policy_of(signer: Signer, file: Path | None) -> Policy:
    """Raises CannotStart where the file is none to use."""
    try:
        policy = Policy.parse(policy_text(signer, file).encode())
        for one in policy.witnesses.values():
            _check_address(one)
    except (OSError, PolicyError, UnicodeDecodeError, httpx2.InvalidURL) as error:
        raise CannotStart(f"LPSE_LOG_POLICY names {file}, which is no policy of witnesses: {error}") from error
    return policy


def policy_in_force(service: Service) -> Policy:
    return policy_of(signer_of(service), service.settings.log_policy)


def _check_address(witness: Witness) -> None:
    """Raises PolicyError, now and not each time it is asked."""
    url = httpx2.URL(witness.url) if witness.url else None
    if url and (url.scheme not in {"http", "https"} or not url.host or (url.port or 0) > LAST_PORT):
        raise PolicyError(f"{witness.url} is no address of a witness")


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest checkpoint that enough witnesses saw, and when each did."""

    size: int
    note: Note
    witnesses: dict[str, datetime]


async def seen(db: Db, policy: Policy, larger_than: int = -1) -> Seen | None:
    """Of more than so many entries, where one is asked for. What was enough for an older policy counts as far as it is enough
    for this one."""
    query = select(Published.size).where(Published.size > larger_than).order_by(Published.size.desc())
    if not policy.satisfied_by(frozenset()):
        query = query.where(Published.seen)
    for size in (await db.execute(query.limit(LOOK_BACK))).scalars():
        some = [one for one in await _of(db, size) if one.witness in policy.witnesses]
        if policy.satisfied_by({one.witness for one in some}):
            checkpoint = await db.get_one(Checkpoint, size)
            note = Note.parse(str(checkpoint.note).encode())
            lines = [Signature.parse(one.line) for one in some]
            return Seen(size, note.with_signatures(lines), {one.witness: one.at for one in some})
    return None


async def _of(db: Db, size: int) -> Sequence[Cosignature]:
    return (await db.execute(select(Cosignature).where(Cosignature.size == size))).scalars().all()


async def forget_others(database: Database, policy: Policy) -> None:
    """Nobody waits for a witness that left the policy; for one that is new, from now on."""
    async with database.transaction() as db:
        await db.execute(delete(Witnessed).where(Witnessed.witness.not_in(policy.witnesses)))
        for name, one in policy.witnesses.items():
            if one.url:
                await db.execute(insert(Witnessed).values(witness=name).on_conflict_do_nothing())


@dataclass(slots=True)
class Asking:
    """One witness. `run()` is supervised by the service and never ends by itself. `ahead` is set when the witness saw more of
    the log than is here, or another log."""

    name: str
    witness: Witness
    policy: Policy
    database: Database
    ahead: asyncio.Event
    sweep: float = 1.0
    heartbeat: timedelta = HEARTBEAT
    _pause: float = field(default=PAUSES[0], init=False)

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False) as http, self.database.waker() as waker:
            while True:
                waker.clear()
                try:
                    await self.ask(http)
                    self._pause = PAUSES[0]
                except Refusal as why:
                    log.warning("a witness did not sign", witness=self.name, why=str(why))
                    pause, self._pause = self._pause, min(2 * self._pause, PAUSES[1])
                    await asyncio.sleep(pause)
                    continue
                await woken(waker, self.sweep)

    async def ask(self, http: httpx2.AsyncClient) -> int | None:
        """Have the newest published checkpoint signed; returns its size, or None where that was done lately.

        Raises Refusal.
        """
        async with self.database.reading() as db:
            newest = await _newest(db)
            query = select(Witnessed.size, Witnessed.at).where(Witnessed.witness == self.name)
            last = (await db.execute(query)).one_or_none()
            now = await real_now(db)
        if newest is None or (last and last.size == newest.size and now - last.at < self.heartbeat):
            return None
        try:
            async with asyncio.timeout(TIMEOUT):
                line, at = await self._signed(http, newest, last.size if last else 0, now)
        except (httpx2.HTTPError, TimeoutError) as away:
            raise Refusal(f"it does not answer ({away!r})") from away
        async with self.database.transaction() as db:
            # one witness after the other: of two that sign at once, each would miss the other, and nobody would have seen it
            await db.execute(select(Published.size).where(Published.size == newest.size).with_for_update())
            row = insert(Cosignature).values(size=newest.size, witness=self.name, line=line, at=at)
            kept = {"line": row.excluded.line, "at": row.excluded.at}
            await db.execute(row.on_conflict_do_update(index_elements=["size", "witness"], set_=kept))
            mine = insert(Witnessed).values(witness=self.name, size=newest.size, at=now)
            news = {"size": mine.excluded.size, "at": mine.excluded.at}
            await db.execute(mine.on_conflict_do_update(index_elements=["witness"], set_=news))
            if self.policy.satisfied_by({one.witness for one in await _of(db, newest.size)}):
                await db.execute(update(Published).where(Published.size == newest.size).values(seen=True))
        return newest.size

    async def _signed(
        self, http: httpx2.AsyncClient, newest: Checkpoint, old: int, now: datetime
    ) -> tuple[str, datetime]:
        """The line of the cosignature, and its time."""
        note = Note.parse(str(newest.note).encode())
        for _ in range(TRIES):
            status, body = await self._posted(http, str(await self._growth(old, newest.size, note)))
            match status:
                case 200:
                    return self._read(note, body, newest, now)
                case 409:
                    old = self._told(body, old, newest.size)
                case 422:
                    self.ahead.set()
                    raise Refusal("to it this is another log than it saw")
                case _:
                    raise Refusal(f"it answers {status}")
        raise Refusal("it names another size each time")

    async def _growth(self, old: int, size: int, note: Note) -> Growth:
        path: list[bytes] = []
        if 0 < old < size:
            async with self.database.reading() as db:
                path = await tree.consistency(db, old, size)
        return Growth(old, tuple(path), note)

    async def _posted(self, http: httpx2.AsyncClient, body: str) -> tuple[int, bytes]:
        url = f"{str(self.witness.url).rstrip('/')}/add-checkpoint"
        async with http.stream("POST", url, content=body.encode()) as answer:
            return answer.status_code, await _few(answer)

    def _told(self, body: bytes, old: int, size: int) -> int:
        """The size it saw last. Raises Refusal."""
        try:
            told = parse_number(body.decode().removesuffix("\n"))
        except (NoteError, UnicodeDecodeError) as error:
            raise Refusal("its 409 names no size") from error
        if told > size or told == old == size:
            self.ahead.set()
            raise Refusal(f"it saw a log of {told} entries, and this one of {size} does not go on from that")
        if told == old:
            raise Refusal("it wants another size, and names the same")
        return told

    def _read(self, note: Note, body: bytes, newest: Checkpoint, now: datetime) -> tuple[str, datetime]:
        try:
            lines = [Signature.parse(line) for line in body.decode().removesuffix("\n").split("\n")]
            mine = [line for line in lines if (line.name, line.id) == (self.witness.key.name, self.witness.key.id)]
            time = Note(note.text, tuple(mine)).signed_by([self.witness.key]).get(self.witness.key)
        except (NoteError, SignatureError, UnicodeDecodeError) as error:
            raise Refusal(f"its answer is no signature: {error}") from error
        if time is None:
            raise Refusal("its answer has no signature of its key")
        try:
            at = datetime.fromtimestamp(time, UTC)
        except (OverflowError, OSError, ValueError) as error:
            raise Refusal(f"it signed at {time} s, which is no time") from error
        if not newest.at - SKEW <= at <= now + SKEW:
            raise Refusal(
                f"it signed at {at.isoformat()}, when this checkpoint was not there yet or is not yet: its clock is wrong"
            )
        return str(mine[-1]).removesuffix("\n"), at


async def _newest(db: Db) -> Checkpoint | None:
    size = select(func.max(Published.size)).scalar_subquery()
    return (await db.execute(select(Checkpoint).where(Checkpoint.size == size))).scalar_one_or_none()


async def head_of(http: httpx2.AsyncClient, witness: Witness, origin: str) -> tuple[Statement, Note] | None:
    """The checkpoint it signed last, as ours and some others tell it; None where it saw none or does not tell. Raises Refusal."""
    url = f"{str(witness.url).rstrip('/')}/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"
    try:
        async with asyncio.timeout(TIMEOUT), http.stream("GET", url) as answer:
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return None
            if answer.status_code != httpx2.codes.OK:
                raise Refusal(f"it answers {answer.status_code}")
            body = await _few(answer)
    except (httpx2.HTTPError, TimeoutError) as away:
        raise Refusal(f"it does not answer ({away!r})") from away
    try:
        note = Note.parse(body)
        return Statement.parse(note.text), note
    except NoteError as error:
        raise Refusal(f"its checkpoint is none: {error}") from error


async def _few(answer: httpx2.Response) -> bytes:
    """Raises Refusal for more than anybody has to say."""
    body = b""
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refusal("it answers without end")
    return body
