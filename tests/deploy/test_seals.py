"""The seal of printed receipts: an authority, its certificates, and what the commands about keys do with them."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from cli import keyring, seals
from cli.ceremony import FILE, ceremony
from cli.main import main
from cli.mistakes import Mistake
from integrity import base64
from integrity.trust import TrustRoot


@pytest.fixture
def home(tmp_path: Path) -> Path:
    keyring.create(tmp_path / "keys", instance="lpse.kota.example")
    return tmp_path / "keys"


def certificates(home: Path) -> list[x509.Certificate]:
    files = sorted((home / "documents").glob("documents-seal-*.pem"))
    return [x509.load_pem_x509_certificates(file.read_bytes())[0] for file in files]


def authority(home: Path) -> x509.Certificate:
    [file] = (home / "seal").glob("*.crt")
    return x509.load_pem_x509_certificate(file.read_bytes())


def test_the_service_gets_a_certificate_and_never_the_authoritys_key(home: Path) -> None:
    [one] = certificates(home)
    one.verify_directly_issued_by(authority(home))
    assert [name.rfc4514_string() for name in (one.subject, one.issuer)] == [
        "CN=LPSE lpse.kota.example",
        "CN=Otoritas Segel LPSE lpse.kota.example",
    ]
    usage = one.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert not usage.key_cert_sign
    assert not one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority(home).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    [secret] = (home / "seal").glob("*.pem")
    assert secret.read_text() not in "".join(file.read_text() for file in (home / "documents").iterdir())
    for file in (secret, *(home / "documents").glob("*.pem")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_authority_stands_in_the_root_of_trust(home: Path, tmp_path: Path) -> None:
    ceremony(tmp_path / "media", home, "lpse.kota.example", None)
    root = TrustRoot.parse((home / FILE).read_bytes())
    assert root.seals == (base64.encode(authority(home).public_bytes(Encoding.DER)),)


def test_an_installation_from_before_gets_its_seal_and_a_new_root(home: Path, tmp_path: Path) -> None:
    [*map(Path.unlink, (home / "seal").iterdir())]
    [*map(Path.unlink, (home / "documents").glob("documents-seal-*"))]
    first = ceremony(tmp_path / "media", home, "kota", None).root
    assert first.seals == ()
    assert main(["keys", "renew", "documents", "--keys", str(home)]) == 0
    second = ceremony(tmp_path / "media", home, "kota", None).root
    assert (second.version, len(second.seals)) == (2, 1)


def test_renewing_keeps_the_authority_and_its_place_in_the_root(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [old], before = certificates(home), seals.authorities(home)
    assert main(["keys", "renew", "documents", "--keys", str(home)]) == 0
    new = next(one for one in certificates(home) if one != old)
    new.verify_directly_issued_by(authority(home))
    assert seals.authorities(home) == before
    assert main(["keys", "list", "--keys", str(home)]) == 0
    listed = capsys.readouterr().out
    for one in seals.held(home):
        assert f"{one.id}  documents  {one.purpose}" in listed


def test_one_is_made_where_none_is_valid_and_only_there(home: Path) -> None:
    assert seals.ensure(home, "kota") is None
    [file] = (home / "documents").glob("documents-seal-*")
    file.unlink()
    ended = seals.renew(home, now=datetime.now(UTC) - timedelta(days=400))
    made = seals.ensure(home, "kota")
    assert made is not None
    assert made.id != ended.id


def test_a_certificate_ends_with_its_authority(home: Path) -> None:
    end = authority(home).not_valid_after_utc
    late = seals.renew(home, now=end - timedelta(days=1))
    assert late.until == end
    assert len(seals.authorities(home)) == 1
    seals.renew(home, now=end + timedelta(days=1))
    assert len(seals.authorities(home)) == 2, "the old one stays: what it sealed is checked by it"


def test_without_the_authoritys_key_nothing_is_renewed(home: Path) -> None:
    [secret] = (home / "seal").glob("*.pem")
    secret.unlink()
    with pytest.raises(Mistake, match="Bring the medium"):
        seals.renew(home)


def test_a_seal_is_retired_but_the_only_one_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = seals.held(home)[-1].id
    assert main(["keys", "retire", old, "--keys", str(home)]) == 1
    assert main(["keys", "renew", "documents", "--keys", str(home)]) == 0
    assert main(["keys", "retire", old, "--stolen", "--keys", str(home)]) == 1
    assert "ends with its authority" in capsys.readouterr().err
    assert main(["keys", "retire", old, "--keys", str(home)]) == 0
    assert old not in {one.id for one in seals.held(home)}
