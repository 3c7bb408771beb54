"""Grants, statements and access tokens: how services trust each other without calling (DESIGN section 5).

All are compact JWTs signed with Ed25519. Each kind has its own `typ`, audience and key purpose, and its `verify` accepts
exactly that kind. Nothing is read out of a token before its signature has been checked, except which key to check with.
Who calls gives the real clock's time; nothing here reads a clock. Everything wrong is one `Refused` with a code.
Expiries and the instants of access tokens are whole seconds; a fraction is cut off.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn
from uuid import UUID

from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError

from kit.keys import KeyRing, PublicKey, Purpose, Refused, SigningKey, UntrustedKey
from kit.problems import Reason

__all__ = [
    "ACCESS_LIFETIME",
    "DEVICE_LIFETIME",
    "NO_END",
    "Claims",
    "Device",
    "DownloadGrant",
    "OpeningGrant",
    "Refused",
    "RoleClaim",
    "ServiceToken",
    "Statement",
    "UploadGrant",
]

ALGORITHM: Final = "Ed25519"  # RFC 9864's name: unlike `EdDSA` it says which curve
LARGEST: Final = 8 * 1024
SKEW: Final = timedelta(seconds=5)  # the clocks of two database servers; never granted to an expiry
ACCESS_LIFETIME: Final = timedelta(minutes=10)
SERVICE_LIFETIME: Final = timedelta(seconds=30)
NO_END: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""`until` of a role that no letter ends."""
DEVICE_LIFETIME: Final = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class _Kind:
    """`issuer` is None where every service may sign; the `iss` claim must then name the key's owner all the same."""

    name: str
    typ: str
    purpose: Purpose
    issuer: str | None = None
    status: int = 403


UPLOAD = _Kind("an upload grant", "upload-grant+jwt", "grant")
DOWNLOAD = _Kind("a download grant", "download-grant+jwt", "grant")
OPENING = _Kind("an opening grant", "opening-grant+jwt", "grant")
STATEMENT = _Kind("a fingerprint statement", "statement+jwt", "statement", issuer="documents")
SERVICE = _Kind("a service token", "service+jwt", "service", issuer="gateway", status=401)
DEVICE = _Kind("a device's mark", "device+jwt", "service", issuer="gateway", status=401)
ACCESS = _Kind("an access token", "access+jwt", "access", issuer="registry", status=401)


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """An owner lets `account` upload one file to documents, for `record`. `max_size` is in bytes."""

    id: UUID
    purpose: str
    owner: str
    record: UUID
    account: UUID
    media_types: tuple[str, ...]
    max_size: int
    expires_at: datetime

    def issue(self, key: SigningKey, now: datetime) -> str:
        claims = {
            "iss": self.owner,
            "aud": "documents",
            "jti": str(self.id),
            "sub": str(self.account),
            "purpose": self.purpose,
            "record": str(self.record),
            "media_types": list(self.media_types),
            "max_size": self.max_size,
        }
        return _sign(UPLOAD, key, claims | _lifetime(now, self.expires_at))

    @classmethod
    def verify(cls, token: str, ring: KeyRing, now: datetime) -> "UploadGrant":
        claims = _open(UPLOAD, token, ring, now, audience="documents")
        return cls(
            id=claims.uuid("jti"),
            purpose=claims.text("purpose"),
            owner=claims.text("iss"),
            record=claims.uuid("record"),
            account=claims.uuid("sub"),
            media_types=claims.texts("media_types"),
            max_size=claims.number("max_size"),
            expires_at=claims.moment("exp"),
        )


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """An owner lets `account` read one object; None where the object is public and anyone may."""

    id: UUID
    object: UUID
    account: UUID | None
    purpose: str
    owner: str
    expires_at: datetime

    def issue(self, key: SigningKey, now: datetime) -> str:
        claims = {
            "iss": self.owner,
            "aud": "documents",
            "jti": str(self.id),
            "sub": _optional(self.account),
            "purpose": self.purpose,
            "object": str(self.object),
        }
        return _sign(DOWNLOAD, key, claims | _lifetime(now, self.expires_at))

    @classmethod
    def verify(cls, token: str, ring: KeyRing, now: datetime) -> "DownloadGrant":
        claims = _open(DOWNLOAD, token, ring, now, audience="documents")
        return cls(
            id=claims.uuid("jti"),
            object=claims.uuid("object"),
            account=claims.optional_uuid("sub"),
            purpose=claims.text("purpose"),
            owner=claims.text("iss"),
            expires_at=claims.moment("exp"),
        )


