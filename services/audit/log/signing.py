"""In whose name the log speaks: its origin, and the keys that sign for it.

Each checkpoint is signed with every key that is valid, so that while one takes over from another those who know only the old
one can go on. What was signed with one that is retired stays good.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from integrity.checkpoint import Checkpoint
from integrity.ed25519 import SignatureError
from integrity.note import Key, Note, NoteError, sign
from kit.keys import KeyRing, SigningKey
from kit.service import Service
from kit.settings import Settings

__all__ = ["Signer", "signer_of"]

OWNER: Final = "audit"
PURPOSE: Final = "log"


@dataclass(frozen=True, slots=True)
class Signer:
    origin: str
    directory: Path
    ring: KeyRing

    @classmethod
    def of(cls, settings: Settings) -> "Signer":
        return cls(f"{settings.instance}/log/1", settings.keys, KeyRing(settings.jwks))

    def sign(self, checkpoint: Checkpoint) -> Note:
        """Raises UntrustedKey where there is no valid key."""
        keys = SigningKey.valid(self.directory, OWNER, PURPOSE)
        text = str(checkpoint)
        return Note(text, tuple(sign(text, self.origin, key.private) for key in keys))

    def known(self) -> list[Key]:
        """All that ever signed for this log, as everybody may know them; not one that was stolen, which was never valid."""
        return [
            Key(self.origin, key.jwk.public_key.public_bytes_raw())
            for key in self.ring.public()
            if (key.owner, key.purpose) == (OWNER, PURPOSE) and key.not_before < key.not_after
        ]

    def signed(self, note: Note) -> bool:
        """Whether it is a checkpoint of this log. What only seems to bear our signature is none."""
        try:
            return Checkpoint.parse(note.text).origin == self.origin and bool(note.signed_by(self.known()))
        except (NoteError, SignatureError):
            return False

    def secret(self) -> bytes:
        """What the commitments of events are made with: of the oldest valid key, so that a new one changes nothing."""
        oldest = SigningKey.valid(self.directory, OWNER, PURPOSE)[0]
        seed = oldest.private.private_bytes_raw()
        return HKDF(SHA256(), 32, salt=None, info=b"lpse log commitments").derive(seed)


def signer_of(service: Service) -> Signer:
    signer: Signer = service.resources["signer"]
    return signer
