"""Proofs that stand alone (C2SP tlog-proof): one entry's place in the log, with the checkpoint that witnesses saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from . import base64
from .checkpoint import Checkpoint, hash_, number
from .merkle import verify_inclusion
from .note import Note, NoteError
from .policy import Policy, Seen

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
MOST_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """`str(proof)` is the file. `extra` is vouched for by nobody."""

    index: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = [] if self.extra is None else [f"extra {base64.encode(self.extra)}"]
        return "\n".join(
            [FIRST_LINE, *extra, f"index {self.index}", *map(base64.encode, self.path), "", str(self.note)]
        )

    @classmethod
    def parse(cls, data: bytes) -> "Proof":
        """Raises NoteError for what is not exactly a proof. Nothing is believed of it yet."""
        head, gap, note = data.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise NoteError("the lines of a proof before its checkpoint are plain ASCII") from error
        if not gap or first != FIRST_LINE:
            raise NoteError(f"a proof begins with {FIRST_LINE}, and its checkpoint follows after an empty line")
        extra = _decoded(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        if not lines or not lines[0].startswith("index "):
            raise NoteError("a proof names the index of its entry")
        path = lines_to_hashes(lines[1:])
        return cls(number(lines[0].removeprefix("index ")), path, Note.parse(note), extra)

    def verify(self, leaf: bytes, policy: Policy) -> Seen:
        """Returns who saw the log with this leaf hash in it, and how large it was.

        Raises ProofError where the leaf is not at the index, and what `Policy.check` raises.
        """
        seen = policy.check(self.note)
        verify_inclusion(leaf, self.index, seen.checkpoint.size, self.path, seen.checkpoint.root)
        return seen


@dataclass(frozen=True, slots=True)
class Growth:
    """What a log asks a witness to see (the body of `add-checkpoint` in tlog-witness): from the size it saw last to this
    checkpoint, with a proof that nothing of the old was changed.
    """

    old_size: int
    path: tuple[bytes, ...]
    note: Note

    def __str__(self) -> str:
        return "\n".join([f"old {self.old_size}", *map(base64.encode, self.path), "", str(self.note)])

    @classmethod
    def parse(cls, data: bytes) -> "Growth":
        """Raises NoteError for what is not exactly such a request. Nothing is believed of it yet."""
        head, gap, note = data.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise NoteError("the lines before the checkpoint are plain ASCII") from error
        if not gap or not first.startswith("old "):
            raise NoteError("the first line says the old size, and the checkpoint follows after an empty line")
        return cls(number(first.removeprefix("old ")), lines_to_hashes(lines), Note.parse(note))

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.parse(self.note.text)


def lines_to_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > MOST_HASHES:
        raise NoteError(f"a path has at most {MOST_HASHES} hashes, not {len(lines)}")
    return tuple(hash_(line) for line in lines)


def _decoded(text: str) -> bytes:
    try:
        return base64.decode(text)
    except ValueError as error:
        raise NoteError(f"the extra data is {error}") from error
