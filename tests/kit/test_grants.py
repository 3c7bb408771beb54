"""Tokens between services: each verifier accepts exactly one kind, whole, in time, from the right key."""

import base64
import dataclasses
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from kit.grants import ACCESS_LIFETIME, Claims, DownloadGrant, Refused, RoleClaim, Statement, UploadGrant
from kit.keys import KeyRing, SigningKey, UntrustedKey, generate, retire

NOW = datetime(2026, 11, 23, 7, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

UPLOAD = UploadGrant(
    id=uuid4(),
    purpose="bid",
    owner="tender",
    record=uuid4(),
    account=uuid4(),
    media_types=("application/pdf", "*/*"),
    max_size=1 << 40,
    expires_at=NOW + timedelta(hours=1),
)
DOWNLOAD = DownloadGrant(
    id=uuid4(),
    object=uuid4(),
    account=uuid4(),
    purpose="tender document",
    owner="tender",
    expires_at=NOW + timedelta(minutes=5),
)
STATEMENT = Statement(
    object=uuid4(),
    size=12,
    md5="d41d8cd98f00b204e9800998ecf8427e",
    sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    grant=UPLOAD.id,
    purpose="bid",
    record=UPLOAD.record,
    account=UPLOAD.account,
    at=NOW + timedelta(milliseconds=123),
)
CLAIMS = Claims(
    account=uuid4(),
    session=uuid4(),
    name="budi.santoso",
    provider=uuid4(),
    roles=(
        RoleClaim("pokja", "1.02.01", uuid4(), NOW + timedelta(days=90)),
        RoleClaim("auditor", None, uuid4(), NOW + timedelta(days=9)),
    ),
    issued_at=NOW,
)


@dataclass(frozen=True)
class House:
    """One installation: the private keys, the public file, and the ring read from it."""

    directory: Path
    jwks: Path
    ring: KeyRing

    def key(self, owner: str, purpose: Any) -> SigningKey:
        return SigningKey.load(self.directory, owner, purpose, NOW)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with TemporaryDirectory() as name:
        directory = Path(name)
        jwks = directory / "jwks.json"
        for owner in ("tender", "registry", "documents", "gateway"):
            for purpose in ("access", "grant", "statement", "receipt", "service"):
                generate(directory, jwks, owner, purpose, 30, NOW - timedelta(days=1))  # type: ignore[arg-type]
        yield House(directory, jwks, KeyRing(jwks))


ISSUE: dict[str, Callable[[House], str]] = {
    "upload": lambda h: UPLOAD.issue(h.key("tender", "grant"), NOW),
    "download": lambda h: DOWNLOAD.issue(h.key("tender", "grant"), NOW),
    "statement": lambda h: STATEMENT.issue(h.key("documents", "statement"), "tender"),
    "access": lambda h: CLAIMS.issue(h.key("registry", "access")),
}
VERIFY: dict[str, Callable[[str, KeyRing, datetime], Any]] = {
    "upload": UploadGrant.verify,
    "download": DownloadGrant.verify,
    "statement": lambda token, ring, now: Statement.verify(token, ring, now, "tender"),
    "access": Claims.verify,
}
KINDS: dict[str, Any] = {"upload": UPLOAD, "download": DOWNLOAD, "statement": STATEMENT, "access": CLAIMS}
KEYS = {
    "upload": ("tender", "grant"),
    "download": ("tender", "grant"),
    "statement": ("documents", "statement"),
    "access": ("registry", "access"),
}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


def refusal(kind: str, token: str, house: House, now: datetime = NOW) -> Refused:
    with pytest.raises(Refused) as refused:
        VERIFY[kind](token, house.ring, now)
    assert str(refused.value).endswith(".")
    return refused.value


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpack(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(payload)


def forge(key: SigningKey, header: Any, payload: Any) -> str:
    """Signed for real, by hand, whatever stands in it: what a broken or bribed service could send."""
    text = ".".join(b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, payload))
    private = key.jwk.private_key
    assert isinstance(private, Ed25519PrivateKey)
    return f"{text}.{b64(private.sign(text.encode()))}"


def altered(house: House, kind: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    was_header, was_claims = unpack(ISSUE[kind](house))
    merged = {name: value for name, value in (was_claims | claims).items() if value is not ...}
    return forge(house.key(*KEYS[kind]), was_header | (header or {}), merged)


# what is right is accepted


@every_kind
def test_what_was_issued_is_what_is_read(house: House, kind: str) -> None:
    assert VERIFY[kind](ISSUE[kind](house), house.ring, NOW) == KINDS[kind]


@every_kind
def test_forge_makes_an_accepted_token_when_nothing_is_changed(house: House, kind: str) -> None:
    """Else the tests below would pass for the wrong reason."""
    assert VERIFY[kind](altered(house, kind), house.ring, NOW) == KINDS[kind]


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("upload", {"id": uuid4()}),
    ("upload", {"purpose": "registration paper"}),
    ("upload", {"record": uuid4()}),
    ("upload", {"account": uuid4()}),
    ("upload", {"media_types": ()}),
    ("upload", {"max_size": 0}),
    ("upload", {"expires_at": NOW + SECOND}),
    ("download", {"id": uuid4()}),
    ("download", {"object": uuid4()}),
    ("download", {"account": None}),
    ("download", {"account": uuid4()}),
    ("download", {"purpose": "evidence"}),
    ("download", {"expires_at": NOW + SECOND}),
    ("statement", {"object": uuid4()}),
    ("statement", {"size": 13}),
    ("statement", {"md5": "0" * 32}),
    ("statement", {"sha256": "0" * 64}),
    ("statement", {"grant": uuid4()}),
    ("statement", {"purpose": "other"}),
    ("statement", {"record": uuid4()}),
    ("statement", {"account": uuid4()}),
    ("statement", {"at": NOW}),
    ("access", {"account": uuid4()}),
    ("access", {"session": uuid4()}),
    ("access", {"name": "siti"}),
    ("access", {"provider": None}),
    ("access", {"roles": ()}),
    ("access", {"roles": CLAIMS.roles[:1]}),
    ("access", {"issued_at": NOW - SECOND}),
]


@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_every_field_is_carried(house: House, kind: str, change: dict[str, Any]) -> None:
    changed = dataclasses.replace(KINDS[kind], **change)
    issue = {UploadGrant: (NOW,), DownloadGrant: (NOW,), Statement: ("tender",), Claims: ()}[type(changed)]
    token = changed.issue(house.key(*KEYS[kind]), *issue)
    assert VERIFY[kind](token, house.ring, NOW) == changed != KINDS[kind]


def test_every_field_is_in_the_list_above() -> None:
    listed = {(kind, name) for kind, change in CHANGES for name in change}
    fields = {(kind, f.name) for kind, value in KINDS.items() for f in dataclasses.fields(value)}
    assert fields - listed == {("upload", "owner"), ("download", "owner")}  # the owner is bound to the key, see below


# exactly one kind


@pytest.mark.parametrize(("kind", "other"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_a_verifier_accepts_no_other_kind(house: House, kind: str, other: str) -> None:
    assert refusal(kind, ISSUE[other](house), house).code == "wrong_kind"


@pytest.mark.parametrize(("kind", "other"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_another_kind_with_its_typ_changed_is_still_refused(house: House, kind: str, other: str) -> None:
    """Signed anew by the key of the other kind, so that only purpose, issuer, audience and claims stand in the way."""
    typ = unpack(ISSUE[kind](house))[0]["typ"]
    code = refusal(kind, altered(house, other, header={"typ": typ}), house).code
    assert code in {"wrong_key_purpose", "malformed"}
    assert (code == "malformed") == ({kind, other} == {"upload", "download"})


@every_kind
@pytest.mark.parametrize("typ", ["JWT", "", "application/upload-grant+jwt", "UPLOAD-GRANT+JWT"])
def test_the_type_is_compared_exactly(house: House, kind: str, typ: str) -> None:
    assert refusal(kind, altered(house, kind, header={"typ": typ}), house).code == "wrong_kind"


@every_kind
@pytest.mark.parametrize("audience", ["registry", "Documents", "", None, ["documents", "lpse", "tender"], ...])
def test_the_audience_is_compared_exactly(house: House, kind: str, audience: Any) -> None:
    assert refusal(kind, altered(house, kind, aud=audience), house).code == "wrong_audience"


def test_a_statement_for_another_service_is_refused(house: House) -> None:
    with pytest.raises(Refused) as refused:
        Statement.verify(ISSUE["statement"](house), house.ring, NOW, "registry")
    assert refused.value.code == "wrong_audience"


@every_kind
def test_a_service_cannot_speak_for_another(house: House, kind: str) -> None:
    assert refusal(kind, altered(house, kind, iss="gateway"), house).code == "wrong_key_owner"


@pytest.mark.parametrize("kind", ["statement", "access"])
def test_only_one_service_signs_this_kind(house: House, kind: str) -> None:
    header, claims = unpack(ISSUE[kind](house))
    impostor = house.key("gateway", KEYS[kind][1])
    token = forge(impostor, header | {"kid": impostor.kid}, claims | {"iss": "gateway"})
    assert refusal(kind, token, house).code == "wrong_issuer"


# keys


@every_kind
@pytest.mark.parametrize("purpose", ["access", "grant", "statement", "receipt", "service"])
def test_a_key_signs_for_its_purpose_only(house: House, kind: str, purpose: str) -> None:
    owner, right = KEYS[kind]
    if purpose == right:
        return
    header, claims = unpack(ISSUE[kind](house))
    key = house.key(owner, purpose)
    assert refusal(kind, forge(key, header | {"kid": key.kid}, claims), house).code == "wrong_key_purpose"


@every_kind
def test_an_unknown_key(house: House, kind: str) -> None:
    token = altered(house, kind, header={"kid": "0123456789abcdef"})
    assert refusal(kind, token, house).code == "unknown_key"


@every_kind
def test_the_key_of_another_is_no_use_under_a_known_id(house: House, kind: str) -> None:
    header, claims = unpack(ISSUE[kind](house))
    assert refusal(kind, forge(house.key("gateway", "service"), header, claims), house).code == "bad_signature"


@every_kind
def test_a_retired_key_holds_for_what_it_signed_before(tmp_path: Path, kind: str) -> None:
    jwks = tmp_path / "jwks.json"
    key = generate(tmp_path, jwks, *KEYS[kind], 30, NOW - timedelta(days=1))  # type: ignore[arg-type]
    house = House(tmp_path, jwks, KeyRing(jwks))
    before, after = altered(house, kind), altered(house, kind, iat=int(NOW.timestamp()) + 2)
    retire(tmp_path, jwks, key.kid, NOW + SECOND)
    assert VERIFY[kind](before, house.ring, NOW + 2 * SECOND) == KINDS[kind]
    assert refusal(kind, after, house, NOW + 2 * SECOND).code == "key_not_valid"


def test_issuing_with_an_unfit_key_fails_at_once(house: House) -> None:
    for key in (house.key("tender", "statement"), house.key("registry", "grant")):
        with pytest.raises(UntrustedKey):
            UPLOAD.issue(key, NOW)
    with pytest.raises(UntrustedKey):
        UPLOAD.issue(house.key("tender", "grant"), NOW + timedelta(days=30))


# algorithms


@every_kind
def test_no_signature_at_all(house: House, kind: str) -> None:
    header, claims = unpack(ISSUE[kind](house))
    for alg in ("none", "None", "NONE"):
        text = f"{b64(json.dumps(header | {'alg': alg}).encode())}.{b64(json.dumps(claims).encode())}"
        assert refusal(kind, text + ".", house).code == "wrong_algorithm"


@every_kind
def test_the_public_key_is_no_shared_secret(house: House, kind: str) -> None:
    header, claims = unpack(ISSUE[kind](house))
    public = house.ring.find(header["kid"]).jwk.public_key
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{b64(json.dumps(header | {'alg': 'HS256'}).encode())}.{b64(json.dumps(claims).encode())}"
    for secret in (raw, pem, pem.strip(), b64(raw).encode()):
        token = f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"
        assert refusal(kind, token, house).code == "wrong_algorithm"


@every_kind
@pytest.mark.parametrize("alg", ["EdDSA", "Ed448", "ES256", "ed25519", "", None, 1, ["Ed25519"]])
def test_no_other_algorithm_is_looked_at(house: House, kind: str, alg: Any) -> None:
    assert refusal(kind, altered(house, kind, header={"alg": alg}), house).code == "wrong_algorithm"


@every_kind
@pytest.mark.parametrize("extra", [{"crit": ["exp"]}, {"jwk": {}}, {"jku": "https://x"}, {"b64": False}, {"kid": 1}])
def test_the_header_names_nothing_else(house: House, kind: str, extra: dict[str, Any]) -> None:
    assert refusal(kind, altered(house, kind, header=extra), house).code == "malformed"


# time


@pytest.mark.parametrize("kind", ["upload", "download", "access"])
def test_a_token_ends_with_its_last_second(house: House, kind: str) -> None:
    end = KINDS[kind].expires_at
    assert VERIFY[kind](ISSUE[kind](house), house.ring, end - timedelta(microseconds=1)) == KINDS[kind]
    assert refusal(kind, ISSUE[kind](house), house, end).code == "expired"


def test_a_statement_does_not_end(house: House) -> None:
    assert VERIFY["statement"](ISSUE["statement"](house), house.ring, NOW + timedelta(days=3650)) == STATEMENT


@every_kind
def test_a_token_from_the_future(house: House, kind: str) -> None:
    token = ISSUE[kind](house)
    assert VERIFY[kind](token, house.ring, NOW - 5 * SECOND) == KINDS[kind]
    assert refusal(kind, token, house, NOW - 6 * SECOND).code == "not_yet_valid"


@pytest.mark.parametrize("kind", ["upload", "download", "access"])
def test_not_before_counts_by_itself(house: House, kind: str) -> None:
    token = altered(house, kind, nbf=int(NOW.timestamp()) + 60)
    assert refusal(kind, token, house).code == "not_yet_valid"


def test_an_access_token_lasts_ten_minutes_and_no_longer(house: House) -> None:
    assert timedelta(minutes=10) == ACCESS_LIFETIME
    token = altered(house, "access", exp=int(NOW.timestamp()) + 3600)
    assert refusal("access", token, house).code == "malformed"


def test_a_statement_says_one_time(house: House) -> None:
    token = altered(house, "statement", at=(NOW + timedelta(days=1)).isoformat())
    assert refusal("statement", token, house).code == "malformed"


# form


@every_kind
def test_a_missing_claim(house: House, kind: str) -> None:
    _, claims = unpack(ISSUE[kind](house))
    for name in claims:
        code = refusal(kind, altered(house, kind, **{name: ...}), house).code
        assert code == ("wrong_audience" if name == "aud" else "malformed"), name


@every_kind
@pytest.mark.parametrize("value", [True, 1.5, -1, {}, [1], [], 10**30])
def test_a_claim_of_the_wrong_type(house: House, kind: str, value: Any) -> None:
    """Numbers and lists are right for some claims: those are left out."""
    _, claims = unpack(ISSUE[kind](house))
    for name in set(claims) - {"aud"}:
        if (value == [] and name in {"media_types", "roles"}) or (value == 10**30 and name in {"max_size", "size"}):
            continue
        assert refusal(kind, altered(house, kind, **{name: value}), house).code == "malformed", name


@pytest.mark.parametrize("spelling", [str.upper, "{{{}}}".format, "urn:uuid:{}".format, lambda s: s.replace("-", "")])
def test_an_id_has_one_spelling(house: House, spelling: Callable[[str], str]) -> None:
    record = UUID("0195f3a0-0000-7000-8000-00000000abcd")
    assert refusal("upload", altered(house, "upload", record=spelling(str(record))), house).code == "malformed"


@every_kind
@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "\x00", "é.é.é", "\ud800", "e30.e30.", "bnVsbA.bnVsbA.bnVsbA", "W10.W10.W10"],
)
def test_garbage(house: House, kind: str, token: str) -> None:
    assert refusal(kind, token, house).code in {"malformed", "wrong_algorithm"}


@every_kind
@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 5000, b'{"iat": 1e999}'])
def test_a_well_signed_payload_that_is_no_object_of_claims(house: House, kind: str, payload: bytes) -> None:
    header, _ = unpack(ISSUE[kind](house))
    assert refusal(kind, forge(house.key(*KEYS[kind]), header, payload), house).code == "malformed"


@every_kind
def test_an_oversize_token_is_not_even_read(house: House, kind: str) -> None:
    token = ISSUE[kind](house)
    assert refusal(kind, token + "A" * (8193 - len(token)), house).code == "token_too_large"
    assert refusal(kind, token + "A" * (8192 - len(token)), house).code != "token_too_large"


def test_an_oversize_token_is_not_issued(house: House) -> None:
    many = dataclasses.replace(CLAIMS, roles=CLAIMS.roles[:1] * 60)
    with pytest.raises(ValueError, match="8192"):
        many.issue(house.key("registry", "access"))
    enough = dataclasses.replace(CLAIMS, roles=CLAIMS.roles[:1] * 30)
    assert VERIFY["access"](enough.issue(house.key("registry", "access")), house.ring, NOW) == enough


@every_kind
@given(data=st.data())
def test_changing_any_character_is_noticed(house: House, kind: str, data: st.DataObject) -> None:
    token = ISSUE[kind](house)
    place = data.draw(st.integers(0, len(token) - 1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n"
    instead = data.draw(st.sampled_from([c for c in alphabet if c != token[place]]))
    refusal(kind, token[:place] + instead + token[place + 1 :], house)


@every_kind
@given(data=st.data())
def test_adding_or_leaving_out_a_character_is_noticed(house: House, kind: str, data: st.DataObject) -> None:
    token = ISSUE[kind](house)
    place = data.draw(st.integers(0, len(token) - 1))
    refusal(kind, token[:place] + token[place + 1 :], house)
    refusal(kind, token[:place] + data.draw(st.sampled_from("A-_.= ")) + token[place:], house)


@every_kind
@given(token=st.text(max_size=300))
def test_no_text_does_anything_but_be_refused(house: House, kind: str, token: str) -> None:
    refusal(kind, token, house)


def test_a_bad_access_token_is_401_and_a_bad_grant_403(house: House) -> None:
    assert refusal("access", ISSUE["access"](house), house, CLAIMS.expires_at).status == 401
    assert refusal("access", altered(house, "access", header={"kid": "0123456789abcdef"}), house).status == 401
    assert refusal("upload", ISSUE["upload"](house), house, UPLOAD.expires_at).status == 403
