"""Proofs that stand alone (C2SP tlog-proof): one entry's place in the log, with the checkpoint that witnesses saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from . import base64
from .checkpoint import Checkpoint, parse_hash, parse_number
from .merkle import ProofError, verify_consistency, verify_inclusion
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

    def __post_init__(self) -> None:
        if self.extra == b"":
            raise NoteError("a proof without extra data has no line for it")

    def __str__(self) -> str:
        extra = [] if self.extra is None else [f"extra {base64.encode(self.extra)}"]
        return "\n".join(
            [FIRST_LINE, *extra, f"index {self.index}", *map(base64.encode, self.path), "", str(self.note)]
        )

    @classmethod
    def parse(cls, data: bytes) -> "Proof":
        """Raises NoteError for what is not exactly a proof. Nothing is believed of it yet."""
        [first, *lines], note = _divided(data)
        if first != FIRST_LINE:
            raise NoteError(f"a proof begins with {FIRST_LINE}")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = base64.decode(lines.pop(0).removeprefix("extra "), NoteError)
        if not lines or not lines[0].startswith("index "):
            raise NoteError("a proof names the index of its entry")
        return cls(parse_number(lines[0].removeprefix("index ")), _hashes(lines[1:]), note, extra)

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
        [first, *lines], note = _divided(data)
        if not first.startswith("old "):
            raise NoteError("the first line says the old size")
        return cls(parse_number(first.removeprefix("old ")), _hashes(lines), note)

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says. Raises NoteError where it was not made by `parse` and is no checkpoint."""
        return Checkpoint.parse(self.note.text)

    def verify(self, old_root: bytes) -> None:
        """Returns if the checkpoint's tree begins with all of the old one. From nothing everything grows, and needs no proof.

        Raises ProofError, also where the old size is the larger one.
        """
        checkpoint = self.checkpoint
        if self.old_size == 0:
            if self.path:
                raise ProofError("growth from an empty log needs no proof, so there is none")
        else:
            verify_consistency(self.old_size, old_root, checkpoint.size, checkpoint.root, self.path)


def _divided(data: bytes) -> tuple[list[str], Note]:
    """The lines before the first empty one, and the checkpoint after it."""
    head, gap, note = data.partition(b"\n\n")
    if not gap:
        raise NoteError("an empty line comes before the checkpoint")
    try:
        lines = head.decode("ascii").split("\n", MOST_HASHES + 4)
    except UnicodeDecodeError as error:
        raise NoteError("the lines before the checkpoint are plain ASCII") from error
    found = Note.parse(note)
    Checkpoint.parse(found.text)
    return lines, found


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > MOST_HASHES:
        raise NoteError(f"a path has at most {MOST_HASHES} hashes, not more")
    return tuple(parse_hash(line) for line in lines)
