"""The people and the steps of a tender, driven through the service's own HTTP API with real keys and a real database."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from sqlalchemy import Row, text

from contracts.audit import MandateGranted
from contracts.helpdesk import MaintenanceAnnounced
from contracts.registry import CommitteeFormed, ProviderVerified, SkpdRegistered
from integrity import canonical, dsse
from kit import clock
from kit.bus import Delivery, Message
from kit.envelope import Envelope, Event
from kit.grants import Claims, RoleClaim, Statement
from kit.jobs import Worker
from kit.keys import SigningKey
from kit.service import Service

SKPD = "1.01.01"
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Monday 09:00 WIB."""
LATER = datetime(2036, 1, 1, tzinfo=UTC)
PDF = b"%PDF-1.7 "


@dataclass(frozen=True)
class Person:
    """Somebody with an access token."""

    name: str
    role: str
    skpd: str | None = None
    provider: UUID | None = None
    account: UUID = field(default_factory=uuid4)

    def token(self, key_home: Path) -> str:
        roles = (RoleClaim(self.role, self.skpd, uuid4(), LATER),)
        claims = Claims(
            self.account, uuid4(), self.name, self.provider, roles, datetime.now(UTC).replace(microsecond=0)
        )
        return claims.issue(SigningKey.load(key_home / "registry", "registry", "access"))


def firm(name: str) -> Person:
    return Person(name, "penyedia", provider=uuid4())


PPK = Person("ppk", "ppk", skpd=SKPD)
OTHER_PPK = Person("ppk lain", "ppk", skpd="1.02.01")
POKJA = tuple(Person(f"pokja{n}", "pokja") for n in (1, 2, 3))
STRANGER = Person("pokja lain", "pokja")
COMMITTEE = uuid4()
ITEMS = ({"quantity": "10", "unit_price": "1500000.00"}, {"quantity": "4", "unit_price": "2000000.00"})
"""HPS: 23 000 000 and 11 % PPN = 25 530 000."""


