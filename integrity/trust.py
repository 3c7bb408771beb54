"""The root of trust: on one page, signed by several offices, whose word about an LPSE counts and since when.

It names the log's keys and the witnesses (as a tlog-policy), the keys that sign receipts, the authorities whose certificates seal
printed ones, and the roots themselves, of whom so many together may replace it. Nobody vouches for the first one: its fingerprint is printed, hung out at the LPSE's office, and compared.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from . import base64
from .canonical import NotCanonical, canonical, parse
from .ed25519 import SignatureError, check_key
from .note import PLAIN, Key, Note, NoteError, sign
from .policy import Policy, PolicyError

TYPE: Final = "trust-root/v1"
FEWEST: Final = 2


class TrustError(ValueError):
    """The text is no root of trust, or not one to believe; the text says why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Who may sign receipts, from when up to, but without, when, in seconds since 1970. `public` is base64."""

    kid: str
    owner: str
    public: str
    since: int
    until: int

    def key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(base64.decode(self.public, TrustError))


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """`roots` are verifier keys; so many as `threshold` sign it, and its successor. `seals` are X.509 certificates, DER in base64."""

    instance: str
    version: int
    roots: tuple[str, ...]
    threshold: int
    policy: str
    receipts: tuple[SigningKey, ...]
    seals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        numbers = self.version, self.threshold, *(second for key in self.receipts for second in (key.since, key.until))
        words = (
            self.instance,
            self.policy,
            *self.seals,
            *(word for key in self.receipts for word in (key.kid, key.owner, key.public)),
        )
        if any(type(one) is not int for one in numbers) or any(type(one) is not str for one in words):
            raise TrustError("a root of trust holds numbers and texts, each in its place")
        try:
            offices = {key.public for key in self.known() if key.kind == PLAIN}
            Policy.parse(self.policy.encode())
            for key in self.receipts:
                check_key(base64.decode(key.public, SignatureError))
        except (NoteError, PolicyError, SignatureError) as error:
            raise TrustError(f"it names a key or a policy that is none: {error}") from error
        if not FEWEST <= self.threshold <= len(offices) == len(self.roots):
            raise TrustError(
                f"a root of trust has at least {FEWEST} roots, each with a key of its own, and that many sign it"
            )
        if self.version < 1 or not self.instance or "\n" in self.instance:
            raise TrustError("a root of trust names its instance, and counts its versions from 1")
        if len({key.kid for key in self.receipts}) < len(self.receipts):
            raise TrustError("a root of trust names a key for receipts once")
        for seal in self.seals:
            base64.decode(seal, TrustError)

    def __str__(self) -> str:
        """The text of the note."""
        return f"{self.instance}/trust-root\n{canonical({'type': TYPE, **asdict(self)}).decode()}\n"

    def known(self) -> list[Key]:
        return [Key.parse(root) for root in self.roots]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the text, in groups of four as it is printed."""
        digest = hashlib.sha256(str(self).encode()).hexdigest()
        return " ".join(digest[place : place + 4] for place in range(0, len(digest), 4))

    def signing(self, kid: str, at: int) -> SigningKey:
        """The key that may have signed a receipt at that second. Raises TrustError."""
        for key in self.receipts:
            if key.kid == kid:
                if not key.since <= at < key.until:
                    raise TrustError(f"the key {kid} was not valid when it is said to have signed")
                return key
        raise TrustError(f"the root of trust does not know the key {kid}")

    def signed(self, roots: Mapping[str, Ed25519PrivateKey]) -> Note:
        """By these of its roots, by their names."""
        text = str(self)
        return Note(text, tuple(sign(text, name, private) for name, private in roots.items()))

    @classmethod
    def parse(cls, data: bytes) -> "TrustRoot":
        """From a signed note, believed as far as enough of its own roots signed it. Raises TrustError."""
        try:
            note = Note.parse(data)
            root = cls._from_text(note.text)
            _require(note, root.known(), root.threshold, "its own roots")
        except (AttributeError, NoteError, NotCanonical, KeyError, TypeError) as error:
            raise TrustError(f"not a root of trust: {error}") from error
        return root

    @classmethod
    def succeeding(cls, before: "TrustRoot", data: bytes) -> "TrustRoot":
        """The next version, which enough of the old and of the new roots signed. Raises TrustError."""
        root = cls.parse(data)
        if (root.instance, root.version) != (before.instance, before.version + 1):
            raise TrustError(
                f"version {before.version} of {before.instance} is followed by its version {before.version + 1}"
            )
        _require(Note.parse(data), before.known(), before.threshold, "the roots before it")
        return root

    @classmethod
    def _from_text(cls, text: str) -> "TrustRoot":
        heading, _, rest = text.partition("\n")
        said: Any = parse(rest.removesuffix("\n").encode())
        if (
            not isinstance(said, dict)
            or said.pop("type", None) != TYPE
            or heading != f"{said.get('instance')}/trust-root"
        ):
            raise TrustError(f"not a {TYPE}")
        keys = tuple(SigningKey(**one) for one in said.pop("receipts"))
        root = cls(**{**said, "roots": tuple(said["roots"]), "seals": tuple(said["seals"])}, receipts=keys)
        if str(root) != text:
            raise TrustError("it is written otherwise than its words mean")
        return root


def _require(note: Note, keys: Iterable[Key], threshold: int, whose: str) -> None:
    try:
        signed = note.signed_by(keys)
    except SignatureError as error:
        raise TrustError(f"a signature of {whose} does not hold: {error}") from error
    if len(signed) < threshold:
        raise TrustError(f"{len(signed)} of {whose} signed it, and {threshold} must")
