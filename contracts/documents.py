"""What documents tells: bytes that arrived and bytes that were read."""

from typing import ClassVar
from uuid import UUID

from contracts.values import Md5, Sha256
from kit.envelope import Event

__all__ = ["DocumentAccessed", "DocumentStored"]


class DocumentStored(Event):
    """An upload ended and its fingerprints were stated (Pasal 14(4)). Subject: the object."""

    TYPE: ClassVar[str] = "documents.document.stored.v1"

    document: UUID
    grant: UUID
    purpose: str
    owner: str
    record: UUID
    account: UUID
    size: int
    md5: Md5
    sha256: Sha256


class DocumentAccessed(Event):
    """Somebody read a document under a download grant (Pasal 4(2)b). Subject: the access."""

    TYPE: ClassVar[str] = "documents.document.accessed.v1"

    access: UUID
    document: UUID
    grant: UUID
    account: UUID | None
    purpose: str
