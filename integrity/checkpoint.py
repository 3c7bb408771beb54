"""Checkpoints (C2SP tlog-checkpoint): the whole log in three lines, its origin, its size and its root."""

import re
from dataclasses import dataclass
from typing import Final

from . import base64
from .merkle import EMPTY_ROOT, HASH_SIZE
from .note import NoteError

LARGEST: Final = 2**63 - 1
"""The size of a log whose paths have no more than 63 hashes."""
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`str(checkpoint)` is the text of the note. Ours have no extensions, which nobody could audit; others may."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = self.origin, str(self.size), base64.encode(self.root), *self.extensions
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """From the text of a note. Raises NoteError."""
        *lines, rest = text.split("\n")
        if rest or len(lines) < 3 or not all(lines):
            raise NoteError("a checkpoint is at least three lines, none of them empty")
        origin, size, root, *extensions = lines
        checkpoint = cls(origin, parse_number(size), parse_hash(root), tuple(extensions))
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            raise NoteError("an empty log has one root, and this is another")
        return checkpoint


def parse_number(text: str) -> int:
    """A size or an index as these texts write it. Raises NoteError."""
    if _NUMBER.fullmatch(text) is None or int(text) > LARGEST:
        raise NoteError(f"{text[:40]!r} is not a number in decimal without leading zeroes, up to {LARGEST}")
    return int(text)


def parse_hash(text: str) -> bytes:
    """Raises NoteError."""
    found = base64.decode(text, NoteError)
    if len(found) != HASH_SIZE:
        raise NoteError(f"a hash has {HASH_SIZE} bytes, not {len(found)}")
    return found
