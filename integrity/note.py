"""Signed notes (C2SP signed-note): a text, and the signatures of those who stand by it.

A key is known by its name and its id together. Signatures of keys that are not known are passed over; a known key whose
signature does not hold makes the whole note one to refuse.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import base64, ed25519
from .ed25519 import SignatureError

MOST_SIGNATURES: Final = 64
MOST_BYTES: Final = 1 << 20
ID_BYTES: Final = 4
PLAIN: Final = 0x01
"""Ed25519 over the text of the note: what a log signs with."""
COSIGNATURE: Final = 0x04
"""Ed25519 over a time and the text (tlog-cosignature): what a witness signs with."""
LATEST: Final = 2**63 - 1

_KINDS: Final = {PLAIN, COSIGNATURE}
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE: Final = re.compile("\N{EM DASH} ([^ ]+) ([^ ]+)")
_KEY: Final = re.compile(r"([^+]+)\+([0-9a-f]{8})\+(.+)")


class NoteError(ValueError):
    """The text is no signed note, or not one to believe; the text says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """Who may sign notes, and how. `str(key)` is its verifier key: `name+id+base64(kind, public key)`."""

    name: str
    public: bytes
    kind: int = PLAIN

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.kind not in _KINDS:
            raise NoteError(f"keys of the kind {self.kind} are not read here, only of {PLAIN} and {COSIGNATURE}")
        try:
            ed25519.check_key(self.public)
        except SignatureError as why:
            raise NoteError(str(why)) from why

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self._material).digest()[:ID_BYTES]

    @property
    def _material(self) -> bytes:
        return bytes([self.kind]) + self.public

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.encode(self._material)}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """From a verifier key. Raises NoteError."""
        parts = _KEY.fullmatch(text)
        if parts is None:
            raise NoteError("a verifier key is a name, an id of eight hexadecimal digits and the key, joined by +")
        kind, *public = base64.decode(parts[3], NoteError)
        key = cls(parts[1], bytes(public), kind)
        if key.id.hex() != parts[2]:
            raise NoteError(f"the id of the verifier key of {key.name} is not that of its key")
        return key

    def verify(self, text: str, signature: bytes) -> int:
        """When this key signed the text, in seconds since 1970: the time of a cosignature, 0 where a signature says none.

        Raises SignatureError where it did not.
        """
        if self.kind == PLAIN:
            ed25519.verify(self.public, signature, text.encode())
            return 0
        time = int.from_bytes(signature[:8], "big")
        if len(signature) != 8 + ed25519.SIGNATURE_BYTES or time > LATEST:
            raise SignatureError("not a cosignature: a time of 8 bytes and a signature of 64")
        ed25519.verify(self.public, signature[8:], _cosigned(text, time))
        return time


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note."""

    name: str
    id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"\N{EM DASH} {self.name} {base64.encode(self.id + self.value)}\n"

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """From a line without its newline. Raises NoteError."""
        parts = _SIGNATURE.fullmatch(line)
        if parts is None:
            raise NoteError("a signature is an em dash, a name and base64, with a space between")
        _check_name(parts[1])
        data = base64.decode(parts[2], NoteError)
        if len(data) <= ID_BYTES:
            raise NoteError("a signature is the id of its key and something more")
        return cls(parts[1], data[:ID_BYTES], data[ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends with a newline. `str(note)` is the note as it is stored and sent."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if len(self.signatures) > MOST_SIGNATURES:
            raise NoteError(f"a note has at most {MOST_SIGNATURES} signatures here, not {len(self.signatures)}")

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Raises NoteError for what is not exactly a signed note. Nothing is believed of it yet."""
        if len(data) > MOST_BYTES:
            raise NoteError(f"a note has at most {MOST_BYTES} bytes here, not {len(data)}")
        whole = _text(data)
        head, gap, lines = whole.rpartition("\n\n")
        if not gap or not lines.endswith("\n"):
            raise NoteError("a note is a text, an empty line and the lines of its signatures")
        return cls(head + "\n", tuple(Signature.parse(line) for line in lines[:-1].split("\n")))

    def signed_by(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Which of the keys signed it, and when: the latest time of a cosignature, 0 where a signature says none.

        Raises SignatureError where one of them only seems to have. None of them is no error here.
        """
        known = {(key.name, key.id): key for key in keys}
        found: dict[Key, int] = {}
        for one in self.signatures:
            if key := known.get((one.name, one.id)):
                found[key] = max(key.verify(self.text, one.value), found.get(key, 0))
        return found

    def with_signatures(self, more: Iterable[Signature]) -> "Note":
        """Each in the place of an older one of the same key, else at the end. Raises NoteError where they become too many."""
        return Note(self.text, tuple({(one.name, one.id): one for one in (*self.signatures, *more)}.values()))


def sign(text: str, name: str, private: Ed25519PrivateKey) -> Signature:
    """As a log does."""
    key = Key(name, private.public_key().public_bytes_raw())
    _check_text(text)
    return Signature(name, key.id, private.sign(text.encode()))


def cosign(text: str, name: str, private: Ed25519PrivateKey, time: int) -> Signature:
    """As a witness does, at `time` in seconds since 1970. The key is for this alone: what it signs does not say its name."""
    key = Key(name, private.public_key().public_bytes_raw(), COSIGNATURE)
    _check_text(text)
    if not 0 <= time <= LATEST:
        raise NoteError("the time of a cosignature is in seconds since 1970")
    return Signature(name, key.id, time.to_bytes(8, "big") + private.sign(_cosigned(text, time)))


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NoteError("a note is text in UTF-8") from error
    if _CONTROL.search(text):
        raise NoteError("a note holds no control characters but newlines")
    return text


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _text(text.encode()) != text:
        raise NoteError("the text of a note ends with a newline")


def _check_name(name: str) -> None:
    if not name or "+" in name or any(one.isspace() or one < " " or "\ud800" <= one <= "\udfff" for one in name):
        raise NoteError(f"{name!r} is no name of a key: it is text, not empty, and holds neither spaces nor +")
