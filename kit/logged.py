"""What became of a service's events in the public log, as an event: technique, so it is defined here and listed in
`contracts.audit`. Audit tells of each batch which of the events it was given stand where (`kit/places.py` notes it).
"""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel

from kit.envelope import Event

__all__ = ["EntriesIncluded", "Included"]


class Included(BaseModel):
    event: UUID
    index: int


class EntriesIncluded(Event):
    """Events of other services than audit have their places in the log (Pasal 14(2)). Subject: the batch.

    `size` is that of the log afterwards, for which there is a checkpoint.
    """

    TYPE: ClassVar[str] = "audit.entries.included.v1"

    size: int
    entries: list[Included]
