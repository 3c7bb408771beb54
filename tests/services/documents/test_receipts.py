"""A receipt on paper: rendered for real, sealed, read back by programs of others, and refused where it is not to be believed."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from cli import seals
from integrity import receipts
from integrity.checkpoint import Checkpoint
from integrity.proof import Proof
from integrity.qr import Code
from services.documents.printing import page, seal
from services.documents.printing.press import Press
from services.documents.printing.signer import FileSigner
from tests.integrity.an_lpse import AnLpse, fields
from tests.services.documents.conftest import House, OpenHouse
from tests.services.documents.paper import certified, codes_on, text_of

LPSE = AnLpse()
DECISION: Mapping[str, str] = MappingProxyType(
    {"reason": "late", "closes_at": "2026-11-23T02:59:58.000Z", "article": "Pasal 78"}
)


def printed(file: bytes, lpse: AnLpse = LPSE) -> bytes:
    return page.render(file, receipts.verify(file, lpse.root), lpse.root, datetime.now(UTC))


def of_files(*names: str) -> bytes:
    files = [
        {"name": name, "size": 1_234_567, "md5": f"{no:032x}", "sha256": f"{no:064x}"} for no, name in enumerate(names)
    ]
    return LPSE.final(receipt=LPSE.receipt(files=files))


def groups(digest: str) -> str:
    return " ".join(digest[place : place + 4] for place in range(0, len(digest), 4))


# The page


def test_everything_stands_on_the_page(poppler: None) -> None:
    file = LPSE.final(receipt=LPSE.receipt(tender="TN-77", version=2))
    text = text_of(printed(file))
    proof = Proof.parse(fields(file)["proof"].encode())
    [one] = receipts.payload_of(fields(file)["receipt"])["files"]
    for wanted in (
        "Tanda Terima Penawaran", "LPSE uji", "PN-2345678923", "TN-77", "FINAL",
        "Senin, 23 November 2026 pukul 09.59.58,123 WIB", "2026-11-23T02:59:58.123Z",
        one["name"], "29 byte", groups(one["md5"]), groups(one["sha256"]), "Pasal 14 angka 4",
        "uji/log/1", "3 dari 6", "inspektorat", "lpse-a", "Senin, 23 November 2026 pukul 10.00.00,000 WIB",
        LPSE.root.fingerprint, "kt", "Halaman 1 dari 1",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert text.index(groups(one["md5"])) < text.index(groups(one["sha256"])), "MD5 is what the article names"
    assert "SEMENTARA" not in text
    assert groups(Checkpoint.parse(proof.note.text).root.hex()) in text


def test_what_was_refused_says_why_and_what_is_provisional_says_so(poppler: None) -> None:
    receipt = LPSE.receipt(of="rejection", decision=dict(DECISION))
    text = text_of(printed(receipts.build(receipt)))
    assert "Tanda Terima Penolakan" in text
    assert "Ditolak: persetujuan tiba setelah batas akhir" in text
    assert "pukul 09.59.58,000 WIB" in text
    assert "SEMENTARA" in text
    assert "FINAL" not in text


@pytest.mark.parametrize(("of", "owner"), [("registration", "registry"), ("complaint", "helpdesk")])
def test_every_kind_has_its_title(of: str, owner: str, poppler: None) -> None:
    titles = {"registration": "Tanda Terima Pendaftaran", "complaint": "Tanda Terima Pengaduan"}
    assert titles[of] in text_of(printed(receipts.build(LPSE.receipt(of=of, owner=owner, files=[]))))


def test_a_reason_newer_than_the_page_is_shown_as_it_is(poppler: None) -> None:
    receipt = LPSE.receipt(of="rejection", decision={"reason": "papers_missing"})
    assert "papers_missing" in text_of(printed(receipts.build(receipt)))


@pytest.mark.parametrize(
    "name",
    [
        "#let x = 1; #panic() $a$ \\ *b* _c_ `d` <e> @f // g",
        '"kutip" \'tunggal\' \\n \\" ${x} {{y}} ]]> --',
        '#sys.inputs.file #read("/etc/passwd") #image("a.svg")',
        "kata " * 40,
        "é à ñ ž Ω Ж — ‹…›",
    ],
)
def test_a_name_is_a_name_and_no_markup(name: str, poppler: None) -> None:
    assert name.replace(" ", "") in text_of(printed(of_files(name))).replace(" ", "").replace("\n", "")


def test_letters_of_other_scripts_and_those_that_no_font_has(poppler: None) -> None:
    text = text_of(printed(of_files("العقد.pdf", "😀 中.pdf", "menipu\u202egpj.exe")))
    assert "[U+1F600] [U+4E2D].pdf" in text
    assert "menipu[U+202E]gpj.exe" in text
    assert "U+0627" not in text, "Arabic is drawn"


def test_every_character_that_is_said_to_be_drawn_is(poppler: None) -> None:
    """PDF/A refuses one that the fonts lack."""
    every = [chr(code) for first, last in page.DRAWN for code in range(first, last + 1)]
    names = ["".join(every[place : place + 100]) for place in range(0, len(every), 100)]
    assert printed(of_files(*names)).startswith(b"%PDF-")


def test_a_long_name_is_broken_and_sixty_files_take_more_pages(poppler: None) -> None:
    text = text_of(printed(of_files("x" * 196 + ".pdf", *(f"lampiran {no}.pdf" for no in range(59)))))
    assert text.replace("\n", "").replace(" ", "").replace("\u200b", "").count("x" * 196 + ".pdf") == 1
    assert "lampiran 58.pdf" in text
    assert "60." in text
    assert "Halaman 7 dari" in text or "Halaman 6 dari 6" in text


def test_it_is_an_archives_pdf_with_the_receipt_inside() -> None:
    file = LPSE.final()
    pdf = printed(file)
    assert seal.attached(pdf) == file
    assert b"pdfaid:part>3<" in pdf
    assert b"pdfuaid:part>1<" in pdf
    assert b"/AFRelationship /Source" in pdf.replace(b"/AFRelationship/Source", b"/AFRelationship /Source")


# The code


@pytest.mark.parametrize("final", [True, False])
def test_a_reader_of_codes_reads_the_receipt(final: bool, poppler: None) -> None:
    lpse = AnLpse(name="lpse.mojokertokota.example")
    file = lpse.final() if final else lpse.provisional()
    [read] = codes_on(printed(file, lpse))
    code = Code.parse(read)
    assert code == Code.of(receipts.read(file))
    assert (code.host, code.index) == ("lpse.mojokertokota.example", 3 if final else None)
    assert len(read) < 272, "larger ones are hard to read from paper"


# The seal


@pytest.fixture
def home(tmp_path: Path) -> Path:
    seals.ensure(tmp_path, "lpse.uji.example")
    return tmp_path


def test_pdfsig_accepts_the_seal(home: Path, tmp_path: Path, poppler: None) -> None:
    [authority] = (home / "seal").glob("*.crt")
    said = certified(FileSigner(home / "documents").seal(printed(LPSE.final())), authority, tmp_path)
    assert "Signature is Valid" in said
    assert "Certificate is Trusted" in said
    assert "Total document signed" in said
    assert "Common Name: LPSE lpse.uji.example" in said


def test_pdfsig_does_not_trust_anothers_seal(home: Path, tmp_path: Path, poppler: None) -> None:
    seals.ensure(tmp_path / "other", "lain")
    [authority] = (tmp_path / "other" / "seal").glob("*.crt")
    said = certified(FileSigner(home / "documents").seal(printed(LPSE.final())), authority, tmp_path)
    assert "issuer isn't Trusted" in said


def test_the_newest_certificate_that_is_valid_seals(home: Path) -> None:
    newest = datetime.now(UTC).replace(microsecond=0)
    for since in (newest - timedelta(days=2), newest, newest - timedelta(days=1)):
        seals.renew(home, now=since)
    seals.renew(home, now=newest + timedelta(days=2))
    assert FileSigner(home / "documents")._newest(datetime.now(UTC)).certificate.not_valid_before_utc == newest


# Over HTTP


@pytest.fixture
async def office(open_house: OpenHouse, tmp_path: Path) -> House:
    file = tmp_path / "trust-root"
    file.write_bytes(LPSE.root_file())
    return await open_house(trust_root=file)


async def sent(house: House, file: bytes) -> Any:
    return await house.http.post("/receipts", content=file, headers={"Content-Type": "application/json"})


async def test_whoever_holds_a_receipt_prints_it(office: House) -> None:
    file = LPSE.final()
    answer = await sent(office, file)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    authorities = seals.authorities(office.key_home)
    assert (await asyncio.to_thread(seal.check, answer.content, authorities)).word == "seal"
    assert seal.attached(answer.content) == file
    assert await office.count("document") == await office.count("outbox") == 0


async def test_a_provisional_one_is_printed_as_such(office: House, poppler: None) -> None:
    answer = await sent(office, LPSE.provisional())
    assert "SEMENTARA" in text_of(answer.content)


@pytest.mark.parametrize(
    ("layer", "file"),
    [
        ("form", b'{"type":"receipt-file/v1"}'),
        ("signature", AnLpse(name="lain").final()),
        ("signature", LPSE.final().replace(b'"keyid":"kt"', b'"keyid":"kr"')),
        ("record", LPSE.final().replace(b"1331460540", b"1331460541")),
        ("entry", LPSE.final(logged="0" * 64)),
        ("witnesses", LPSE.final(seen_by=("lpse-a",))),
    ],
)
async def test_a_bad_one_is_not_printed(office: House, layer: str, file: bytes) -> None:
    answer = await sent(office, file)
    assert answer.status_code == 422
    told = answer.json()
    assert (told["code"], told["params"]["layer"]) == ("receipt_refused", layer)
    assert {check["state"] for check in told["checks"]} >= {"failed"}


async def test_without_a_root_of_trust_nothing_is_printed(house: House) -> None:
    answer = await sent(house, LPSE.final())
    assert (answer.status_code, answer.json()["code"]) == (409, "no_trust_root")


async def test_a_root_that_cannot_be_read_is_said(open_house: OpenHouse, tmp_path: Path) -> None:
    (tmp_path / "trust-root").write_text("not a root\n")
    for file in (tmp_path / "trust-root", tmp_path / "none"):
        answer = await sent(await open_house(trust_root=file), LPSE.final())
        assert (answer.status_code, answer.json()["code"]) == (503, "trust_root_unreadable")


async def test_without_a_certificate_there_is_no_seal(open_house: OpenHouse, office: House, tmp_path: Path) -> None:
    empty = tmp_path / "keys"
    empty.mkdir()
    trust_root = office.service.settings.trust_root
    answer = await sent(await open_house(trust_root=trust_root, keys=empty), LPSE.final())
    assert (answer.status_code, answer.json()["code"]) == (503, "no_seal")
    for file in (office.key_home / "documents").glob("documents-seal-*.pem"):
        shutil.copy(file, empty)
        (empty / file.name).chmod(0o644)
    answer = await sent(await open_house(trust_root=trust_root, keys=empty), LPSE.final())
    assert (answer.status_code, answer.json()["code"]) == (503, "seal_exposed")


async def test_too_many_at_once_are_asked_to_come_again(office: House) -> None:
    press: Press = office.service.resources["press"]
    press._room = 1
    first, second = await asyncio.gather(sent(office, LPSE.final()), sent(office, LPSE.final()))
    assert sorted((first.status_code, second.status_code)) == [200, 503]
    assert (await sent(office, LPSE.final())).status_code == 200, "the room is given back"
    assert (await sent(office, b"{}")).status_code == 422
    assert press._room == 1


def test_where_no_witness_is_wanted_none_is_said_to_have_seen_it(poppler: None) -> None:
    root = replace(LPSE.root, policy=LPSE.root.policy.replace("quorum both", "quorum none"))
    file = LPSE.final(seen_by=())
    said = text_of(page.render(file, receipts.verify(file, root), root, datetime.now(UTC)))
    assert "yang tidak menuntut saksi" in said
    assert "dilihat para saksi" not in said
