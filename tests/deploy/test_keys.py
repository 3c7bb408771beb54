"""The keys of a cluster are renewed and retired in the directory that `lpse keys create` made, then brought there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli import keyring
from cli.main import main
from kit.keys import KeyRing, SigningKey, UntrustedKey

SOON = timedelta(seconds=2)
"""A key counts from its second on, and what was signed within the second of its end stays verifiable."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    keyring.create(tmp_path / "keys")
    return tmp_path / "keys"


def kids(home: Path) -> set[str]:
    return {file.stem.rpartition("-")[2] for file in (home / "documents").glob("documents-statement-*.pem")}


def renewed(home: Path) -> tuple[str, str]:
    """The old one and the new one."""
    [old] = kids(home)
    assert main(["keys", "renew", "documents", "--keys", str(home)]) == 0
    [new] = kids(home) - {old}
    return old, new


def test_a_renewed_key_and_the_old_one_count_together(home: Path) -> None:
    """So that the public halves may arrive everywhere before the private one does."""
    ring = KeyRing(home / "jwks.json")
    for kid in renewed(home):
        assert ring.lookup(kid, "statement", datetime.now(UTC), owner="documents")


def test_what_a_retired_key_signed_is_still_believed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = renewed(home)
    assert main(["keys", "retire", old, "--keys", str(home)]) == 0
    assert SigningKey.load(home / "documents", "documents", "statement").kid == new
    ring = KeyRing(home / "jwks.json")
    assert ring.lookup(old, "statement", ring.find(old).not_before, owner="documents")
    with pytest.raises(UntrustedKey):
        ring.lookup(old, "statement", datetime.now(UTC) + SOON, owner="documents")
    assert main(["keys", "list", "--keys", str(home)]) == 0
    assert old in capsys.readouterr().out


def test_nothing_that_a_stolen_key_signed_is_believed(home: Path) -> None:
    old, _ = renewed(home)
    assert main(["keys", "retire", old, "--stolen", "--keys", str(home)]) == 0
    ring = KeyRing(home / "jwks.json")
    with pytest.raises(UntrustedKey):
        ring.lookup(old, "statement", ring.find(old).not_before, owner="documents")


def test_another_directory_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "renew", "documents", "--keys", str(tmp_path)]) == 1
    assert "holds no jwks.json" in capsys.readouterr().err
