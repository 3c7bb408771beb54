"""The keys by which services trust each other: Ed25519, one purpose per key, public halves in one JWKS file.

A private key lies in a PEM file of its own, `<owner>-<purpose>-<kid>.pem`, with its validity written above the block
(RFC 7468 lets readers skip it). The JWKS is mounted everywhere and read again when the file changes. A retired key
stays in it, its validity cut short, and goes on vouching for what was signed before.
"""

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import ceil
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final, Literal, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from kit.problems import Problem

__all__ = ["KeyRing", "PublicKey", "Purpose", "Refused", "SigningKey", "UntrustedKey", "generate", "retire"]

Purpose = Literal["access", "grant", "statement", "receipt", "service", "log"]
PURPOSES: Final = get_args(Purpose)
ASK_AGAIN: Final = "Ask again where you got it; it is signed there with the key made for this."
OWNER = re.compile(r"[a-z][a-z0-9]*\Z")
HEADING = re.compile(rb"^Not-Before: (\d+)\nNot-After: (\d+)\n")

log = logging.getLogger(__name__)


class Refused(Problem):
    """A token, or the key behind it, that is not accepted. `code` says which of the reasons it is."""

    status = 403
    title = "The token is not accepted"


class UntrustedKey(Refused):
    title = "The key is not trusted"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Valid from `not_before` up to, and not including, `not_after`."""

    kid: str
    owner: str
    purpose: Purpose
    not_before: datetime
    not_after: datetime
    jwk: OKPKey = field(repr=False, compare=False)

    def require(self, purpose: Purpose, at: datetime, owner: str | None = None) -> None:
        """Raises UntrustedKey unless this key may sign for `purpose` (and as `owner`) at the instant `at`."""
        if self.purpose != purpose:
            raise UntrustedKey(
                "wrong_key_purpose",
                "Key {kid} signs for the purpose {held}, not for {purpose}.",
                remedy=ASK_AGAIN, kid=self.kid, held=self.purpose, purpose=purpose,
            )  # fmt: skip
        if owner is not None and self.owner != owner:
            raise UntrustedKey(
                "wrong_key_owner", "Key {kid} belongs to {held}, not to {owner}.", remedy=ASK_AGAIN,
                kid=self.kid, held=self.owner, owner=owner,
            )  # fmt: skip
        if not self.not_before <= at < self.not_after:
            raise UntrustedKey(
                "key_not_valid",
                "Key {kid} of {owner} was not valid at {at}: it is valid from {since} until {until}.",
                remedy="Ask for it to be signed again; if that does not help, the operator must renew the key.",
                kid=self.kid, owner=self.owner, at=_iso(at), since=_iso(self.not_before), until=_iso(self.not_after),
            )  # fmt: skip


class KeyRing:
    """The public keys of the installation, as the JWKS file has them now.

    A file that cannot be read at the start is an error; one that becomes unreadable later leaves the last good keys
    in use and a warning in the log, so that a slip of the hand does not stop every service at once.
    """

    def __init__(self, jwks_path: Path) -> None:
        self._path = jwks_path
        self._seen = self._look()
        self._keys = _read_jwks(jwks_path)

    def lookup(self, kid: str, purpose: Purpose, at: datetime, owner: str | None = None) -> PublicKey:
        """The key `kid`, if it may sign for `purpose` (and as `owner`) at the instant `at`; else UntrustedKey."""
        key = self.find(kid)
        key.require(purpose, at, owner)
        return key

    def find(self, kid: str) -> PublicKey:
        self._refresh()
        try:
            return self._keys[kid]
        except KeyError:
            raise UntrustedKey(
                "unknown_key",
                "No key {kid} is known here.",
                remedy="If the key is new, its public half must first be in the key file of every service.",
                kid=kid,
            ) from None

    def public(self) -> list[PublicKey]:
        """All of them, the retired ones too."""
        self._refresh()
        return list(self._keys.values())

    def document(self) -> dict[str, Any]:
        """All of them as a JWKS: for whoever checks what was signed here."""
        return {"keys": [_to_jwk(key) for key in self.public()]}

    def _look(self) -> tuple[int, int, int]:
        now = self._path.stat()
        return now.st_mtime_ns, now.st_ino, now.st_size

    def _refresh(self) -> None:
        try:
            if (now := self._look()) != self._seen:
                self._seen = now
                self._keys = _read_jwks(self._path)
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read, the keys read before stay in use: %s", self._path, error)


@dataclass(frozen=True, slots=True)
class SigningKey(PublicKey):
    """A key whose `jwk` holds the private half too."""

    @property
    def private(self) -> Ed25519PrivateKey:
        private = self.jwk.private_key
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError(f"the key {self.kid} is no Ed25519 key")
        return private

    @classmethod
    def load(cls, directory: Path, owner: str, purpose: Purpose, at: datetime | None = None) -> "SigningKey":
        """The newest key valid at `at` (default: now); UntrustedKey when there is none."""
        return cls.valid(directory, owner, purpose, at)[-1]

    @classmethod
    def valid(cls, directory: Path, owner: str, purpose: Purpose, at: datetime | None = None) -> "list[SigningKey]":
        """All keys valid at `at` (default: now), the newest last; UntrustedKey when there is none."""
        at = at or datetime.now(UTC)
        keys = [cls._read(path, owner, purpose) for path in directory.glob(f"{owner}-{purpose}-*.pem")]
        valid = [key for key in keys if key.not_before <= at < key.not_after]
        if not valid:
            raise UntrustedKey(
                "no_signing_key",
                "{owner} has no valid key for {purpose} in {directory}.",
                remedy="Generate one with `lpse keys`.",
                owner=owner, purpose=purpose, directory=directory,
            )  # fmt: skip
        return sorted(valid, key=lambda key: (key.not_before, key.kid))

    @classmethod
    def _read(cls, path: Path, owner: str, purpose: Purpose) -> "SigningKey":
        if path.stat().st_mode & 0o007:
            raise UntrustedKey(
                "key_exposed",
                "The private key {path} can be read by every user of this machine.",
                remedy="Renew the key and keep its file readable by its service alone (mode 0600).",
                path=path,
            )
        pem = path.read_bytes()
        heading = HEADING.match(pem)
        private = load_pem_private_key(pem, password=None)
        kid = path.stem.rpartition("-")[2]
        if not heading or not isinstance(private, Ed25519PrivateKey) or kid != _kid(private):
            raise ValueError(f"{path} is not a key file made by `lpse keys`")
        since, until = (_instant(int(seconds)) for seconds in heading.groups())
        return cls(kid, owner, purpose, since, until, OKPKey.import_key(_pem(private)))


def generate(
    directory: Path, jwks_path: Path, owner: str, purpose: Purpose, valid_days: int, now: datetime | None = None
) -> SigningKey:
    """Makes a key valid from now on. The public half is written first, so that nobody meets a key he cannot check."""
    if not OWNER.match(owner) or purpose not in PURPOSES:
        raise ValueError(f"{owner!r}, {purpose!r}: an owner is the name of a service, a purpose one of {PURPOSES}")
    since = (now or datetime.now(UTC)).replace(microsecond=0)
    until = since + timedelta(days=valid_days)
    private = Ed25519PrivateKey.generate()
    key = SigningKey(_kid(private), owner, purpose, since, until, OKPKey.import_key(_pem(private)))
    with _changing(jwks_path) as jwks:
        jwks.append(_to_jwk(key))
    heading = f"Not-Before: {_seconds(since)}\nNot-After: {_seconds(until)}\n".encode()
    _write(directory / f"{owner}-{purpose}-{key.kid}.pem", heading + _pem(private), 0o600)
    return key


def retire(directory: Path, jwks_path: Path, kid: str, at: datetime | None = None) -> None:
    """Ends a key at `at` (default: now) and deletes its private half; what it signed before stays verifiable.

    For a stolen key give the beginning of its validity as `at`: the thief can date a signature back.
    """
    end = ceil((at or datetime.now(UTC)).timestamp())  # what was signed within this second stays verifiable
    with _changing(jwks_path) as jwks:
        entry = next((entry for entry in jwks if entry["kid"] == kid), None)
        if entry is None:
            raise UntrustedKey(
                "key_not_listed", "There is no key {kid} in {path}.", remedy="See `lpse keys`.", kid=kid, path=jwks_path
            )
        entry["exp"] = max(entry["nbf"], min(entry["exp"], end))
    for path in directory.glob(f"*-{kid}.pem"):
        path.unlink()


def _read_jwks(path: Path) -> dict[str, PublicKey]:
    if path.stat().st_mode & 0o002:
        raise ValueError(f"every user of this machine can write {path}, which says whom to trust: take that right away")
    try:
        keys = [_from_jwk(entry) for entry in json.loads(path.read_bytes())["keys"]]
    except (KeyError, TypeError, JoseError) as error:
        raise ValueError(f"{path} is not a key file of this system: {error!r}") from error
    if len({key.kid for key in keys}) < len(keys):
        raise ValueError(f"{path} names one key twice")
    return {key.kid: key for key in keys}


def _from_jwk(entry: dict[str, Any]) -> PublicKey:
    if "d" in entry:
        raise ValueError(f"the private half of key {entry['kid']} stands in the public file: renew this key")
    if (entry["kty"], entry["crv"], entry["use"]) != ("OKP", "Ed25519", "sig"):
        raise ValueError(f"key {entry['kid']} is not an Ed25519 signing key")
    if entry["lpse_purpose"] not in PURPOSES:
        raise ValueError(f"key {entry['kid']} has the unknown purpose {entry['lpse_purpose']!r}")
    return PublicKey(
        kid=entry["kid"],
        owner=entry["lpse_owner"],
        purpose=entry["lpse_purpose"],
        not_before=_instant(entry["nbf"]),
        not_after=_instant(entry["exp"]),
        jwk=OKPKey.import_key({name: entry[name] for name in ("kty", "crv", "x")}),
    )


def _to_jwk(key: PublicKey) -> dict[str, Any]:
    return {
        **key.jwk.as_dict(private=False),
        "kid": key.kid,
        "use": "sig",
        "lpse_owner": key.owner,
        "lpse_purpose": key.purpose,
        "nbf": _seconds(key.not_before),
        "exp": _seconds(key.not_after),
    }


@contextmanager
def _changing(jwks_path: Path) -> Iterator[list[dict[str, Any]]]:
    """The file's entries, to be changed; written back whole. A lock on the folder keeps two changes apart."""
    jwks_path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(jwks_path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        entries = json.loads(jwks_path.read_bytes())["keys"] if jwks_path.exists() else []
        yield entries
        _write(jwks_path, json.dumps({"keys": entries}, indent=1).encode() + b"\n", 0o644)
    finally:
        os.close(folder)


def _write(path: Path, content: bytes, mode: int) -> None:
    """All or nothing, also after a power cut; with `mode` from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _kid(private: Ed25519PrivateKey) -> str:
    """Derived from the key itself: a file under a wrong name, or a swapped key, is noticed."""
    return sha256(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
