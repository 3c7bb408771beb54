"""What happened in this LPSE: people with their letters, firms, one tender in each state, and matters of every desk.

Each record that a path names stands in `world.records` under the word the table of access uses for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from stdnum import luhn

from contracts.roles import Role
from kit.grants import DownloadGrant, UploadGrant
from kit.keys import SigningKey
from services.registry.commands.officials import Secrets, add_account, add_assignment, add_committee, add_skpd
from services.registry.schemas.officials import NewAccount, NewAssignment, NewCommittee, NewSkpd
from services.registry.training import admit
from tests.access.world import LATER, LETTER, LONG_AGO, PDF, Person, World

__all__ = ["ENDED", "SKPD", "START", "STEPS", "Course", "offer", "settle", "tell", "upload_grant"]

START = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
"""Monday 09:00 WIB."""
SKPD, OTHER_SKPD = "1.01.01", "1.02.01"
BOUND = {Role.PPK, Role.PA, Role.KPA}
"""Roles that serve one SKPD."""
ENDED = "-ended"
STEPS = ("administrasi", "kualifikasi", "teknis", "harga")
FIRMS = ("bidder", "rival", "third", "outsider", "applicant", "newcomer")
"""Three bid, the fourth is admitted and stays away, the fifth waits for the verifier, the last has handed in nothing."""
PASSWORD = "kata sandi yang panjang"


async def settle(world: World) -> None:
    """Everybody is there, and nothing has happened yet."""
    await world.at(START)
    world.records["regime"] = "P70-2012"
    await _officials(world)
    await _firms(world)
    await world.carry()


async def tell(world: World) -> None:
    await settle(world)
    world.records["session"] = str(uuid4())
    await world.open_session(world.people["bidder"], UUID(world.records["session"]))
    await world.carry()
    await _done(world)
    await _running(world)
    await _draft(world)
    await _desk(world)
    await _files(world)
    await _mandates(world)
    world.records |= {"letter": LETTER, "tender letter": f"tender/{LETTER}"}
    await world.carry()


# People


async def _officials(world: World) -> None:
    """One holder of each role, those of the record's own SKPD and committee, another committee, and letters that ended."""
    people = [Person(role.value, role, OTHER_SKPD if role in BOUND else None) for role in Role if role != Role.PENYEDIA]
    people += [Person(f"{role}-here", role, SKPD) for role in sorted(BOUND)]
    people += [Person(f"{who}{n}", Role.POKJA) for who in ("member", "stranger") for n in (1, 2, 3)]
    people += [Person("auditor-sent", Role.AUDITOR), Person("user")]
    world.people = {person.name: person for person in people}
    service = world.services["registry"]
    async with service.database.transaction() as db:
        for code in (SKPD, OTHER_SKPD):
            await add_skpd(db, NewSkpd(code=code, name=f"Dinas {code}", valid_from=date(2017, 1, 1)))
        for person in people:
            await _official(db, world, person)
        clerk = NewAccount(user_id="clerk", name="clerk", email="clerk@contoh.example")
        world.records["clerk"] = str(await add_account(db, clerk, Secrets("no password", None)))
        for name in ("member", "stranger"):
            members = [world.people[f"{name}{n}"].account for n in (1, 2, 3)]
            committee = NewCommittee(
                name=f"Pokja {name}", decree_number=name, members=members, valid_from=LONG_AGO, valid_to=LATER
            )
            world.records[f"committee {name}"] = str((await add_committee(db, committee)).id)
    for person in [person for person in world.people.values() if person.role]:
        ended = replace(person, name=person.name + ENDED, until=LONG_AGO, session=uuid4())
        world.people[ended.name] = ended
    for person in world.people.values():
        await world.open_session(person, person.session)


async def _official(db: Any, world: World, person: Person) -> None:
    new = NewAccount(user_id=person.name.ljust(3, "_"), name=person.name, email=f"{person.name}@contoh.example")
    account = await add_account(db, new, Secrets("no password", None))
    world.people[person.name] = replace(person, account=account)
    if person.role:
        letter = {"letter_number": f"800/{person.name}", "issuer": "Sekretaris Daerah", "original_seen": True}
        term = {"valid_from": LONG_AGO, "valid_to": LATER}
        given = NewAssignment.model_validate(
            {"account": account, "role": person.role, "skpd": person.skpd, **letter, **term}
        )
        await add_assignment(db, given, by=None)


