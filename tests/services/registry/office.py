"""One registry on a real database, with people who log in as the gateway lets them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pyotp
from sqlalchemy import select, text, update

from kit.grants import ServiceToken, Statement, UploadGrant
from kit.ids import new_id
from kit.keys import SigningKey
from kit.outbox import outbox
from kit.service import Service
from services.registry.models import Credential
from services.registry.training import TRAINING_USERS

SECRETS: dict[str, tuple[str, str]] = {user: (f"sandi-{user}", pyotp.random_base32()) for user, *_ in TRAINING_USERS}

Json = dict[str, Any]
COPY = b"%PDF-1.7 a scanned paper"


@dataclass
class Office:
    service: Service
    keys: Path
    client: httpx2.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)
    """User id -> access token; `as_=None` is somebody who is not logged in."""

    async def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, as_: str | None = None, key: str | None = None
    ) -> httpx2.Response:
        headers = self._who(as_) | {"idempotency-key": key or str(uuid4())}
        return await self.client.post(path, json=dict(body or {}), headers=headers)

    async def get(self, path: str, *, as_: str | None = None, **params: Any) -> httpx2.Response:
        return await self.client.get(path, headers=self._who(as_), params=params)

    async def delete(self, path: str, *, as_: str | None = None) -> httpx2.Response:
        return await self.client.delete(path, headers=self._who(as_) | {"idempotency-key": str(uuid4())})

    def _who(self, user_id: str | None) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[user_id]}"} if user_id else {}

    async def log_in(self, user_id: str, password: str | None = None, totp: str | None = None) -> httpx2.Response:
        body = {"user_id": user_id, "password": password or SECRETS[user_id][0], "totp": totp}
        return await self.client.post("/sessions", json=body)

    async def token(self, session: str) -> httpx2.Response:
        key = SigningKey.load(self.keys / "gateway", "gateway", "service")
        headers = {"lpse-service": ServiceToken("registry", datetime.now(UTC)).issue(key)}
        return await self.client.post("/internal/tokens", json={"session": session}, headers=headers)

    async def enter(self, user_id: str, password: str | None = None) -> Json:
        """Log in with all that it takes, and keep the token for `as_=user_id`; returns the session."""
        secret = SECRETS[user_id][1] if user_id in SECRETS else None
        session: Json = ok(await self.log_in(user_id, password, pyotp.TOTP(secret).now() if secret else None), 201)
        self.tokens[user_id] = ok(await self.token(session["session"]))["token"]
        return session

    async def enter_again(self, user_id: str) -> Json:
        """As `enter`, within the same half minute: the code's one use is forgotten."""
        async with self.service.database.transaction() as db:
            await db.execute(update(Credential).values(totp_step=0))
        return await self.enter(user_id)

    async def register(self, user_id: str, **others: Any) -> Json:
        """A provider that is logged in."""
        answer: Json = ok(await self.post("/registrations", registration(user_id, **others)), 201)
        await self.enter(user_id, "kata-sandi-panjang")
        return answer

    async def hand_in(self, user_id: str, kind: str, **others: Any) -> str:
        """Enter a paper and confirm its copy, as if documents had stored it."""
        begun = ok(await self.post("/papers", paper(kind, **others), as_=user_id), 201)
        confirmed = await self.post(f"/papers/{begun['id']}/file", self.stated(begun["grant"]), as_=user_id)
        return str(ok(confirmed)["id"])

    async def submitted(self, user_id: str, **others: Any) -> tuple[str, list[str]]:
        """A provider that asked for admission, and its papers."""
        answer = await self.register(user_id, **others)
        papers = [await self.hand_in(user_id, kind) for kind in answer["required_papers"]]
        ok(await self.post(f"/providers/{answer['provider']}/submission", as_=user_id))
        return answer["provider"], papers

    def stated(self, upload_grant: str, content: bytes = COPY, **others: Any) -> Json:
        """What documents answers to an upload of `content` under the grant, signed with its real key."""
        now = datetime.now(UTC)
        given = UploadGrant.verify(upload_grant, self.service.ring, now)
        digests = {"md5": md5(content, usedforsecurity=False).hexdigest(), "sha256": sha256(content).hexdigest()}
        values = {"grant": given.id, "purpose": given.purpose, "record": given.record, "account": given.account}
        found: Json = {"object": new_id(), "size": len(content), "at": now, **digests, **values, **others}
        statement = Statement(**found)
        key = SigningKey.load(self.keys / "documents", "documents", "statement")
        return {"statement": statement.issue(key, owner="registry"), **digests}

    async def events(self, type: str) -> list[Json]:
        async with self.service.database.reading() as db:
            rows = await db.execute(select(outbox.c.data).where(outbox.c.type == type).order_by(outbox.c.position))
            return [json.loads(data) for data in rows.scalars()]

    async def later(self, statement: str) -> None:
        """Let time have passed for rows that keep it."""
        async with self.service.database.transaction() as db:
            await db.execute(text(statement))

    async def rows(self, *tables: str) -> list[tuple[Any, ...]]:
        async with self.service.database.reading() as db:
            found = [(await db.execute(text(f"select * from {table}"))).all() for table in tables]  # noqa: S608
        return [tuple(row) for rows in found for row in rows]


def ok(response: httpx2.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def problem(response: httpx2.Response, status: int, code: str) -> Json:
    assert response.headers["content-type"] == "application/problem+json"
    document: Json = response.json()
    assert (response.status_code, document["code"]) == (status, code), document
    return document


def registration(name: str, **others: Any) -> Json:
    return {
        "user_id": name,
        "password": "kata-sandi-panjang",
        "email": f"{name}@example.id",
        "kind": "badan_usaha",
        "name": f"CV {name.title()}",
        "npwp": npwp(name),
        "address": "Jalan Majapahit 1, Mojokerto",
        "phone": "0321-123456",
        "responsible_name": "Sri Rahayu",
        "amended_deed": False,
    } | others


def npwp(seed: str) -> str:
    """A valid NPWP of 15 digits for each seed."""
    from stdnum import luhn

    eight = str(int(sha256(seed.encode()).hexdigest(), 16))[-8:]
    return f"{eight}{luhn.calc_check_digit(eight)}603000"


def paper(kind: str, **others: Any) -> Json:
    number = "3576014107850003" if kind == "ktp" else f"{kind}/2026"
    return {"kind": kind, "number": number, "holder": "Sri Rahayu", "issued_on": "2024-02-29"} | others


def letter(account: str, as_role: str, **others: Any) -> Json:
    now = datetime.now(UTC)
    return {
        "account": account,
        "role": as_role,
        "skpd": None,
        "letter_number": f"SK/{as_role}/1",
        "issuer": "Walikota Mojokerto",
        "valid_from": (now - timedelta(days=1)).isoformat(),
        "valid_to": (now + timedelta(days=300)).isoformat(),
        "original_seen": True,
    } | others


def anybody() -> UUID:
    return uuid4()
