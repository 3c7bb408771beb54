"""Field types that requests and answers share."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from contracts.values import Md5, Sha256, plain

__all__ = ["Answer", "FileOut", "Granted", "MediaType", "NewFile", "Planned", "Quantity", "Request", "Text"]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


def _exact(value: Any) -> Any:
    return plain(value, "12.5")


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


Quantity = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(ge=0, max_digits=18, decimal_places=4),
    PlainSerializer(_plain, return_type=str, when_used="json"),
]

Planned = Annotated[AwareDatetime, Field(ge=datetime(2011, 1, 1, tzinfo=UTC), lt=datetime(2101, 1, 1, tzinfo=UTC))]
"""An instant of a schedule, in the years a package may have: working days are counted one by one."""

Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Reason = Annotated[str, Field(max_length=4_000)]

MediaType = Annotated[str, Field(max_length=100, pattern=r"^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+_-]*$")]
"""Any kind: what a bidder sends is not ours to choose; documents hands files out as attachments only."""


class NewFile(Request):
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")]
    media_type: MediaType = "application/pdf"


class Granted(Answer):
    """A grant to carry to documents in the header `Lpse-Grant`."""

    id: UUID
    grant: str
    upload: str = "/api/documents/uploads"


class Arrived(Request):
    """The statement documents answered with, and the fingerprints the client computed itself."""

    statement: Annotated[str, Field(max_length=8 * 1024)]
    md5: Md5
    sha256: Sha256


class FileOut(Answer):
    id: UUID
    name: str
    media_type: str
    size: int | None
    md5: str | None
    sha256: str | None


class Download(Answer):
    grant: str
    object: UUID
