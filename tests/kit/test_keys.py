"""Keys: validity, one purpose each, and a key file that changes under a running service."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.keys import KeyRing, SigningKey, UntrustedKey, generate, retire

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    return tmp_path / "public" / "jwks.json"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    return tmp_path / "private"


def test_a_key_is_found_by_its_id(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 365, NOW)
    found = KeyRing(jwks).lookup(key.kid, "grant", NOW, owner="tender")
    assert (found.owner, found.purpose, found.not_before, found.not_after) == (
        "tender",
        "grant",
        NOW,
        NOW + 365 * DAY,
    )


def test_the_public_file_has_the_members_of_a_jwk_and_no_private_half(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 365, NOW)
    [entry] = json.loads(jwks.read_text())["keys"]
    x = entry.pop("x")
    assert len(x) == 43
    assert entry == {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": key.kid,
        "use": "sig",
        "lpse_owner": "tender",
        "lpse_purpose": "grant",
        "nbf": int(NOW.timestamp()),
        "exp": int((NOW + 365 * DAY).timestamp()),
    }


def test_the_private_file_is_for_its_service_alone(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 365, NOW)
    [path] = private.iterdir()
    assert path.name == f"tender-grant-{key.kid}.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(jwks.stat().st_mode) == 0o644


def test_an_exposed_private_file_is_refused(private: Path, jwks: Path) -> None:
    generate(private, jwks, "tender", "grant", 365, NOW)
    [path] = private.iterdir()
    path.chmod(0o644)
    with pytest.raises(UntrustedKey) as refused:
        SigningKey.load(private, "tender", "grant", NOW)
    assert refused.value.code == "key_exposed"


def test_load_returns_what_generate_made(private: Path, jwks: Path) -> None:
    made = generate(private, jwks, "tender", "grant", 365, NOW)
    loaded = SigningKey.load(private, "tender", "grant", NOW)
    assert loaded == made
    assert loaded.jwk.as_dict(private=True) == made.jwk.as_dict(private=True)


def test_the_newest_valid_key_signs(private: Path, jwks: Path) -> None:
    old = generate(private, jwks, "tender", "grant", 30, NOW)
    generate(private, jwks, "tender", "grant", 5, NOW + 10 * DAY)
    newest = generate(private, jwks, "tender", "grant", 30, NOW + 20 * DAY)
    generate(private, jwks, "tender", "statement", 90, NOW + 20 * DAY)
    assert SigningKey.load(private, "tender", "grant", NOW + 25 * DAY) == newest
    assert SigningKey.load(private, "tender", "grant", NOW + 18 * DAY) == old


def test_a_private_file_under_another_name_is_refused(private: Path, jwks: Path) -> None:
    generate(private, jwks, "tender", "grant", 30, NOW)
    [path] = private.iterdir()
    path.rename(private / "tender-grant-0123456789abcdef.pem")
    with pytest.raises(ValueError, match="not a key file"):
        SigningKey.load(private, "tender", "grant", NOW)


def test_no_valid_private_key_is_said(private: Path, jwks: Path) -> None:
    generate(private, jwks, "tender", "grant", 30, NOW)
    with pytest.raises(UntrustedKey) as refused:
        SigningKey.load(private, "tender", "grant", NOW + 30 * DAY)
    assert refused.value.code == "no_signing_key"


@pytest.mark.parametrize(
    ("purpose", "owner", "at", "code"),
    [
        ("statement", "tender", NOW, "wrong_key_purpose"),
        ("grant", "registry", NOW, "wrong_key_owner"),
        ("grant", "tender", NOW - timedelta(seconds=1), "key_not_valid"),
        ("grant", "tender", NOW + 30 * DAY, "key_not_valid"),
    ],
)
def test_a_key_is_trusted_for_its_own_matter_only(
    private: Path, jwks: Path, purpose: str, owner: str, at: datetime, code: str
) -> None:
    key = generate(private, jwks, "tender", "grant", 30, NOW)
    with pytest.raises(UntrustedKey) as refused:
        KeyRing(jwks).lookup(key.kid, purpose, at, owner)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert key.kid in str(refused.value)


def test_the_borders_of_validity(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 30, NOW)
    ring = KeyRing(jwks)
    assert ring.lookup(key.kid, "grant", NOW).kid == key.kid
    assert ring.lookup(key.kid, "grant", NOW + 30 * DAY - timedelta(microseconds=1)).kid == key.kid


def test_a_retired_key_verifies_what_it_signed_before_and_nothing_after(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 365, NOW)
    end = NOW + 10 * DAY + timedelta(milliseconds=300)
    retire(private, jwks, key.kid, end)
    ring = KeyRing(jwks)
    assert ring.lookup(key.kid, "grant", end).kid == key.kid
    with pytest.raises(UntrustedKey):
        ring.lookup(key.kid, "grant", end + timedelta(seconds=1))
    assert list(private.iterdir()) == []


def test_retiring_never_lengthens_a_validity(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 30, NOW)
    retire(private, jwks, key.kid, NOW + 90 * DAY)
    assert KeyRing(jwks).find(key.kid).not_after == NOW + 30 * DAY


def test_a_stolen_key_can_be_ended_from_its_beginning(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 30, NOW)
    retire(private, jwks, key.kid, NOW - DAY)
    with pytest.raises(UntrustedKey):
        KeyRing(jwks).lookup(key.kid, "grant", NOW)


def test_an_unknown_key_cannot_be_retired(private: Path, jwks: Path) -> None:
    generate(private, jwks, "tender", "grant", 30, NOW)
    before = jwks.read_bytes()
    with pytest.raises(UntrustedKey):
        retire(private, jwks, "0123456789abcdef", NOW)
    assert jwks.read_bytes() == before


def test_a_running_ring_sees_a_changed_file(private: Path, jwks: Path) -> None:
    first = generate(private, jwks, "tender", "grant", 30, NOW)
    ring = KeyRing(jwks)
    second = generate(private, jwks, "tender", "grant", 30, NOW)
    assert ring.find(second.kid).kid == second.kid
    retire(private, jwks, first.kid, NOW + DAY)
    with pytest.raises(UntrustedKey):
        ring.lookup(first.kid, "grant", NOW + 2 * DAY)


def test_a_ring_sees_a_mounted_file_swapped_by_its_link(private: Path, jwks: Path, tmp_path: Path) -> None:
    """As Kubernetes updates a config map; size and time of change are made equal, so that only the inode differs."""
    first = generate(private, jwks, "tender", "grant", 30, NOW)
    other = tmp_path / "other" / "jwks.json"
    second = generate(private, other, "tender", "grant", 30, NOW)
    for path in (jwks, other):
        os.utime(path, ns=(1, 1))
    assert jwks.stat().st_size == other.stat().st_size
    link = tmp_path / "mounted.json"
    link.symlink_to(jwks)
    ring = KeyRing(link)
    assert ring.find(first.kid)
    link.unlink()
    link.symlink_to(other)
    assert ring.find(second.kid)
    with pytest.raises(UntrustedKey) as refused:
        ring.find(first.kid)
    assert refused.value.code == "unknown_key"


def test_a_damaged_file_leaves_the_last_good_keys_in_use(
    private: Path, jwks: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = generate(private, jwks, "tender", "grant", 30, NOW)
    ring = KeyRing(jwks)
    for damage in ("{", '{"keys": [{}]}', "[]"):
        jwks.write_text(damage)
        assert ring.find(key.kid).kid == key.kid
    assert len(caplog.records) == 3
    with pytest.raises(ValueError, match=r"jwks\.json|Expecting"):
        KeyRing(jwks)


def test_a_file_with_a_private_half_is_refused(private: Path, jwks: Path) -> None:
    key = generate(private, jwks, "tender", "grant", 30, NOW)
    content = json.loads(jwks.read_text())
    content["keys"][0]["d"] = key.jwk.as_dict(private=True)["d"]
    jwks.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="private half"):
        KeyRing(jwks)


@pytest.mark.parametrize(("member", "value"), [("crv", "Ed448"), ("use", "enc"), ("lpse_purpose", "anything")])
def test_a_file_with_another_kind_of_key_is_refused(private: Path, jwks: Path, member: str, value: str) -> None:
    generate(private, jwks, "tender", "grant", 30, NOW)
    content = json.loads(jwks.read_text())
    content["keys"][0][member] = value
    jwks.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="key"):
        KeyRing(jwks)


def test_a_file_that_names_a_key_twice_is_refused(private: Path, jwks: Path) -> None:
    generate(private, jwks, "tender", "grant", 30, NOW)
    content = json.loads(jwks.read_text())
    jwks.write_text(json.dumps({"keys": content["keys"] * 2}))
    with pytest.raises(ValueError, match="twice"):
        KeyRing(jwks)


def test_keys_made_at_the_same_time_are_all_kept(private: Path, jwks: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: generate(private, jwks, "tender", "grant", 30, NOW), range(24)))
    ring = KeyRing(jwks)
    assert all(ring.find(key.kid) for key in keys)
    assert sorted(path.name for path in jwks.parent.iterdir()) == ["jwks.json"]


@pytest.mark.parametrize(("owner", "purpose"), [("../x", "grant"), ("tender-x", "grant"), ("tender", "other")])
def test_odd_names_are_refused(private: Path, jwks: Path, owner: str, purpose: str) -> None:
    with pytest.raises(ValueError, match="owner"):
        generate(private, jwks, owner, purpose, 30, NOW)  # type: ignore[arg-type]
    assert not jwks.exists()
