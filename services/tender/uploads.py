"""Files that documents keeps for our rows: we give a grant, documents answers with a statement, we compare.

The grant's record is the row of the file itself, so a statement fits one row; a row takes one statement.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from kit.clock import business_now, real_now
from kit.db import Db
from kit.grants import DownloadGrant, Statement, UploadGrant
from kit.ids import new_id
from kit.keys import SigningKey
from kit.problems import Conflict, NotFound, RuleViolation
from kit.service import Service
from services.tender.models import Uploaded

__all__ = [
    "Purpose",
    "accept",
    "check",
    "check_row",
    "download_grant",
    "fingerprints_differ",
    "statement_of",
    "upload_grant",
]

Purpose = Literal["tender_document", "bid_file", "objection_answer"]

OWNER = "tender"
ARTICLE = "Perwali Mojokerto 21/2011 Pasal 14(4)"
MAX_SIZE = 2 * 1024**3
UPLOAD_LIFETIME = timedelta(hours=12)
AFTER_DEADLINE = timedelta(hours=1)
DOWNLOAD_LIFETIME = timedelta(minutes=10)


async def upload_grant(
    service: Service, db: Db, row: Uploaded, purpose: Purpose, *, deadline: datetime | None = None
) -> str:
    """A grant to upload the file of this row, once.

    It outlives the deadline by an hour, and lives at least twelve: grants run on real time, and the training clock
    may stand still.
    """
    now = await real_now(db)
    left = deadline - await business_now(db) + AFTER_DEADLINE if deadline else UPLOAD_LIFETIME
    wanted = UploadGrant(
        id=row.grant,
        purpose=purpose,
        owner=OWNER,
        record=row.id,
        account=row.account,
        media_types=(row.media_type,),
        max_size=MAX_SIZE,
        expires_at=now + max(left, UPLOAD_LIFETIME),
    )
    return wanted.issue(SigningKey.load(service.settings.keys, OWNER, "grant", now), now)


async def download_grant(service: Service, db: Db, row: Uploaded, purpose: Purpose, account: UUID) -> str:
    if row.object is None:
        raise NotFound("file", row.id)
    now = await real_now(db)
    wanted = DownloadGrant(
        id=new_id(),
        object=row.object,
        account=account,
        purpose=purpose,
        owner=OWNER,
        expires_at=now + DOWNLOAD_LIFETIME,
    )
    return wanted.issue(SigningKey.load(service.settings.keys, OWNER, "grant", now), now)


def statement_of(service: Service, token: str, now: datetime) -> Statement:
    """What documents vouches for. Raises Refused when the token is not a statement made for tender."""
    return Statement.verify(token, service.ring, now, OWNER)


def check(row: Uploaded, statement: Statement, purpose: Purpose, *, md5: str, sha256: str) -> None:
    """The statement belongs to this row, and the client's own fingerprints are the same (Pasal 14(4))."""
    check_row(row, statement, purpose)
    if (statement.md5, statement.sha256) != (md5, sha256):
        raise fingerprints_differ(row.name)


def check_row(row: Uploaded, statement: Statement, purpose: Purpose) -> None:
    if row.object is not None:
        raise Conflict(
            "file_arrived",
            "The file {name} has arrived already.",
            article=ARTICLE,
            remedy="For another file ask for another grant.",
            name=row.name,
        )
    said = (statement.grant, statement.purpose, statement.record, statement.account)
    if said != (row.grant, purpose, row.id, row.account):
        raise RuleViolation(
            "statement_of_another",
            "This statement was made for another file, purpose or account than {name}.",
            article=ARTICLE,
            remedy="Send the statement that documents answered to the upload of this very file.",
            name=row.name,
        )


def fingerprints_differ(name: str, extra: Mapping[str, Any] | None = None) -> RuleViolation:
    """Sent is not received, which a consent to a bid is told with a receipt (`extra`)."""
    return RuleViolation(
        "fingerprints_differ",
        "The file {name} arrived with other fingerprints (MD5, SHA-256) than yours: it was changed on the way.",
        article=ARTICLE,
        remedy="Ask for a new grant, upload the file again and compare.",
        extra=extra,
        name=name,
    )


def accept(row: Uploaded, statement: Statement) -> None:
    """Take over what documents vouched for; the grant is used up."""
    row.object, row.size, row.stored_at = statement.object, statement.size, statement.at
    row.md5, row.sha256 = statement.md5, statement.sha256
