from uuid import UUID

from contracts.values import Moment
from services.tender.schemas.values import Answer, Arrived, FileOut, Request, Text

__all__ = ["NewObjection", "ObjectionAnswer", "ObjectionOut"]


class NewObjection(Request):
    text: Text


class ObjectionAnswer(Arrived):
    """The answer with the fingerprints of the uploaded letter."""

    upheld: bool
    text: Text


class ObjectionOut(Answer):
    id: UUID
    tender: UUID
    provider: UUID
    text: str
    filed_at: Moment
    answer: str | None
    upheld: bool | None
    answered_at: Moment | None
    documents: list[FileOut]
