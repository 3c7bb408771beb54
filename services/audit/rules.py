"""Where an event stands in the chain of its source (DESIGN section 4). Pure."""

from enum import Enum, auto

__all__ = ["Place", "place"]


class Place(Enum):
    NEXT = auto()
    """It continues the chain."""
    LATER = auto()
    """Others come before it that have not arrived yet."""
    BROKEN = auto()
    """It contradicts what is recorded: another event stands in its place, or it follows one that we do not know."""


def place(seq: int, prev: str, *, last_seq: int, last_digest: str) -> Place:
    """`seq` counts from 1 without gaps and `prev` is the SHA-256 of the envelope before, both given by the relay."""
    if seq > last_seq + 1:
        return Place.LATER
    return Place.NEXT if (seq, prev) == (last_seq + 1, last_digest) else Place.BROKEN