@dataclass
class Office:
    service: Service
    http: httpx2.AsyncClient
    key_home: Path

    # HTTP

    async def post(self, who: Person | None, path: str, body: Any = None, *, key: str | None = None) -> httpx2.Response:
        headers = {"Idempotency-Key": key or str(uuid4())}
        if who is not None:
            headers["Authorization"] = f"Bearer {who.token(self.key_home)}"
        return await self.http.post(path, json={} if body is None else body, headers=headers)

    async def do(self, who: Person, path: str, body: Any = None, **others: Any) -> Any:
        answer = await self.post(who, path, body, **others)
        assert answer.status_code in {200, 201}, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def get(self, who: Person | None, path: str, **params: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {who.token(self.key_home)}"} if who else {}
        return await self.http.get(path, headers=headers, params=params)

    async def see(self, who: Person | None, path: str, **params: Any) -> Any:
        answer = await self.get(who, path, **params)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    # What other services say

    async def tell(self, event: Event, *, subject: UUID, sequence: int = 1) -> None:
        envelope = Envelope(
            id=uuid4(),
            source="registry",
            type=event.TYPE,
            subject=subject,
            time=datetime.now(UTC),
            data=event.model_dump(mode="json"),
            sequence=sequence,
            instance="uji",
            seq=1,
            prev="0" * 64,
        )
        message = Message(str(envelope.id), envelope.type, envelope.encode(), {})
        await self.service.inbox(Delivery(message, "tender", 0))

    async def found(self) -> None:
        """The unit, the committee and the clock every test starts from."""
        for code in (SKPD, "1.02.01"):
            skpd = uuid4()
            known = SkpdRegistered(skpd=skpd, code=code, name=f"Dinas {code}", parent=None, valid_from=date(2026, 1, 1))
            await self.tell(known, subject=skpd)
        members = [member.account for member in POKJA]
        formed = CommitteeFormed(
            committee=COMMITTEE, name="Pokja 1", members=members, valid_from=START - timedelta(days=300), valid_to=LATER
        )
        await self.tell(formed, subject=COMMITTEE)
        async with self.service.database.transaction() as db:  # backwards, if need be: each test begins on that Monday
            await db.execute(clock.clock.update().values(stopped_at=START))

    async def verify(self, who: Person, *, licence_expires: date | None = None, sequence: int = 1) -> None:
        assert who.provider is not None
        known = ProviderVerified(
            provider=who.provider,
            account=who.account,
            name=f"CV {who.name}",
            kind="badan_usaha",
            licence_expires=licence_expires,
        )
        await self.tell(known, subject=who.provider, sequence=sequence)

    async def mandate(self, who: Person, *codes: str, **term: datetime) -> UUID:
        """A running one, unless told otherwise."""
        id = uuid4()
        known = MandateGranted(
            mandate=id,
            account=who.account,
            number="700/1",
            tenders=list(codes),
            **{"valid_from": START, "valid_to": LATER, **term},
        )
        await self.tell(known, subject=id)
        return id

    async def maintenance(self, code: str) -> None:
        id = uuid4()
        known = MaintenanceAnnounced(announcement=id, starts_at=START, ends_at=LATER, tenders=[code])
        await self.tell(known, subject=id)

    def statement(self, granted: dict[str, Any], content: bytes, **changes: Any) -> str:
        """What documents answers to the upload of `content` under this grant."""
        grant = _claims(granted["grant"])
        said = Statement(
            object=uuid4(),
            size=len(content),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(content).hexdigest(),
            grant=UUID(grant["jti"]),
            purpose=grant["purpose"],
            record=UUID(grant["record"]),
            account=UUID(grant["sub"]),
            at=datetime.now(UTC),
        )
        key = SigningKey.load(self.key_home / "documents", "documents", "statement")
        return replace(said, **changes).issue(key, grant["iss"])

    def arrived(self, granted: dict[str, Any], content: bytes, **changes: Any) -> dict[str, Any]:
        return {"statement": self.statement(granted, content, **changes), **fingerprints(content)}

    # Time

    async def stop(self, at: datetime) -> None:
        async with self.service.database.transaction() as db:
            await clock.stop(db, at)

    async def now(self) -> datetime:
        async with self.service.database.reading() as db:
            return await clock.business_now(db)

    async def advance(self, to: datetime) -> None:
        """Set the clock and let the due jobs run."""
        await self.stop(to)
        worker = Worker("tender", self.service.database, dict(self.service.jobs), self.service.signals)
        while await worker.run_one():
            pass
        assert not await self.rows("select * from job where last_error is not null")

    # What was stored

    async def rows(self, statement: str, **values: Any) -> Sequence[Row[Any]]:
        async with self.service.database.reading() as db:
            return (await db.execute(text(statement), values)).all()

    async def events(self, kind: str) -> list[dict[str, Any]]:
        query = "select data from outbox where type = :type order by position"
        return [json.loads(row.data) for row in await self.rows(query, type=f"tender.{kind}.v1")]

    # Steps

    async def package(self, **changes: Any) -> Any:
        return await self.do(PPK, "/packages", package_body(**changes))

    async def see_sums(self, body: Any) -> Any:
        answer = await self.post(PPK, "/hps-sums", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def draft(self, **changes: Any) -> Any:
        package = await self.package()
        return await self.do(POKJA[0], "/tenders", await self.tender_body(package["id"], **changes))

    async def tender_body(self, package: str, **changes: Any) -> dict[str, Any]:
        proposal = await self.see(POKJA[0], "/schedule-proposals", start=(await self.now()).isoformat())
        stages = [{name: stage[name] for name in ("code", "starts_at", "ends_at")} for stage in proposal]
        return {"package": package, "stages": stages, "qualification_requirements": ["SIUP"]} | changes

    async def document(self, tender: str) -> Any:
        file = {"name": "dokumen pemilihan.pdf", "media_type": "application/pdf"}
        granted = await self.do(POKJA[0], f"/tenders/{tender}/documents", file)
        await self.do(POKJA[0], f"/tender-documents/{granted['id']}/file", self.arrived(granted, PDF + b"dokumen"))
        return granted

    async def announced(self, **changes: Any) -> "Tender":
        return await self.announce(await self.draft(**changes))

    async def announce(self, draft: Any) -> "Tender":
        await self.document(draft["id"])
        pact = await self.see(None, "/pact-text")
        for member in POKJA:
            said = {"pact_version": pact["version"]}
            tender = await self.do(member, f"/tenders/{draft['id']}/approvals", said)
        assert tender["status"] == "running"
        spans = {s["code"]: (_time(s["starts_at"]), _time(s["ends_at"])) for s in tender["stages"]}
        return Tender(self, tender["id"], tender["code"], spans)


@dataclass
class Tender:
    """One announced tender and the steps people take in it."""

    office: Office
    id: str
    code: str
    stages: dict[str, tuple[datetime, datetime]]

    @property
    def closes_at(self) -> datetime:
        return self.stages["upload_penawaran"][1]

    async def begin(self, stage: str) -> None:
        await self.office.advance(self.stages[stage][0])

    async def close(self) -> None:
        await self.office.advance(self.closes_at + timedelta(seconds=61))

    async def join(self, who: Person) -> None:
        await self.office.verify(who)
        await self.office.do(who, f"/tenders/{self.id}/participation")

    async def draft(self, who: Person, content: bytes = PDF) -> "Draft":
        bid = await self.office.do(who, f"/tenders/{self.id}/bids")
        file = {"name": "penawaran.pdf", "media_type": "application/pdf"}
        granted = await self.office.do(who, f"/bids/{bid['id']}/files", file)
        return Draft(bid["id"], bid["code"], bid["version"], granted, content)

    def consent_body(self, draft: "Draft", prices: Iterable[str] = ("1400000.00", "1900000.00"), **said: Any) -> Any:
        file = {"file": draft.granted["id"], **self.office.arrived(draft.granted, draft.content, **said)}
        return {"files": [file], "offer": offer(prices), "qualification": QUALIFICATION, "consent_version": "1"}

    async def submit(self, who: Person, prices: Iterable[str] = ("1400000.00", "1900000.00"), **changes: Any) -> Any:
        draft = await self.draft(who)
        body = self.consent_body(draft, prices) | changes
        return await self.office.do(who, f"/bids/{draft.id}/consent", body)

    async def enter(self, offers: dict[Person, Any]) -> dict[Person, Any]:
        """Each joins, and bids when the stage has begun; an offer is a list of unit prices or a whole offer."""
        for who in offers:
            await self.join(who)
        await self.begin("upload_penawaran")
        answers = {}
        for who, prices in offers.items():
            whole = {"offer": prices} if isinstance(prices, dict) else {}
            answers[who] = await self.submit(who, () if whole else prices, **whole)
        return answers

    async def open(self) -> None:
        await self.close()
        await self.office.do(POKJA[0], f"/tenders/{self.id}/opening")

    async def judge(self, bid: str, *steps: str, passed: bool = True, reason: str = "") -> None:
        for step in steps or STEPS:
            said = {"step": step, "passed": passed, "reason": reason}
            await self.office.do(POKJA[0], f"/bids/{bid}/evaluations", said)

    async def prove(self, bid: str, *, passed: bool = True, reason: str = "") -> None:
        await self.begin("pembuktian_kualifikasi")
        await self.office.do(POKJA[0], f"/bids/{bid}/pembuktian", {"passed": passed, "reason": reason})

    async def award(self) -> Any:
        """Determine by majority and announce."""
        await self.begin("penetapan_pemenang")
        for member in POKJA[:2]:
            await self.office.do(member, f"/tenders/{self.id}/winner/approvals")
        await self.begin("pengumuman_pemenang")
        return await self.office.do(POKJA[0], f"/tenders/{self.id}/winner/announcement")

    async def public(self) -> Any:
        return await self.office.see(None, f"/public/tenders/{self.code}")

    async def sheet(self) -> Any:
        return await self.office.see(POKJA[0], f"/tenders/{self.id}/evaluation")


@dataclass(frozen=True)
class Draft:
    id: str
    code: str
    version: int
    granted: dict[str, Any]
    content: bytes


STEPS = ("administrasi", "kualifikasi", "teknis", "harga")
QUALIFICATION = {
    "licence_number": "SIUP-1",
    "licence_expires": "2030-01-01",
    "tax_year": 2025,
    "experience": "Mebel sekolah",
}


def package_body(**changes: Any) -> dict[str, Any]:
    rows = [{"description": f"Barang {no}", "unit": "unit", **item} for no, item in enumerate(ITEMS, 1)]
    return {
        "name": "Pengadaan Meja Belajar SD",
        "skpd": SKPD,
        "category": "barang",
        "year": 2026,
        "location": "Kota Mojokerto",
        "funding": "APBD",
        "pagu": "26000000.00",
        "rup_code": "12345678",
        "hps_rows": rows,
        "ppn_percent": "11.00",
        "committee": str(COMMITTEE),
    } | changes


def offer(prices: Iterable[str]) -> dict[str, Any]:
    """An offer with right arithmetic."""
    rows = [
        {
            "no": no,
            "quantity": item["quantity"],
            "unit_price": price,
            "amount": str(Decimal(item["quantity"]) * Decimal(price)),
        }
        for no, (item, price) in enumerate(zip(ITEMS, prices, strict=False), 1)
    ]
    return {"validity_days": 60, "rows": rows, "total": str(sum(Decimal(str(row["amount"])) for row in rows))}


def fingerprints(content: bytes) -> dict[str, str]:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return {"md5": md5, "sha256": hashlib.sha256(content).hexdigest()}


def read_receipt(office: Office, receipt: dict[str, Any]) -> Any:
    """The receipt's payload, after its signature was checked as anybody would, with the public key alone."""
    key = office.service.ring.find(receipt["signatures"][0]["keyid"])
    assert (key.owner, key.purpose) == ("tender", "receipt")
    public = key.jwk.public_key
    assert isinstance(public, Ed25519PublicKey)
    payload = dsse.verify(receipt, "application/vnd.lpse.receipt+json", {key.kid: public})
    return canonical.parse(payload)


def _claims(token: str) -> Any:
    return json.loads(jws.extract_compact(token.encode()).payload)


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
