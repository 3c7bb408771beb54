"""Checkpoints (C2SP tlog-checkpoint): the whole log in three lines, its origin, its size and its root."""

import re
from dataclasses import dataclass
from typing import Final

from . import base64
from .merkle import HASH_SIZE
from .note import NoteError

NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
"""A size or an index as these texts write it."""


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
        return cls(origin, number(size), hash_(root), tuple(extensions))


def number(text: str) -> int:
    if NUMBER.fullmatch(text) is None:
        raise NoteError(f"{text[:40]!r} is not a number in decimal without leading zeroes")
    return int(text)


def hash_(text: str) -> bytes:
    try:
        found = base64.decode(text)
    except ValueError as error:
        raise NoteError(f"a hash is {error}") from error
    if len(found) != HASH_SIZE:
        raise NoteError(f"a hash has {HASH_SIZE} bytes, not {len(found)}")
    return found