async def _firms(world: World) -> None:
    for number, name in enumerate(FIRMS, 1):
        registered = await world.do(None, "registry", "/registrations", registration(name, number))
        who = Person(name, "penyedia", provider=UUID(registered["provider"]), account=UUID(registered["account"]))
        world.people[name] = who
        world.records[f"provider {name}"] = registered["provider"]
        await world.open_session(who, who.session)
        for kind in registered["required_papers"] if name == "applicant" else ():
            world.records["paper applicant"] = await _paper(world, who, kind)
    await world.do(
        world.people["applicant"], "registry", f"/providers/{world.records['provider applicant']}/submission"
    )
    [receipt] = await world.see(world.people["applicant"], "registry", "/providers/mine/receipts")
    world.records["receipt applicant"] = receipt["event_id"]
    admitted = [UUID(world.records[f"provider {name}"]) for name in FIRMS[:4]]
    await admit(world.services["registry"].database, admitted)
    begun = await world.do(world.people["newcomer"], "registry", "/papers", paper("ktp"))
    world.records["paper newcomer"] = begun["id"]
    world.bodies["paper newcomer"] = await world.hand_in(world.people["newcomer"], begun)


def registration(name: str, number: int) -> dict[str, Any]:
    eight = f"{90_000_000 + number}"
    return {
        "user_id": name,
        "password": PASSWORD,
        "email": f"{name}@contoh.example",
        "kind": "badan_usaha",
        "name": f"CV {name.title()}",
        "npwp": f"{eight}{luhn.calc_check_digit(eight)}603000",
        "address": f"Jalan Majapahit {number}",
        "phone": "0321-123456",
        "responsible_name": "Penanggung Jawab",
    }


def paper(kind: str) -> dict[str, Any]:
    number = "3576014107850003" if kind == "ktp" else f"{kind}/2026"
    return {"kind": kind, "number": number, "holder": "Penanggung Jawab", "issued_on": "2024-02-29"}


async def _paper(world: World, who: Person, kind: str) -> str:
    begun = await world.do(who, "registry", "/papers", paper(kind))
    await world.do(who, "registry", f"/papers/{begun['id']}/file", await world.hand_in(who, begun))
    return str(begun["id"])


# Tenders


@dataclass
class Course:
    """The steps people take in one tender."""

    world: World
    id: str
    code: str
    stages: dict[str, tuple[datetime, datetime]]

    async def do(self, who: str, path: str, body: Any = None) -> Any:
        return await self.world.do(self.world.people[who], "tender", path, body)

    async def begin(self, stage: str) -> None:
        await self.world.at(self.stages[stage][0])

    async def announce(self) -> None:
        file = await self.do("member1", f"/tenders/{self.id}/documents", {"name": "dokumen pemilihan.pdf"})
        given = await self.world.hand_in(self.world.people["member1"], file)
        await self.do("member1", f"/tender-documents/{file['id']}/file", given)
        self.world.records["document announced"] = file["id"]
        for n in (1, 2, 3):
            await self.do(f"member{n}", f"/tenders/{self.id}/approvals", {"pact_version": "1"})

    async def bid(self, who: str, prices: Sequence[str]) -> tuple[str, str]:
        """A submitted bid and its file."""
        bid, file, body = await self.draft(who, prices)
        answer = await self.do(who, f"/bids/{bid}/consent", body)
        self.world.bodies[f"consented {who}"] = answer
        return bid, file

    async def draft(self, who: str, prices: Sequence[str]) -> tuple[str, str, dict[str, Any]]:
        """A draft, its file, and the consent that would submit it."""
        bid = await self.do(who, f"/tenders/{self.id}/bids")
        granted = await self.do(who, f"/bids/{bid['id']}/files", {"name": "penawaran.pdf"})
        file = {"file": granted["id"], **await self.world.hand_in(self.world.people[who], granted, PDF + who.encode())}
        qualification = {"licence_number": "SIUP-1", "licence_expires": "2030-01-01", "tax_year": 2025}
        return bid["id"], granted["id"], {
            "files": [file],
            "offer": offer(prices),
            "qualification": qualification,
            "consent_version": "1",
        }  # fmt: skip


def offer(prices: Sequence[str]) -> dict[str, Any]:
    """An offer for ten pieces of each row."""
    rows = [
        {"no": no, "quantity": "10", "unit_price": f"{price}.00", "amount": f"{int(price) * 10}.00"}
        for no, price in enumerate(prices, 1)
    ]
    return {"validity_days": 60, "rows": rows, "total": f"{sum(int(price) * 10 for price in prices)}.00"}


