"""From an empty machine to an installation whose words can be checked, and in which one person can log in."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from cli import accounts, databases
from cli.ceremony import FILE, ceremony
from cli.main import main
from cli.mistakes import Mistake
from integrity.policy import Policy
from integrity.trust import TrustRoot
from kit.db import Database
from services.registry.models import Account, Assignment
from tests.conftest import MakeDatabase

ORDER = ["keys", "ceremony"]
ANSWERS = """\
sari
Sari Contoh
sari@lpse.kota.example
800/12/2026
Wali Kota
2026-01-01T00:00:00+07:00
2027-01-01T00:00:00+07:00
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert main(["keys", "create", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys"


def test_three_offices_and_two_that_sign(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    order = [*ORDER, str(tmp_path / "media"), "--keys", str(home), "--instance", "lpse.kota.example"]
    assert main(order) == 0
    printed = capsys.readouterr().out
    root = TrustRoot.parse((home / FILE).read_bytes())
    assert root.fingerprint in printed
    assert (root.version, root.threshold, len(root.roots)) == (1, 2, 3)
    assert [key.name for key in root.known()] == [f"lpse.kota.example/root-{number}" for number in (1, 2, 3)]
    policy = Policy.parse(root.policy.encode())
    assert [key.name for key in policy.logs] == ["lpse.kota.example/log/1"]
    listed = json.loads((home / "jwks.json").read_bytes())["keys"]
    assert {key.kid for key in root.receipts} == {key["kid"] for key in listed if key["lpse_purpose"] == "receipt"}
    for file in (tmp_path / "media").glob("*/root.pem"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main(order) == 0
    assert "nothing has changed" in capsys.readouterr().out


def test_the_next_version_wants_two_media(home: Path, tmp_path: Path) -> None:
    media = tmp_path / "media"
    first = ceremony(media, home, "kota", None).root
    assert main(["keys", "renew", "tender", "--keys", str(home)]) == 0
    shutil.move(media / "root-1", tmp_path / "safe-1")
    second = ceremony(media, home, "kota", None)
    assert second.signers == ("kota/root-2", "kota/root-3")
    assert TrustRoot.succeeding(first, (home / FILE).read_bytes()) == second.root
    assert len(second.root.receipts) == len(first.receipts) + 1
    shutil.move(media / "root-2", tmp_path / "safe-2")
    assert main(["keys", "renew", "tender", "--keys", str(home)]) == 0
    with pytest.raises(Mistake, match="Bring another medium"):
        ceremony(media, home, "kota", None)
    assert TrustRoot.parse((home / FILE).read_bytes()) == second.root


def test_others_roots_sign_nothing(home: Path, tmp_path: Path) -> None:
    ceremony(tmp_path / "media", home, "kota", None)
    other = tmp_path / "other"
    assert main(["keys", "create", str(other)]) == 0
    ceremony(tmp_path / "others", other, "kota", None)
    assert main(["keys", "renew", "tender", "--keys", str(home)]) == 0
    before = (home / FILE).read_bytes()
    with pytest.raises(Mistake, match="not those of the offices"):
        ceremony(tmp_path / "others", home, "kota", None)
    assert (home / FILE).read_bytes() == before
    with pytest.raises(Mistake, match="of kota, not of lain"):
        ceremony(tmp_path / "media", home, "lain", None)


def test_what_no_ceremony_begins_with(home: Path, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="holds no jwks"):
        ceremony(tmp_path / "media", tmp_path / "nowhere", "kota", None)
    (tmp_path / "policy").write_text("witness a b\nquorum a\n")
    with pytest.raises(Mistake, match="No root of trust"):
        ceremony(tmp_path / "media", home, "kota", tmp_path / "policy")
    with pytest.raises(Mistake, match="cannot be read"):
        ceremony(tmp_path / "media", home, "kota", tmp_path / "none")
    assert not (tmp_path / "media").exists()
    ceremony(tmp_path / "media", home, "kota", None)
    (home / FILE).unlink()
    with pytest.raises(Mistake, match="there already"):
        ceremony(tmp_path / "media", home, "kota", None)


async def test_the_first_official_is_brought_in_once(
    home: Path, tmp_path: Path, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pejabat.json"
    said = dict(
        zip(
            ("user_id", "name", "email", "letter_number", "issuer", "valid_from", "valid_to"),
            ANSWERS.split("\n"),
            strict=False,
        )
    )
    accounts.draft_first(file, said)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    address = await make_database("registry")
    environment = {"LPSE_DATABASE": address, "LPSE_FIRST_OFFICIAL": str(file), "LPSE_PROFILE": "production"}
    await databases.seed("registry", environment)
    database = Database(address, pool=2)
    async with database.reading() as db:
        [(user, role)] = (
            await db.execute(
                select(Account.user_id, Assignment.role).join(Assignment, Assignment.account == Account.id)
            )
        ).all()
    await database.close()
    assert (user, role) == ("sari", "admin_ppe")
    with pytest.raises(Mistake, match="has officials already"):
        await databases.seed("registry", environment)
    with pytest.raises(Mistake, match="LPSE_FIRST_OFFICIAL"):
        await databases.seed("registry", {"LPSE_DATABASE": address})


def test_he_is_asked_for(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(ANSWERS))
    file = tmp_path / "pejabat.json"
    order = [*ORDER, str(tmp_path / "media"), "--keys", str(home), "--instance", "kota", "--official", str(file)]
    assert main(order) == 0
    told = json.loads(file.read_bytes())
    assert (told["user_id"], told["issuer"]) == ("sari", "Wali Kota")
    assert len(told["password"]) >= 20


def test_half_an_answer_makes_no_official(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="email"):
        accounts.draft_first(tmp_path / "a.json", {"user_id": "sari", "name": "Sari", "email": "nowhere"})
    assert not (tmp_path / "a.json").exists()
