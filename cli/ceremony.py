"""`lpse keys ceremony DIR`: three offices get a root key each, and two of them sign whose word about this LPSE counts.

Done on a machine without a network. `DIR/root-1` to `root-3` are three media: after the ceremony each goes into its office's safe,
and two of them are brought together again only to sign the next version.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli import seals
from cli.mistakes import Mistake
from cli.servers.directory import private
from cli.witnesses import private_key
from integrity import base64
from integrity.note import Key
from integrity.trust import SigningKey, TrustError, TrustRoot
from kit.keys import KeyRing

__all__ = ["FILE", "Held", "ceremony", "held", "receipt_keys"]

FILE = "trust-root"
ROOTS = 3
THRESHOLD = 2


@dataclass(frozen=True)
class Held:
    """What the ceremony left: the root of trust as it is published."""

    root: TrustRoot
    file: Path
    signers: tuple[str, ...]


def ceremony(media: Path, keys: Path, instance: str, policy: Path | None = None) -> Held:
    """`keys` is what `lpse keys create` made; the root of trust is written there. Repeated, it makes the next version, signed by
    whichever two of the media are there. Raises Mistake."""
    file = keys / FILE
    before = held(file)
    wanted = _wanted(KeyRing(_jwks(keys)), instance, policy, seals.authorities(keys))
    roots = _roots(media, instance, make=before is None)
    if before is None:
        known = tuple(str(_public(name, key)) for name, key in roots.items())
        root = replace(wanted, roots=known)
    else:
        if before.instance != instance:
            raise Mistake(f"{file} is of {before.instance}, not of {instance}.")
        root = replace(wanted, roots=before.roots, version=before.version + 1)
        if replace(root, version=before.version) == before:
            return Held(before, file, ())
    signers = dict(list(roots.items())[:THRESHOLD])
    if len(signers) < THRESHOLD:
        raise Mistake(f"{len(roots)} of the roots are in {media}, and {THRESHOLD} must sign. Bring another medium.")
    data = str(root.signed(signers)).encode()
    try:
        if before:
            TrustRoot.succeeding(before, data)
        else:
            TrustRoot.parse(data)
    except TrustError as why:
        raise Mistake(f"The keys in {media} are not those of the offices that signed before: {why}") from why
    draft = file.with_name(f".{FILE}")
    draft.write_bytes(data)
    draft.replace(file)
    return Held(root, file, tuple(signers))


def held(file: Path) -> TrustRoot | None:
    """None where there is none yet. Raises Mistake."""
    if not file.exists():
        return None
    try:
        return TrustRoot.parse(file.read_bytes())
    except TrustError as why:
        raise Mistake(f"{file} is no root of trust: {why}") from why


def _wanted(ring: KeyRing, instance: str, policy: Path | None, sealing: tuple[str, ...]) -> TrustRoot:
    """The first version, without its roots yet."""
    origin = f"{instance}/log/1"
    listed = ring.public()
    logs = [key for key in listed if (key.owner, key.purpose) == ("audit", "log") and key.not_before < key.not_after]
    lines = "".join(f"log {Key(origin, key.jwk.public_key.public_bytes_raw())}\n" for key in logs)
    try:
        rest = policy.read_text() if policy else "quorum none\n"
    except OSError as error:
        raise Mistake(f"{policy} cannot be read: {error.strerror}.") from error
    nobody = tuple(str(_public(f"{instance}/{number}", Ed25519PrivateKey.generate())) for number in range(THRESHOLD))
    try:
        return TrustRoot(instance, 1, nobody, THRESHOLD, lines + rest, receipt_keys(ring), sealing)
    except TrustError as why:
        raise Mistake(f"No root of trust can be made of these keys and this policy: {why}") from why


def receipt_keys(ring: KeyRing) -> tuple[SigningKey, ...]:
    """Of receipts. A key that was stolen was never valid, and is none."""
    return tuple(
        SigningKey(
            key.kid,
            key.owner,
            base64.encode(key.jwk.public_key.public_bytes_raw()),
            int(key.not_before.timestamp()),
            int(key.not_after.timestamp()),
        )
        for key in ring.public()
        if key.purpose == "receipt" and key.not_before < key.not_after
    )


def _roots(media: Path, instance: str, *, make: bool) -> Mapping[str, Ed25519PrivateKey]:
    """Those that are there, by name; `make`: all three, new."""
    found = {}
    for number in range(1, ROOTS + 1):
        name, file = f"{instance}/root-{number}", media / f"root-{number}" / "root.pem"
        if make:
            if file.exists():
                raise Mistake(f"{file} is there already: it may be of another LPSE. Name a new directory.")
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = Ed25519PrivateKey.generate()
            private(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        elif not file.exists():
            continue
        found[name] = private_key(file)
    return found


def _public(name: str, key: Ed25519PrivateKey) -> Key:
    return Key(name, key.public_key().public_bytes_raw())


def _jwks(keys: Path) -> Path:
    file = keys / "jwks.json"
    if not file.is_file():
        raise Mistake(f"{keys} holds no jwks.json. Name with --keys a directory that `lpse keys create` made.")
    json.loads(file.read_bytes())
    return file
