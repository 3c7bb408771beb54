"""The training tenant: the city's work units, one official of each kind, and a Pokja (for the profile `latihan`)."""

from asyncio import gather
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from contracts.roles import Role
from kit.db import Database, Db
from kit.outbox import emit
from services.registry import credentials, events
from services.registry.commands.officials import Secrets, add_account, add_assignment, add_committee, add_skpd
from services.registry.models import Account, Assignment, Committee, Provider, Skpd, Verification
from services.registry.schemas.officials import NewAccount, NewAssignment, NewCommittee, NewSkpd

__all__ = ["TRAINING_SKPD", "TRAINING_USERS", "admit", "found", "seed"]

SINCE: Final = date(2017, 1, 1)
VALID_FROM: Final = datetime(2025, 12, 31, 17, tzinfo=UTC)  # 1 January 2026, 00:00 WIB
VALID_TO: Final = datetime(2028, 12, 31, 17, tzinfo=UTC)
SEED_LOCK: Final = 0x5EED
MAIL: Final = "@latihan.example"

TRAINING_SKPD: Final[tuple[tuple[str, str, str | None], ...]] = (
    ("4.01.01", "Sekretariat Daerah", None),
    ("4.01.01.07", "Bagian Pengadaan Barang dan Jasa", "4.01.01"),
    ("6.01.01", "Inspektorat", None),
    ("1.01.01", "Dinas Pendidikan dan Kebudayaan", None),
    ("1.02.01", "Dinas Kesehatan, Pengendalian Penduduk dan Keluarga Berencana", None),
    ("1.02.01.02", "RSUD dr. Wahidin Sudiro Husodo", "1.02.01"),
    ("1.03.01", "Dinas Pekerjaan Umum, Penataan Ruang, Perumahan Rakyat dan Kawasan Permukiman", None),
    ("1.05.01", "Satuan Polisi Pamong Praja", None),
    ("2.11.01", "Dinas Lingkungan Hidup", None),
    ("2.16.01", "Dinas Komunikasi dan Informatika", None),
    ("5.02.01", "Badan Pengelolaan Keuangan, Pendapatan dan Aset Daerah", None),
)
"""(code, name, code of the unit above), parents first."""

TRAINING_USERS: Final[tuple[tuple[str, str, Role, str | None], ...]] = (
    ("ppk", "PPK latihan", Role.PPK, "1.01.01"),
    ("pokja1", "Anggota Pokja latihan 1", Role.POKJA, None),
    ("pokja2", "Anggota Pokja latihan 2", Role.POKJA, None),
    ("pokja3", "Anggota Pokja latihan 3", Role.POKJA, None),
    ("verifikator", "Verifikator latihan", Role.VERIFIKATOR, None),
    ("helpdesk", "Helpdesk latihan", Role.HELPDESK, None),
    ("admin_agency", "Admin Agency latihan", Role.ADMIN_AGENCY, None),
    ("admin_ppe", "Admin PPE latihan", Role.ADMIN_PPE, None),
    ("ketua_lpse", "Ketua LPSE latihan", Role.KETUA_LPSE, None),
    ("auditor", "Auditor latihan", Role.AUDITOR, None),
    ("inspektur", "Inspektur latihan", Role.INSPEKTUR, None),
    ("monitor_lkpp", "Pemantau LKPP latihan", Role.MONITOR_LKPP, None),
)
"""(user id, name, role, SKPD code)."""

COMMITTEE: Final = ("Pokja 1", "188.45/1/417.111/2026", ("pokja1", "pokja2", "pokja3"))


