"""What a provider does to be admitted: register, hand in papers, submit (Pasal 9(1)a)."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from kit.call import Call
from kit.clock import business_now, business_today, real_now
from kit.db import Db
from kit.grants import DownloadGrant, Statement, UploadGrant
from kit.ids import new_id
from kit.keys import SigningKey
from kit.problems import Conflict, Forbidden, NotFound
from kit.service import Service
from services.registry import credentials, receipts
from services.registry.commands.officials import Secrets, add_account
from services.registry.models import Paper, Provider
from services.registry.queries.providers import own_provider, papers_of, provider_out
from services.registry.rules.numbers import npwp, require_nik
from services.registry.rules.papers import require_complete, require_dates, required_papers
from services.registry.schemas.officials import NewAccount
from services.registry.schemas.providers import (
    Download,
    Fingerprints,
    NewCopy,
    NewPaper,
    PaperBegun,
    PaperOut,
    ProviderOut,
    Registered,
    Registration,
)

PURPOSE: Final = "provider-paper"
MEDIA_TYPES: Final = ("application/pdf", "image/jpeg", "image/png")
LARGEST: Final = 20 << 20
UPLOAD_TIME: Final = timedelta(hours=2)
DOWNLOAD_TIME: Final = timedelta(minutes=10)


async def register(call: Call, service: Service, new: Registration) -> Registered:
    call.body = new.model_dump_json().encode()  # with the password masked: not even a fast hash of it is kept
    number = npwp(new.npwp)
    async with service.resources["turns"].of("registrations"):
        secrets = Secrets(await credentials.hash_password(new.password.get_secret_value()))
    async with call.transaction() as db:
        account = await add_account(db, NewAccount(user_id=new.user_id, name=new.name, email=new.email), secrets)
        provider = Provider(
            **new.model_dump(exclude={"user_id", "password", "npwp"}),
            id=new_id(),
            account=account,
            npwp=number.raw,
            npwp16=number.digits,
        )
        db.add(provider)
        needed = required_papers(new.kind, amended_deed=new.amended_deed)
        return call.answer(
            Registered.model_validate(
                {"provider": provider.id, "account": account, "user_id": new.user_id, "required_papers": needed}
            )
        )


async def begin_paper(call: Call, service: Service, new: NewPaper) -> PaperBegun:
    """Enter a paper's data; the grant that comes back lets its copy be uploaded to documents."""
    number = require_nik(new.number) if new.kind == "ktp" else new.number
    async with call.transaction() as db:
        provider = await _own_open(db, call.account)
        today = await business_today(db)
        require_dates(new.kind, issued_on=new.issued_on, expires_on=new.expires_on, today=today)
        paper = Paper(**new.model_dump(exclude={"number"}), number=number, id=new_id(), provider=provider.id)
        begun = await _granted(db, call, service, paper, MEDIA_TYPES)
        db.add(paper)
        return call.answer(begun)


async def begin_copy(call: Call, service: Service, id: UUID, copy: NewCopy) -> PaperBegun:
    """The new grant takes the place of the one before, which fits no longer."""
    async with call.transaction() as db:
        paper = await _own_paper(db, await own_provider(db, call.account), id)
        await _own_open(db, call.account)
        _require_no_copy(paper)
        return call.answer(await _granted(db, call, service, paper, (copy.media_type,)))


async def _granted(db: Db, call: Call, service: Service, paper: Paper, media_types: tuple[str, ...]) -> PaperBegun:
    grant = UploadGrant(
        id=new_id(),
        purpose=PURPOSE,
        owner="registry",
        record=paper.id,
        account=call.account,
        media_types=media_types,
        max_size=LARGEST,
        expires_at=(now := await real_now(db)) + UPLOAD_TIME,
    )
    paper.grant = grant.id
    return PaperBegun(id=paper.id, grant=grant.issue(_grant_key(service), now))


