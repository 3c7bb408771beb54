"""What documents answers."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from contracts.values import Moment
from services.documents.models import Access, Document

__all__ = ["AccessOut", "UploadOut"]


class UploadOut(BaseModel):
    """A finished upload. `statement` is what the owner of the grant wants; the rest says the same to people."""

    statement: str
    object: UUID
    name: str
    media_type: str
    size: int
    md5: str
    sha256: str
    at: Moment

    @classmethod
    def of(cls, document: Document) -> "UploadOut":
        return cls(
            statement=document.statement,
            object=document.id,
            name=document.name,
            media_type=document.media_type,
            size=document.size,
            md5=document.md5,
            sha256=document.sha256,
            at=document.stored_at,
        )


class AccessOut(BaseModel):
    """One reading of a document: by whom (null: a public document, nobody logged in), for what, which bytes."""

    id: UUID
    account: UUID | None
    owner: str
    purpose: str
    first: int
    length: int
    at: Moment

    @classmethod
    def of(cls, access: Access) -> "AccessOut":
        at: datetime = access.at
        return cls(
            id=access.id,
            account=access.account,
            owner=access.owner,
            purpose=access.purpose,
            first=access.first,
            length=access.length,
            at=at,
        )