@dataclass(frozen=True, slots=True)
class OpeningGrant:
    """An owner lets the bearer see what the log hides of one of its own events: whoever holds the receipt of it."""

    id: UUID
    event: UUID
    owner: str
    expires_at: datetime

    def issue(self, key: SigningKey, now: datetime) -> str:
        claims = {"iss": self.owner, "aud": "audit", "jti": str(self.id), "event": str(self.event)}
        return _sign(OPENING, key, claims | _lifetime(now, self.expires_at))

    @classmethod
    def verify(cls, token: str, ring: KeyRing, now: datetime) -> "OpeningGrant":
        claims = _open(OPENING, token, ring, now, audience="audit")
        return cls(
            id=claims.uuid("jti"), event=claims.uuid("event"), owner=claims.text("iss"), expires_at=claims.moment("exp")
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """What documents vouches for: this object has this fingerprint and came under this grant, at `at` of its database.

    A statement does not expire. `grant`, `purpose`, `record` and `account` are copied from the grant; the owner
    compares them with its own row and takes each grant once.
    """

    object: UUID
    size: int
    md5: str
    sha256: str
    grant: UUID
    purpose: str
    record: UUID
    account: UUID
    at: datetime

    def issue(self, key: SigningKey, owner: str) -> str:
        """`owner` is the service that issued the grant: the statement is for it alone."""
        claims = {
            "iss": "documents",
            "aud": owner,
            "iat": _seconds(self.at),
            "object": str(self.object),
            "size": self.size,
            "md5": self.md5,
            "sha256": self.sha256,
            "grant": str(self.grant),
            "purpose": self.purpose,
            "record": str(self.record),
            "sub": str(self.account),
            "at": self.at.astimezone(UTC).isoformat(),
        }
        return _sign(STATEMENT, key, claims)

    @classmethod
    def verify(cls, token: str, ring: KeyRing, now: datetime, owner: str) -> "Statement":
        """`owner` is the service that asks: a statement made for another is refused."""
        claims = _open(STATEMENT, token, ring, now, audience=owner)
        found = cls(
            object=claims.uuid("object"),
            size=claims.number("size"),
            md5=claims.text("md5"),
            sha256=claims.text("sha256"),
            grant=claims.uuid("grant"),
            purpose=claims.text("purpose"),
            record=claims.uuid("record"),
            account=claims.uuid("sub"),
            at=claims.instant("at"),
        )
        return found if _moment(_seconds(found.at)) == claims.moment("iat") else claims.wrong("at")


@dataclass(frozen=True, slots=True)
class RoleClaim:
    """A role somebody holds by a decree: for one SKPD or (None) the whole installation, until `until` of business time."""

    role: str
    skpd: str | None
    assignment: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """Who is logged in, said by registry and good for ten minutes. `name` is the user id, `provider` whom he acts for."""

    account: UUID
    session: UUID
    name: str
    provider: UUID | None
    roles: tuple[RoleClaim, ...]
    issued_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.issued_at + ACCESS_LIFETIME

    def issue(self, key: SigningKey) -> str:
        claims = {
            "iss": "registry",
            "aud": "lpse",
            "sub": str(self.account),
            "sid": str(self.session),
            "name": self.name,
            "provider": _optional(self.provider),
            "roles": [
                {"role": r.role, "skpd": r.skpd, "assignment": str(r.assignment), "until": _seconds(r.until)}
                for r in self.roles
            ],
        }
        return _sign(ACCESS, key, claims | _lifetime(self.issued_at, self.expires_at))

    @classmethod
    def verify(cls, token: str, ring: KeyRing, now: datetime) -> "Claims":
        claims = _open(ACCESS, token, ring, now, audience="lpse")
        found = cls(
            account=claims.uuid("sub"),
            session=claims.uuid("sid"),
            name=claims.text("name"),
            provider=claims.optional_uuid("provider"),
            roles=tuple(
                RoleClaim(
                    role=role.text("role"),
                    skpd=role.optional_text("skpd"),
                    assignment=role.uuid("assignment"),
                    until=role.moment("until"),
                )
                for role in claims.members("roles")
            ),
            issued_at=claims.moment("iat"),
        )
        if claims.moment("exp") != found.expires_at:
            claims.wrong("exp")
        return found


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """The gateway itself asks one service something no user may ask (a token for a session)."""

    audience: str
    issued_at: datetime

    def issue(self, key: SigningKey) -> str:
        claims = {"iss": "gateway", "aud": self.audience}
        return _sign(SERVICE, key, claims | _lifetime(self.issued_at, self.issued_at + SERVICE_LIFETIME))

    @classmethod
    def verify(cls, token: str, ring: KeyRing, now: datetime, audience: str) -> "ServiceToken":
        claims = _open(SERVICE, token, ring, now, audience=audience)
        return cls(audience=audience, issued_at=claims.moment("iat"))


@dataclass(frozen=True, slots=True)
class Device:
    """A browser or program with which somebody logged in before: `user` is the SHA-256 of his user id, in hex.

    It opens nothing. It only counts failed logins apart from those of strangers, so that they cannot lock him out.
    """

    id: UUID
    user: str

    def issue(self, key: SigningKey, now: datetime) -> str:
        claims = {"iss": "gateway", "aud": "gateway", "jti": str(self.id), "sub": self.user}
        return _sign(DEVICE, key, claims | _lifetime(now, now + DEVICE_LIFETIME))

    @classmethod
    def verify(cls, token: str, ring: KeyRing, now: datetime) -> "Device":
        claims = _open(DEVICE, token, ring, now, audience="gateway")
        return cls(id=claims.uuid("jti"), user=claims.text("sub"))


def _sign(kind: _Kind, key: SigningKey, claims: dict[str, Any]) -> str:
    """UntrustedKey when nobody would accept this key here; ValueError when the token would be too long."""
    key.require(kind.purpose, at=_moment(claims["iat"]), owner=claims["iss"])
    header = {"alg": ALGORITHM, "typ": kind.typ, "kid": key.kid}
    payload = json.dumps(claims, separators=(",", ":"))
    token = jws.serialize_compact(header, payload, key.jwk, algorithms=[ALGORITHM])
    if len(token) > LARGEST:
        raise ValueError(f"{kind.name} of {len(token)} bytes: at most {LARGEST} are accepted")
    return token


def _open(kind: _Kind, token: str, ring: KeyRing, now: datetime, audience: str) -> "_Reader":
    """The claims of a token of this kind, with everything checked that all kinds have in common."""
    signed, kid = _parse(kind, token)
    try:
        key = ring.find(kid)
        _check_signature(kind, token, key)
        claims = _Reader(kind, _payload(kind, signed))
        key.require(kind.purpose, at=claims.moment("iat"), owner=claims.text("iss"))
    except UntrustedKey as untrusted:
        untrusted.status = kind.status
        raise
    if kind.issuer not in {None, key.owner}:
        _refuse(kind, "wrong_issuer", "This is not {kind}: {issuer} alone signs those, and this comes from {owner}.",
                issuer=kind.issuer, owner=key.owner)  # fmt: skip
    if claims.raw("aud") != audience:
        _refuse(kind, "wrong_audience", "This is {kind} for {aud}, not for {audience}.",
                aud=claims.raw("aud"), audience=audience)  # fmt: skip
    _check_time(kind, claims, now)
    return claims


def _parse(kind: _Kind, token: str) -> tuple[bytes, str]:
    """Payload and key id of what has the form of this kind; not yet to be believed."""
    if len(token) > LARGEST:
        _refuse(
            kind, "token_too_large", "This is longer than the {largest} bytes that {kind} may have.", largest=LARGEST
        )
    try:
        parts = jws.extract_compact(token.encode("ascii"))
        header = parts.headers()
    except (JoseError, ValueError, RecursionError):
        _malformed(kind, Reason("token_unreadable", "it cannot be read"))
    if set(header) != {"alg", "typ", "kid"} or not isinstance(header["kid"], str):
        _malformed(kind, Reason("token_header", "its header must name alg, typ and kid, and nothing else"))
    if header["alg"] != ALGORITHM:
        _refuse(kind, "wrong_algorithm", "This is not {kind}: it must be signed with {algorithm}.", algorithm=ALGORITHM)
    if header["typ"] != kind.typ:
        _refuse(kind, "wrong_kind", "This is not {kind}: its type is {typ}.", typ=header["typ"])
    return parts.payload, header["kid"]


def _check_signature(kind: _Kind, token: str, key: PublicKey) -> None:
    try:
        jws.deserialize_compact(token, key.jwk, algorithms=[ALGORITHM])
    except BadSignatureError:
        _refuse(
            kind, "bad_signature", "This is not {kind} as it was issued: the signature does not belong to the text."
        )
    except JoseError:
        _malformed(kind, Reason("token_unreadable", "it cannot be read"))


def _payload(kind: _Kind, payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        _malformed(kind, Reason("token_no_object", "its content is no JSON object"))
    return claims


def _check_time(kind: _Kind, claims: "_Reader", now: datetime) -> None:
    begins = max(claims.moment(name) for name in (("iat",) if kind is STATEMENT else ("iat", "nbf")))
    if now + SKEW < begins:
        _refuse(kind, "not_yet_valid", "This is {kind} valid from {begins}; now it is {now}.", begins=begins, now=now)
    if kind is not STATEMENT and now >= claims.moment("exp"):
        _refuse(
            kind,
            "expired",
            "This is {kind} that was valid until {ended}; now it is {now}.",
            ended=claims.moment("exp"),
            now=now,
        )


def _refuse(kind: _Kind, code: str, sentence: str, **params: Any) -> NoReturn:
    remedy = "Log in again." if kind is ACCESS else f"Ask for {kind.name} again where you got this one."
    raise Refused(code, sentence, remedy=remedy, status=kind.status, kind=kind.name, **params)


def _malformed(kind: _Kind, why: Reason) -> NoReturn:
    _refuse(kind, "malformed", "This is not {kind}: {why}.", why=why)


class _Reader:
    """Claims of the expected type and spelling; anything else is `malformed`."""

    def __init__(self, kind: _Kind, claims: Mapping[str, Any]) -> None:
        self._kind, self._claims = kind, claims

    def has(self, name: str) -> bool:
        return name in self._claims

    def raw(self, name: str) -> Any:
        return self._claims.get(name)

    def wrong(self, name: str) -> NoReturn:
        _malformed(self._kind, Reason("claim_wrong", "its claim {claim} is missing or wrong", claim=name))

    def text(self, name: str) -> str:
        value = self.raw(name)
        return value if isinstance(value, str) else self.wrong(name)

    def optional_text(self, name: str) -> str | None:
        return None if self._is_null(name) else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.raw(name)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            self.wrong(name)
        return tuple(values)

    def number(self, name: str) -> int:
        value = self.raw(name)
        return value if type(value) is int and value >= 0 else self.wrong(name)

    def uuid(self, name: str) -> UUID:
        text = self.text(name)
        try:
            value = UUID(text)
        except ValueError:
            self.wrong(name)
        return value if str(value) == text else self.wrong(name)

    def optional_uuid(self, name: str) -> UUID | None:
        return None if self._is_null(name) else self.uuid(name)

    def moment(self, name: str) -> datetime:
        try:
            return _moment(self.number(name))
        except (OverflowError, OSError, ValueError):
            self.wrong(name)

    def instant(self, name: str) -> datetime:
        """A time finer than a second, as ISO 8601 text with its offset."""
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError:
            self.wrong(name)
        return value if value.tzinfo else self.wrong(name)

    def members(self, name: str) -> list["_Reader"]:
        values = self.raw(name)
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.wrong(name)
        return [_Reader(self._kind, value) for value in values]

    def _is_null(self, name: str) -> bool:
        return self.has(name) and self.raw(name) is None


def _lifetime(now: datetime, until: datetime) -> dict[str, int]:
    return {"iat": _seconds(now), "nbf": _seconds(now), "exp": _seconds(until)}


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _optional(id: UUID | None) -> str | None:
    return None if id is None else str(id)
