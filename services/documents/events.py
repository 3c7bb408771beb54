"""Our rows as contract events."""

from contracts.documents import DocumentAccessed, DocumentStored
from kit.envelope import Emission
from services.documents.models import Access, Document

__all__ = ["document_accessed", "document_stored"]


def document_stored(document: Document) -> Emission:
    return Emission(
        document,
        DocumentStored(
            document=document.id,
            grant=document.grant,
            purpose=document.purpose,
            owner=document.owner,
            record=document.record,
            account=document.account,
            size=document.size,
            md5=document.md5,
            sha256=document.sha256,
        ),
    )


def document_accessed(access: Access) -> Emission:
    return Emission(
        access,
        DocumentAccessed(
            access=access.id,
            document=access.document,
            grant=access.grant,
            account=access.account,
            purpose=access.purpose,
        ),
    )
