"""Tokens as an attacker makes them: right ones, and each wrong one with everything else right."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

from joserfc import jws

from kit.keys import SigningKey, generate, retire
from tests.hostile.town import BIDDER, Matter, Town

__all__ = ["FORGERIES", "KINDS", "Kind", "claims", "right", "sign"]

PDF = b"%PDF-1.7 "


@dataclass(frozen=True)
class Kind:
    typ: str
    owner: str
    purpose: str


KINDS = {
    "upload grant": Kind("upload-grant+jwt", "tender", "grant"),
    "download grant": Kind("download-grant+jwt", "tender", "grant"),
    "statement": Kind("statement+jwt", "documents", "statement"),
    "access token": Kind("access+jwt", "registry", "access"),
    "service token": Kind("service+jwt", "gateway", "service"),
}


def claims(kind: str, matter: Matter) -> dict[str, Any]:
    """What a right token of this kind says, for the place where it is offered."""
    now = int(datetime.now(UTC).timestamp())
    life = {"iat": now, "nbf": now, "exp": now + 600}
    upload = read(matter.granted["grant"])
    match kind:
        case "upload grant":
            return {**upload, **life, "jti": str(uuid4()), "sub": str(BIDDER.account)}
        case "download grant":
            return {
                "iss": "tender", "aud": "documents", "jti": str(uuid4()), "sub": str(BIDDER.account),
                "purpose": "bid_file", "object": str(NOTHING), **life,
            }  # fmt: skip
        case "statement":
            return {
                "iss": "documents", "aud": "tender", "iat": now, "object": str(uuid4()), "size": len(PDF),
                "md5": hashlib.md5(PDF, usedforsecurity=False).hexdigest(), "sha256": hashlib.sha256(PDF).hexdigest(),
                "grant": upload["jti"], "purpose": upload["purpose"], "record": upload["record"],
                "sub": upload["sub"], "at": datetime.fromtimestamp(now, UTC).isoformat(),
            }  # fmt: skip
        case "access token":
            return {
                "iss": "registry", "aud": "lpse", "sub": str(BIDDER.account), "sid": str(uuid4()), "name": "budi",
                "provider": None, "roles": [], **life,
            }  # fmt: skip
        case _:
            return {"iss": "gateway", "aud": "registry", **life, "exp": now + 30}


NOTHING = uuid4()


def read(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jws.extract_compact(token.encode()).payload)
    return found


def key_of(town: Town, owner: str, purpose: Any) -> SigningKey:
    return SigningKey.load(town.key_home / owner, owner, purpose)


def sign(said: Mapping[str, Any], typ: str, key: SigningKey, **header: Any) -> str:
    head = {"alg": "Ed25519", "typ": typ, "kid": key.kid} | header
    return jws.serialize_compact(head, json.dumps(said), key.jwk, algorithms=["Ed25519"])


def right(town: Town, matter: Matter, kind: str, **changes: Any) -> str:
    known = KINDS[kind]
    return sign(claims(kind, matter) | changes, known.typ, key_of(town, known.owner, known.purpose))


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


Forgery = Callable[[Town, Matter, str], str]


def _unsigned(town: Town, matter: Matter, kind: str) -> str:
    head = {"alg": "none", "typ": KINDS[kind].typ, "kid": key_of(town, KINDS[kind].owner, KINDS[kind].purpose).kid}
    return f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims(kind, matter)).encode())}."


def _shared_secret(town: Town, matter: Matter, kind: str) -> str:
    """The public key, which everybody has, used as the secret of an HMAC."""
    key = key_of(town, KINDS[kind].owner, KINDS[kind].purpose)
    head = {"alg": "HS256", "typ": KINDS[kind].typ, "kid": key.kid}
    text = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims(kind, matter)).encode())}"
    secret = base64.urlsafe_b64decode(str(key.jwk.as_dict(private=False)["x"]) + "==")
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def _tampered(town: Town, matter: Matter, kind: str) -> str:
    head, body, signature = right(town, matter, kind).split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def _another_installation(town: Town, matter: Matter, kind: str) -> str:
    home = Path(mkdtemp(dir=town.key_home))
    key = generate(home, home / "jwks.json", KINDS[kind].owner, KINDS[kind].purpose, 30)  # type: ignore[arg-type]
    return sign(claims(kind, matter), KINDS[kind].typ, key)


def _under_a_known_id(town: Town, matter: Matter, kind: str) -> str:
    home = Path(mkdtemp(dir=town.key_home))
    key = generate(home, home / "jwks.json", KINDS[kind].owner, KINDS[kind].purpose, 30)  # type: ignore[arg-type]
    known = key_of(town, KINDS[kind].owner, KINDS[kind].purpose)
    return sign(claims(kind, matter), KINDS[kind].typ, key, kid=known.kid)


def _another_purpose(town: Town, matter: Matter, kind: str) -> str:
    return sign(claims(kind, matter), KINDS[kind].typ, key_of(town, "tender", "receipt"))


def _another_service(town: Town, matter: Matter, kind: str) -> str:
    """A key made for this purpose, of a service that is not the one the token names."""
    home = Path(mkdtemp(dir=town.key_home))
    key = generate(home, town.key_home / "jwks.json", "helpdesk", KINDS[kind].purpose, 30)  # type: ignore[arg-type]
    return sign(claims(kind, matter), KINDS[kind].typ, key)


def _retired(town: Town, matter: Matter, kind: str) -> str:
    home, jwks = Path(mkdtemp(dir=town.key_home)), town.key_home / "jwks.json"
    since = datetime.now(UTC) - timedelta(days=2)
    key = generate(home, jwks, KINDS[kind].owner, KINDS[kind].purpose, 30, since)  # type: ignore[arg-type]
    retire(home, jwks, key.kid, datetime.now(UTC) - timedelta(days=1))
    return sign(claims(kind, matter), KINDS[kind].typ, key)


def _expired(town: Town, matter: Matter, kind: str) -> str:
    began = int(datetime.now(UTC).timestamp()) - 3600
    return right(town, matter, kind, iat=began, nbf=began, exp=began + 600)


def _from_tomorrow(town: Town, matter: Matter, kind: str) -> str:
    begins = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    at = int(begins.timestamp())
    when = {"at": begins.isoformat()} if kind == "statement" else {"nbf": at, "exp": at + 600}
    return right(town, matter, kind, iat=at, **when)


def _other_audience(town: Town, matter: Matter, kind: str) -> str:
    return right(town, matter, kind, aud="helpdesk")


FORGERIES: dict[str, Forgery] = {
    "alg none": _unsigned,
    "HS256 with the public key": _shared_secret,
    "changed signature": _tampered,
    "key of another installation": _another_installation,
    "foreign key under a known id": _under_a_known_id,
    "key of another purpose": _another_purpose,
    "key of another service": _another_service,
    "retired key": _retired,
    "expired": _expired,
    "not yet valid": _from_tomorrow,
    "another audience": _other_audience,
    "garbage": lambda *_: "garbage",
    "three dots": lambda *_: "...",
    "9 kB": lambda *_: "a" * 9_000,
}