def package(world: World) -> dict[str, Any]:
    rows = [
        {"description": f"Barang {no}", "unit": "unit", "quantity": "10", "unit_price": "1000000.00"} for no in (1, 2)
    ]
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
        "committee": world.records["committee member"],
    }


async def new_tender(world: World, package_id: str) -> dict[str, Any]:
    start = (await world.now() + timedelta(minutes=5)).isoformat().replace("+", "%2B")
    proposed = await world.see(world.people["member1"], "tender", f"/schedule-proposals?start={start}")
    stages = [{name: stage[name] for name in ("code", "starts_at", "ends_at")} for stage in proposed]
    return {"package": package_id, "stages": stages, "qualification_requirements": ["SIUP"]}


async def drafted(world: World) -> Course:
    bought = await world.do(world.people["ppk-here"], "tender", "/packages", package(world))
    world.records["package"] = bought["id"]
    made = await world.do(world.people["member1"], "tender", "/tenders", await new_tender(world, bought["id"]))
    spans = {row["code"]: (_instant(row["starts_at"]), _instant(row["ends_at"])) for row in made["stages"]}
    return Course(world, made["id"], made["code"], spans)


async def _done(world: World) -> None:
    """Up to the answered objection: what is left is the PPK's letter."""
    tender, records = await drafted(world), world.records
    await tender.announce()
    records |= {"tender done": tender.id, "code done": tender.code}
    bids = await _compete(tender)
    await world.at(tender.stages["upload_penawaran"][1] + timedelta(minutes=1))
    await tender.begin("pembukaan")
    await tender.do("member1", f"/tenders/{tender.id}/opening")
    await tender.begin("evaluasi")
    for bid, _ in bids.values():
        for step in STEPS:
            await tender.do("member1", f"/bids/{bid}/evaluations", {"step": step, "passed": True})
    await tender.begin("pembuktian_kualifikasi")
    await tender.do("member1", f"/bids/{bids['bidder'][0]}/pembuktian", {"passed": True})
    await tender.begin("penetapan_pemenang")
    for n in (1, 2):
        await tender.do(f"member{n}", f"/tenders/{tender.id}/winner/approvals")
    await tender.begin("pengumuman_pemenang")
    await tender.do("member1", f"/tenders/{tender.id}/winner/announcement")
    records["bid opened"], records["bid-file opened"] = bids["bidder"]
    records["event opened"] = tender.world.bodies["consented bidder"]["event_id"]
    await _object(tender)
    await tender.begin("sppbj")


async def _compete(tender: Course) -> dict[str, tuple[str, str]]:
    """The three join and bid, the owner of most records cheapest."""
    bidders = ("bidder", "rival", "third")
    await tender.begin("pengumuman_pascakualifikasi")
    for who in bidders:
        await tender.do(who, f"/tenders/{tender.id}/participation")
    await tender.begin("pemberian_penjelasan")
    asked = await tender.do(
        "bidder", f"/tenders/{tender.id}/questions", {"chapter": "IKP", "text": "Bolehkah 24 inci?"}
    )
    tender.world.records["question"] = asked["id"]
    await tender.begin("upload_penawaran")
    prices = (("900000", "800000"), ("910000", "800000"), ("920000", "800000"))
    return {who: await tender.bid(who, offered) for who, offered in zip(bidders, prices, strict=True)}


async def _object(tender: Course) -> None:
    """Three objections: one answered, one that waits for its answer, one that stays open."""
    records = tender.world.records
    await tender.begin("masa_sanggah")
    for who, state in (("bidder", "open"), ("rival", "answered"), ("third", "pending")):
        filed = await tender.do(who, f"/tenders/{tender.id}/objections", {"text": "Spesifikasi tidak sesuai."})
        records[f"objection {state}"] = filed["id"]
        letter = await tender.do("member1", f"/objections/{filed['id']}/documents", {"name": "jawaban.pdf"})
        given = await tender.world.hand_in(tender.world.people["member1"], letter)
        records[f"letter {state}"] = letter["id"]
        tender.world.bodies[f"answer {state}"] = {"upheld": False, "text": "Sesuai.", **given}
    await tender.do(
        "member1", f"/objections/{records['objection answered']}/answer", tender.world.bodies["answer answered"]
    )


async def _running(world: World) -> None:
    """Bids come in, and nobody but their owners may know."""
    tender, records = await drafted(world), world.records
    await tender.announce()
    records |= {"tender running": tender.id, "code running": tender.code}
    bids = await _compete(tender)
    records["bid submitted"], records["bid-file submitted"] = bids["bidder"]
    records["bid draft"], records["bid-file draft"], world.bodies["consent"] = await tender.draft(
        "bidder", ("890000", "800000")
    )
    records["event"] = world.bodies["consented bidder"]["event_id"]