async def seed(database: Database, secrets: Mapping[str, tuple[str, str]]) -> None:
    """Make what is missing. `secrets` holds (password, TOTP secret) for each user id of `TRAINING_USERS`."""
    new = await _missing(database)
    hashes = dict(zip(new, await gather(*(credentials.hash_password(secrets[user][0]) for user in new)), strict=True))
    async with database.transaction() as db:
        await db.execute(select(func.pg_advisory_xact_lock(SEED_LOCK)))
        for code, name, parent in TRAINING_SKPD:
            await _skpd(db, code, name, parent)
        accounts = {
            user_id: await _official(db, user_id, Secrets(hashes.get(user_id, ""), secrets[user_id][1]))
            for user_id, *_ in TRAINING_USERS
        }
        for user_id, _, role, skpd in TRAINING_USERS:
            await _letter(db, accounts[user_id], role, skpd)
        await _committee(db, accounts)


async def found(db: Db) -> str | None:
    """Whether this tenant is here: its passwords were printed on a terminal, so production does not start with them."""
    known = select(Account.user_id).where(Account.email.endswith(MAIL, autoescape=True)).order_by(Account.user_id)
    here = list((await db.execute(known)).scalars())
    if not here:
        return None
    return (
        f"the database of registry holds the accounts of the training tenant ({', '.join(here)}). Set LPSE_DATABASE to a "
        "database that never served for training."
    )


async def _missing(database: Database) -> list[str]:
    """Hashing twelve passwords takes a second: it is done for those alone who have no account yet."""
    async with database.reading() as db:
        have = set((await db.execute(select(Account.user_id))).scalars())
    return [user_id for user_id, *_ in TRAINING_USERS if user_id not in have]


async def _skpd(db: Db, code: str, name: str, parent: str | None) -> None:
    if (await db.execute(select(Skpd.id).where(Skpd.code == code))).one_or_none() is None:
        await add_skpd(db, NewSkpd(code=code, name=name, parent=parent, valid_from=SINCE))


async def _official(db: Db, user_id: str, secrets: Secrets) -> UUID:
    found = (await db.execute(select(Account.id).where(Account.user_id == user_id))).scalar_one_or_none()
    if found is not None:
        return found
    name = next(name for other, name, *_ in TRAINING_USERS if other == user_id)
    new = NewAccount(user_id=user_id, name=name, email=f"{user_id}{MAIL}")
    return await add_account(db, new, secrets)


async def _letter(db: Db, account: UUID, role: Role, skpd: str | None) -> None:
    held = select(Assignment.id).where(Assignment.account == account, Assignment.role == role)
    if (await db.execute(held)).first() is not None:
        return
    new = NewAssignment(
        account=account,
        role=role,
        skpd=skpd,
        letter_number=f"800/{role}/417.111/2026",
        issuer="Sekretaris Daerah Kota Mojokerto",
        valid_from=VALID_FROM,
        valid_to=VALID_TO,
        original_seen=True,
    )
    await add_assignment(db, new, by=None)


async def _committee(db: Db, accounts: Mapping[str, UUID]) -> None:
    name, decree, members = COMMITTEE
    if (await db.execute(select(Committee.id).where(Committee.decree_number == decree))).one_or_none() is None:
        new = NewCommittee(
            name=name,
            decree_number=decree,
            members=[accounts[member] for member in members],
            valid_from=VALID_FROM,
            valid_to=VALID_TO,
        )
        await add_committee(db, new)


async def admit(database: Database, providers: Collection[UUID]) -> None:
    """Take these registrations for verified, without papers: a rehearsal of the rush needs hundreds within seconds."""
    async with database.transaction() as db:
        verifier = (await db.execute(select(Account.id).where(Account.user_id == "verifikator"))).scalar_one()
        asked = select(Provider).where(Provider.id.in_(providers)).order_by(Provider.id).with_for_update()
        for provider in (await db.execute(asked)).scalars():
            provider.status = "verified"
            db.add(_rehearsed(provider, verifier))
            await emit(db, events.provider_verified(provider, None))


def _rehearsed(provider: Provider, verifier: UUID) -> Verification:
    return Verification(
        provider=provider.id,
        outcome="verified",
        verifier=verifier,
        place="Latihan",
        notes="",
        originals=[],
        deficiencies=[],
        resolved_duplicates=[],
    )