async def confirm_paper(call: Call, service: Service, id: UUID, given: Fingerprints) -> PaperOut:
    """What was sent is what arrived: the client's fingerprints and the statement's agree (Pasal 14(4)-(5))."""
    async with call.transaction() as db:
        paper = await _own_paper(db, await own_provider(db, call.account), id)
        await _own_open(db, call.account)
        statement = Statement.verify(given.statement, service.ring, await real_now(db), owner="registry")
        _require_same_grant(statement, paper, call.account)
        _require_same_bytes(statement, paper, given)
        _require_no_copy(paper)
        paper.object, paper.size = statement.object, statement.size
        paper.md5, paper.sha256 = statement.md5, statement.sha256
        paper.uploaded_at = await business_now(db)
        return call.answer(PaperOut.model_validate(paper))


def _require_no_copy(paper: Paper) -> None:
    if paper.object is not None:
        raise Conflict(
            "paper_has_file",
            "This paper has its copy, and a grant is used once.",
            remedy="Enter the paper anew to replace it; the newest one counts.",
        )


def _require_same_grant(statement: Statement, paper: Paper, account: UUID) -> None:
    stated = (statement.grant, statement.purpose, statement.record, statement.account)
    if stated != (paper.grant, PURPOSE, paper.id, account):
        raise Forbidden(
            "statement_of_another_paper",
            "This statement is about another upload, not about this paper's.",
            article="Perwali Mojokerto 21/2011 Pasal 14(2)-(3)",
            remedy="Send the statement that documents answered to this paper's own upload.",
        )


def _require_same_bytes(statement: Statement, paper: Paper, given: Fingerprints) -> None:
    if (statement.md5, statement.sha256) != (given.md5, given.sha256):
        raise Conflict(
            "paper_differs",
            "The paper {paper} arrived with other fingerprints (MD5, SHA-256) than yours: it was changed on the way.",
            article="Perwali Mojokerto 21/2011 Pasal 14(4)-(5)",
            remedy="Enter the paper anew and upload its copy again.",
            paper=paper.kind,
        )


async def download_paper(call: Call, service: Service, id: UUID, *, verifier: bool) -> Download:
    async with call.transaction() as db:
        owned = select(Paper, Provider.account).join(Provider, Provider.id == Paper.provider).where(Paper.id == id)
        row = (await db.execute(owned)).one_or_none()
        if row is None or not (verifier or row.account == call.account) or row.Paper.object is None:
            raise NotFound("paper with a copy", id)
        now = await real_now(db)
        grant = DownloadGrant(
            id=new_id(),
            object=row.Paper.object,
            account=call.account,
            purpose=PURPOSE,
            owner="registry",
            expires_at=now + DOWNLOAD_TIME,
        )
        return call.answer(Download(grant=grant.issue(_grant_key(service), now), object=grant.object))


async def submit(call: Call, service: Service, id: UUID) -> ProviderOut:
    async with call.transaction() as db:
        if (await own_provider(db, call.account)).id != id:
            raise NotFound("provider", id)
        provider = await _own_open(db, call.account)
        papers = await papers_of(db, id)
        uploaded = {paper.kind for paper in papers if paper.object is not None}
        require_complete(provider.kind, amended_deed=provider.amended_deed, uploaded=uploaded)
        now = await business_now(db)
        provider.status, provider.submitted_at = "submitted", now
        await receipts.registered(db, service, provider, papers, now)
        return call.answer(await provider_out(db, provider))


async def _own_open(db: Db, account: UUID) -> Provider:
    """The account's own provider, locked, while its papers are its own to change."""
    provider = await own_provider(db, account)
    await db.refresh(provider, with_for_update=True)
    if provider.status not in {"draft", "rejected"}:
        raise Conflict(
            "papers_closed",
            "The registration is {state}: its papers are not changed now.",
            article="Perwali Mojokerto 21/2011 Pasal 9(2)",
            remedy="Wait for the verifier's decision; after a rejection you can correct and submit again.",
            state=provider.status,
        )
    return provider


async def _own_paper(db: Db, provider: Provider, id: UUID) -> Paper:
    paper = await db.get(Paper, id)
    if paper is None or paper.provider != provider.id:
        raise NotFound("paper", id)
    return paper


def _grant_key(service: Service) -> SigningKey:
    return SigningKey.load(service.settings.keys, "registry", "grant")