async def _draft(world: World) -> None:
    """In preparation: for PPK and Pokja only. A new one has no document yet, so nobody can announce it."""
    tender, records = await drafted(world), world.records
    file = await tender.do("member1", f"/tenders/{tender.id}/documents", {"name": "dokumen pemilihan.pdf"})
    await tender.do(
        "member1", f"/tender-documents/{file['id']}/file", await world.hand_in(world.people["member1"], file)
    )
    waiting = await tender.do("member1", f"/tenders/{tender.id}/documents", {"name": "lampiran.pdf"})
    records |= {"tender draft": tender.id, "code draft": tender.code}
    records |= {"document draft": file["id"], "document waiting": waiting["id"]}
    world.bodies["document waiting"] = await world.hand_in(world.people["member1"], waiting)
    records["tender new"] = (await drafted(world)).id


# Other desks


async def _desk(world: World) -> None:
    records, asked = (
        world.records,
        {"category": "pendaftaran", "subject": "Unggah berkas", "text": "Bagaimana caranya?"},
    )
    records["ticket"] = (await world.do(world.people["bidder"], "helpdesk", "/tickets", asked))["id"]
    records["ticket code"] = (await world.do(None, "helpdesk", "/tickets", asked))["tracking"]
    for _ in range(2):
        said = await world.do(None, "helpdesk", "/complaints", {"category": "umum", "text": "Ada yang tidak beres."})
        records["complaint code"] = said["tracking_code"]
    listed = await world.see(world.people["helpdesk"], "helpdesk", "/complaints")
    records["complaint"], records["complaint forwarded"] = (row["id"] for row in listed["items"])
    await world.do(
        world.people["helpdesk"], "helpdesk", f"/complaints/{records['complaint forwarded']}/forwardings", forwarding()
    )


def forwarding() -> dict[str, Any]:
    return {"letter_number": "045/1", "recipients": ["lpse_pusat", "tim_pengarah"]}


async def _files(world: World) -> None:
    """A finished upload of the bidder's, an upload grant not used yet, and grants to read."""
    bidder = world.people["bidder"]
    for name in ("used", "unused"):
        world.records[f"grant {name}"], world.bodies[f"grant {name}"] = upload_grant(world, bidder)
    stored = await world.upload(bidder, world.bodies["grant used"], PDF)
    world.records["object"] = stored["object"]
    world.bodies["reading own"] = reading_grant(world, stored["object"], bidder.account)
    world.bodies["reading public"] = reading_grant(world, stored["object"], None)


async def _mandates(world: World) -> None:
    """One auditor is sent to two tenders; another mandate is there to be ended, and one was."""
    await world.carry()
    inspektur, codes = world.people["inspektur"], [world.records[f"code {state}"] for state in ("done", "running")]
    await world.do(inspektur, "audit", "/mandates", mandate(world) | {"tenders": codes})
    spare = mandate(world) | {"account": world.records["clerk"]}
    world.records["mandate"] = (await world.do(inspektur, "audit", "/mandates", spare))["id"]
    over = await world.do(inspektur, "audit", "/mandates", spare)
    await world.do(inspektur, "audit", f"/mandates/{over['id']}/end")


def mandate(world: World) -> dict[str, Any]:
    account, codes = str(world.people["auditor-sent"].account), [world.records["code done"]]
    term = {"valid_from": LONG_AGO.isoformat(), "valid_to": LATER.isoformat()}
    return {"account": account, "number": "700/1/2026", "tenders": codes, **term}


def upload_grant(world: World, who: Person) -> tuple[str, str]:
    """Its number, and what it looks like."""
    now = datetime.now(UTC)
    grant = UploadGrant(
        id=uuid4(),
        purpose="bid_file",
        owner="tender",
        record=uuid4(),
        account=who.account,
        media_types=("application/pdf",),
        max_size=1 << 20,
        expires_at=now + timedelta(hours=12),
    )
    return str(grant.id), grant.issue(SigningKey.load(world.key_home / "tender", "tender", "grant"), now)


def reading_grant(world: World, object: str, account: UUID | None) -> str:
    now = datetime.now(UTC)
    grant = DownloadGrant(
        id=uuid4(),
        object=UUID(object),
        account=account,
        purpose="bid_file",
        owner="tender",
        expires_at=now + timedelta(hours=12),
    )
    return grant.issue(SigningKey.load(world.key_home / "tender", "tender", "grant"), now)


def _instant(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
