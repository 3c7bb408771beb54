"""Mandates and dossiers through the portal, as the five services have them; what comes out is checked without them."""

import hashlib
import io
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from cli.ceremony import receipt_keys
from integrity import dossier
from integrity.canonical import parse
from integrity.dossier import verify
from integrity.note import Key
from integrity.trust import TrustRoot
from services.audit.log.signing import signer_of
from services.audit.log.witnesses import policy_text
from services.tender.commands import dossiers
from tests.access.world import PDF, World
from tests.gateway.test_staff_flows import refused, see, send, went

TERM = [("valid_from", "2026-01-01T00:00"), ("valid_to", "2035-12-31T00:00")]


def root_of(world: World) -> tuple[TrustRoot, bytes]:
    """What a ceremony would make of this LPSE's keys."""
    offices = {f"uji/root-{no}": Ed25519PrivateKey.generate() for no in (1, 2)}
    root = TrustRoot(
        instance="uji",
        version=1,
        roots=tuple(str(Key(name, key.public_key().public_bytes_raw())) for name, key in offices.items()),
        threshold=2,
        policy=policy_text(signer_of(world.services["audit"]), None),
        receipts=receipt_keys(world.services["tender"].ring),
    )
    return root, str(root.signed(offices)).encode()


async def fetch(world: World, who: str, code: str) -> httpx2.Response:
    return await send(world, who, f"/pemeriksaan/{code}")


async def accesses(world: World, kind: str) -> list[tuple[str, str]]:
    """What every service told of, in the order of the services."""
    told: list[tuple[str, str]] = []
    for name in ("tender", "audit", "documents"):
        query = text("select type, data::json ->> 'what' as what from outbox where type like :type order by position")
        async with world.services[name].database.reading() as db:
            told += [(row.type, row.what) for row in await db.execute(query, {"type": f"%.{kind}.v1"})]
    return told


async def test_an_inspektur_sends_an_auditor_and_calls_him_back(world: World) -> None:
    code, auditor = world.records["code done"], str(world.people["auditor"].account)
    typed = [("account", auditor), ("number", "700/77/2026"), ("tenders", f"{code}, {code}"), *TERM]
    assert went(await send(world, "inspektur", "/mandat", *typed)) == ("/mandat", "mandate_granted")
    await world.carry()
    page = await see(world, "ketua_lpse", "/mandat")
    assert "700/77/2026" in page.words
    desk = await see(world, "auditor", "/pemeriksaan")
    assert "700/77/2026" in desk.words
    assert f"/pemeriksaan/{code}" in {one.get("href") for one in desk.all("a")}
    assert (await see(world, "auditor", f"/pemeriksaan/{code}")).all("form")
    mandates = [str(one["value"]) for one in page.all("input") if one.get("name") == "mandate"]
    ended = await send(world, "inspektur", "/mandat", ("_do", "end"), ("mandate", mandates[0]))
    assert went(ended) == ("/mandat", "mandate_ended")
    await world.carry()
    answer = await fetch(world, "auditor", code)
    assert answer.status_code == 403
    assert "Mandat Anda untuk tender" in answer.text


async def test_what_is_wrong_with_a_mandate_is_said_on_its_page(world: World) -> None:
    typed = [("account", str(world.people["auditor"].account)), ("number", "700/1"), *TERM]
    page = refused(await send(world, "inspektur", "/mandat", *typed))
    assert "Kode tender" in page.words
    unknown = await send(world, "inspektur", "/mandat", *typed, ("tenders", "10089999001"))
    assert (unknown.status_code, "Tidak ada tender" in unknown.text) == (404, True)


async def test_a_dossier_from_the_five_services_to_the_verifier(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, published = root_of(world)
    (tmp_path / "root").write_bytes(published)
    audit = world.services["audit"]
    monkeypatch.setattr(audit, "settings", audit.settings.model_copy(update={"trust_root": tmp_path / "root"}))
    await world.carry()
    before = {kind: len(await accesses(world, kind)) for kind in ("access.granted", "document.accessed")}
    answer = await fetch(world, "auditor-sent", world.records["code done"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert world.records["code done"] in answer.headers["content-disposition"]
    path = tmp_path / "dossier.zip"
    path.write_bytes(answer.content)
    report = verify(path, root)
    assert [check for check in report.checks if check.state != "ok"] == []
    fine = {check.word: check.places for check in report.checks}
    assert fine["dossier_receipts"]["count"] == fine["dossier_manifest"]["count"] == "3"
    with ZipFile(io.BytesIO(answer.content)) as archive:
        facts = dossier.facts_of(parse(archive.read("facts.json")))
        files = {file["id"]: file for file in facts["files"]}
        of = [file["of"] for file in files.values()]
        assert (of.count("bid_file"), of.count("tender_document"), of.count("objection_answer")) == (3, 1, 1)
        bid = archive.read(f"files/{world.records['bid-file opened']}")
        assert bid == PDF + b"bidder"
        assert hashlib.sha256(bid).hexdigest() == files[world.records["bid-file opened"]]["sha256"]
        kinds = {
            parse(archive.read(name))["opening"]["kind"]
            for name in archive.namelist()
            if name[-5:] == ".json" and name[:4] == "log/"
        }
    assert {
        "tender.announced",
        "bid.submitted",
        "tender.closed",
        "tender.opened",
        "bid.opened",
        "winner.announced",
    } <= kinds
    told = (await accesses(world, "access.granted"))[before["access.granted"] :]
    read = [what for _, what in await accesses(world, "access.granted")]
    assert len(told) >= 1 + 3 + 5 + 2
    assert {"tender", "bid", "file", "entries"} <= set(read)
    assert len(await accesses(world, "document.accessed")) == before["document.accessed"] + 5


@pytest.mark.parametrize(
    ("who", "record", "status", "code"),
    [
        ("auditor", "code running", 403, "outside_mandate"),
        ("auditor-sent", "code running", 409, "bids_sealed"),
        ("inspektur", "code done", 403, "role_required"),
    ],
)
async def test_nobody_else_gets_a_dossier(world: World, who: str, record: str, status: int, code: str) -> None:
    before = len(await accesses(world, "access.denied"))
    secret = await world.open_session(world.people[who])
    answer = await fetch(world, who, world.records[record])
    assert answer.status_code == status
    headers: dict[str, Any] = {"authorization": f"Bearer {secret}"}
    path = f"/api/tender/dossiers/{world.records[record]}"
    assert (await world.ask(None, "gateway", "GET", path, **headers)).json()["code"] == code
    assert len(await accesses(world, "access.denied")) - before == (0 if code == "role_required" else 2)


async def test_a_form_of_another_session_fetches_nothing(world: World) -> None:
    secret = await world.open_session(world.people["auditor-sent"])
    headers = {"authorization": f"Bearer {secret}", "content_type": "application/x-www-form-urlencoded"}
    path = f"/pemeriksaan/{world.records['code done']}"
    answer = await world.ask(None, "gateway", "POST", path, b"_token=" + b"0" * 32, **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "form_outdated")


async def test_what_breaks_on_the_way_breaks_the_archive(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes what came for whole."""

    async def away(*_: Any) -> Any:
        raise RuntimeError("gone")

    async def whole() -> None:
        answer = await fetch(world, "auditor-sent", world.records["code done"])
        ZipFile(io.BytesIO(answer.content))

    monkeypatch.setattr(dossiers.queries, "file", away)
    with pytest.raises((BadZipFile, RuntimeError)):
        await whole()
