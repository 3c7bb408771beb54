"""`lpse verify`: each change to a receipt is found by the layer whose matter it is, at any time and with no server (INTEGRITY 5.4, 24)."""

import dataclasses
import io
import json
import re
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers

from cli import seals
from cli.main import main
from integrity import receipts
from integrity.qr import Code
from integrity.trust import TrustRoot
from services.documents.printing import page
from services.documents.printing.signer import FileSigner
from tests.integrity.a_dossier import ADossier, listed, write
from tests.integrity.an_lpse import FILE, RECORD, AnLpse, _key, fields
from tests.services.documents.paper import certified, codes_on

LPSE = AnLpse(name="lpse.kota.example")
DOSSIER = ADossier()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys")
    seals.ensure(made, LPSE.name)
    return made


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        if threading.current_thread().name.startswith("Otel"):  # of an earlier test, still telling who does not listen
            raise OSError("there is no network here")
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def root_of(home: Path) -> TrustRoot:
    return dataclasses.replace(LPSE.root, seals=seals.authorities(home))


def signed(root: TrustRoot) -> bytes:
    offices = {f"{LPSE.name}/root-{no}": _key(f"{LPSE.name} root {no}") for no in (1, 2)}
    return str(root.signed(offices)).encode()


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    (tmp_path / "trust-root").write_bytes(signed(root_of(home)))
    return tmp_path


def rendered(file: bytes) -> bytes:
    return page.render(file, receipts.verify(file, LPSE.root), LPSE.root, datetime.now(UTC))


@pytest.fixture(scope="module")
def sealed(home: Path) -> bytes:
    return FileSigner(home / "documents").seal(rendered(LPSE.final()))


Said = tuple[int, dict[str, Any]]
Ask = Callable[..., Said]


@pytest.fixture
def ask(folder: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def asked(data: bytes, *more: str, name: str = "tanda-terima.pdf") -> Said:
        (folder / name).write_bytes(data)
        code = main(["verify", str(folder / name), "--json", "--var", str(folder / "var"), *more])
        return code, json.loads(capsys.readouterr().out)

    return asked


def wrong(said: dict[str, Any]) -> dict[str, str]:
    return {check["layer"]: check["word"] for check in said["checks"] if check["state"] == "failed"}


# What holds


def test_a_sealed_receipt_holds_in_every_layer(ask: Ask, sealed: bytes, home: Path) -> None:
    code, said = ask(sealed)
    assert (code, said["verdict"], wrong(said)) == (0, "good", {})
    assert [check["layer"] for check in said["checks"]] == [
        "seal", "signature", "record", "entry", "checkpoint", "witnesses", "witnesses", "inclusion",
    ]  # fmt: skip
    assert said["trust_root"]["fingerprint"] == root_of(home).fingerprint
    assert said["receipt"]["code"] == "PN-2345678923"


def test_it_is_said_in_both_languages(folder: Path, sealed: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.pdf").write_bytes(sealed)
    assert main(["verify", str(folder / "a.pdf")]) == 0
    said = capsys.readouterr().out
    assert "Penawaran PN-2345678923 untuk tender - diterima pada Sen, 23 Nov 2026, 09.59.58,123 WIB." in said
    assert re.search(r"Segel PDF +benar +Disegel LPSE lpse\.kota\.example dan tidak diubah sesudahnya\.", said)
    assert "Semuanya benar" in said
    assert root_of(folder).fingerprint not in said, "of other seals"
    assert main(["verify", str(folder / "a.pdf"), "--lang", "en"]) == 0
    assert "All of it holds" in capsys.readouterr().out


def test_the_file_itself_a_provisional_one_and_originals(ask: Ask, folder: Path) -> None:
    assert ask(LPSE.final(), name="a.json")[0] == 0
    code, said = ask(LPSE.provisional(), name="a.json")
    assert (code, said["verdict"]) == (3, "partly")
    (folder / "mine").write_bytes(FILE)
    (folder / "other").write_bytes(FILE + b"!")
    assert ask(LPSE.final(), "--original", str(folder / "mine"), name="a.json")[0] == 0
    code, said = ask(
        LPSE.final(), "--original", str(folder / "mine"), "--original", str(folder / "other"), name="a.json"
    )
    assert (code, wrong(said)) == (1, {"original": "original_wrong"})


def test_a_record_that_the_receipt_leaves_out(ask: Ask, folder: Path) -> None:
    (folder / "record").write_text(RECORD)
    (folder / "false").write_text('{"type":"another"}')
    without = LPSE.final(shown=False)
    assert "record" in {check["layer"] for check in ask(without, "--record", str(folder / "record"))[1]["checks"]}
    for file in (without, LPSE.final()):
        code, said = ask(file, "--record", str(folder / "false"), name="a.json")
        assert (code, wrong(said)) == (1, {"record": "record_wrong"})


# Case 24: one digit changed


def streams(pdf: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where the packed ones begin, how long they are, and what is in them."""
    for found in re.finditer(rb"stream\r?\n(?=x)", pdf):
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(pdf[found.end() :])
        yield found.end(), len(pdf) - found.end() - len(unpacking.unused_data), content


def rewritten(pdf: bytes, changed: Callable[[bytes], bytes]) -> bytes:
    """The first stream that `changed` changes, in its place and with its length: nothing else of the file moves."""
    for begin, length, content in streams(pdf):
        new = changed(content)
        if new != content:
            packed = next(one for level in (9, 6, 1) if len(one := zlib.compress(new, level)) <= length)
            return pdf[:begin] + packed.ljust(length, b"\0") + pdf[begin + length :]
    pytest.fail("nothing was changed")


def one_digit_of_the_text(content: bytes) -> bytes:
    """The glyphs of a page's text: the last operator that shows some, one glyph exchanged."""
    if b" Tf" not in content or b"BT" not in content:
        return content
    shown = [*re.finditer(rb"\[<([0-9a-f]{4,})>\]? ?TJ|<([0-9a-f]{4,})>|\(([^()\\]{2,})\)", content)]
    return content if not shown else _exchanged(content, shown[-1])


def _exchanged(content: bytes, found: "re.Match[bytes]") -> bytes:
    at = found.end() - 6
    return content[:at] + (b"1" if content[at : at + 1] != b"1" else b"2") + content[at + 1 :]


def one_digit_of_the_attachment(content: bytes) -> bytes:
    if b"receipt-file/v1" not in content:
        return content
    at = content.index(b'"payload":"') + 60
    return content[:at] + (b"A" if content[at : at + 1] != b"A" else b"B") + content[at + 1 :]


def test_one_digit_of_the_text(ask: Ask, sealed: bytes) -> None:
    code, said = ask(rewritten(sealed, one_digit_of_the_text))
    assert (code, wrong(said)) == (1, {"seal": "seal_wrong"})


def test_one_digit_of_the_attachment(ask: Ask, sealed: bytes) -> None:
    """The seal notices, and so does the receipt's own signature: an attachment taken out of its PDF is no safer."""
    changed = rewritten(sealed, one_digit_of_the_attachment)
    code, said = ask(changed)
    assert code == 1
    assert wrong(said).keys() >= {"seal"}
    assert wrong(said).keys() & {"signature", "form"}


def test_one_digit_of_the_file(ask: Ask) -> None:
    said = json.loads(LPSE.final())
    for at in range(40, 600, 61):
        payload = said["receipt"]["payload"]
        other = payload[:at] + ("A" if payload[at] != "A" else "B") + payload[at + 1 :]
        file = receipts.build({**said["receipt"], "payload": other})
        code, found = ask(file, name="a.json")
        assert code == 1
        assert wrong(found).keys() <= {"signature", "form"}


@pytest.mark.parametrize(("part", "layer"), [("index 3", "inclusion"), ("1331460540", "record")])
def test_one_letter_of_what_goes_with_it(ask: Ask, part: str, layer: str) -> None:
    file = LPSE.final()
    other = {"index 3": "index 2", "1331460540": "1331460541"}[part]
    code, said = ask(file.replace(part.encode(), other.encode()), name="a.json")
    assert (code, wrong(said).keys()) == (1, {layer})


def test_one_digit_of_the_code(ask: Ask, sealed: bytes, poppler: None) -> None:
    """A page with the code of another receipt: the seal notices, and whoever compares the code with the receipt."""
    file = LPSE.final()
    other = LPSE.final(receipt=LPSE.receipt(code="PN-2345678924"))
    swapped = rendered(other)
    [read] = codes_on(swapped)
    assert Code.parse(read) != Code.of(receipts.read(file))
    assert Code.parse(read) == Code.of(receipts.read(other))
    changed = rewritten(sealed, _one_square)
    assert (ask(changed)[0], wrong(ask(changed)[1])) == (1, {"seal": "seal_wrong"})


def _one_square(content: bytes) -> bytes:
    """A move of the code's drawing, where a page draws hundreds of squares."""
    drawn = [*re.finditer(rb"\b\d+(\.\d+)? \d+(\.\d+)? l\b", content)]
    if len(drawn) < 500:
        return content
    at = drawn[250].start()
    return content[:at] + (b"1" if content[at : at + 1] != b"1" else b"2") + content[at + 1 :]


# Seals that are none


def test_a_pdf_without_a_seal(ask: Ask) -> None:
    code, said = ask(rendered(LPSE.final()))
    assert (code, wrong(said)) == (1, {"seal": "seal_none"})


def test_a_seal_of_another_authority_with_the_same_name(ask: Ask, tmp_path: Path) -> None:
    seals.ensure(tmp_path / "lain", LPSE.name)
    code, said = ask(FileSigner(tmp_path / "lain" / "documents").seal(rendered(LPSE.final())))
    assert (code, wrong(said)) == (1, {"seal": "seal_unknown"})


def test_what_was_added_after_the_seal(ask: Ask, sealed: bytes) -> None:
    assert wrong(ask(sealed + b"\n% a note\n")[1]) == {"seal": "seal_wrong"}
    writer, out = IncrementalPdfFileWriter(io.BytesIO(sealed)), io.BytesIO()
    writer.update_root()
    writer.write(out)
    assert out.getvalue().startswith(sealed)
    code, said = ask(out.getvalue())
    assert (code, wrong(said)) == (1, {"seal": "seal_wrong"})


def test_two_seals_are_one_too_many(ask: Ask, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second covers all of the file, and the first what it was before: which of both is the page?"""
    metadata = signers.PdfSignatureMetadata
    twice = rendered(LPSE.final())
    for field in ("Segel", "Segel2"):
        monkeypatch.setattr(
            signers,
            "PdfSignatureMetadata",
            lambda field=field, **more: metadata(**{**more, "field_name": field, "certify": False}),
        )
        twice = FileSigner(home / "documents").seal(twice)
    assert len(PdfFileReader(io.BytesIO(twice)).embedded_signatures) == 2
    assert wrong(ask(twice)[1]) == {"seal": "seal_wrong"}


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\nstartxref\n0\n%%EOF", b"", b"PK", b"{}", b"\xff\xfe"])
def test_what_is_no_receipt_at_all(ask: Ask, data: bytes) -> None:
    code, said = ask(data)
    assert code == 1
    assert wrong(said)["form"] == "no_receipt"


@pytest.mark.parametrize("seed", range(12))
def test_a_broken_pdf_is_no_accident(ask: Ask, sealed: bytes, seed: int) -> None:
    broken = bytearray(sealed)
    for at in range(100 + seed * 97, len(broken), 1201):
        broken[at] ^= 1 + seed
    code, said = ask(bytes(broken))
    assert (code, wrong(said)["seal"]) in {(1, "seal_wrong"), (1, "seal_none")}


# Time


def test_it_holds_when_the_seals_certificate_and_five_years_are_over(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poppler: None
) -> None:
    """The certificate ends before anybody checks; then the clocks of all that checks go on by five years."""
    short = tmp_path / "short"
    seals.renew(short, LPSE.name, valid=timedelta(seconds=4))
    pdf = FileSigner(short / "documents").seal(rendered(LPSE.final()))
    [end] = [one.until for one in seals.held(short) if one.purpose == "seal"]
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 1)
    (tmp_path / "trust-root").write_bytes(signed(root_of(short)))
    assert ask(pdf)[0] == 0
    later = time.time() + 5 * 366 * 86400

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(later, tz)

    for name, module in list(sys.modules.items()):
        held = getattr(module, "datetime", None)
        if name.startswith(("pyhanko", "integrity", "cli.", "services.documents")) and held is datetime:
            monkeypatch.setattr(module, "datetime", Later)
    monkeypatch.setattr(time, "time", lambda: later)
    code, said = ask(pdf)
    assert (code, wrong(said)) == (0, {})
    [authority] = (short / "seal").glob("*.crt")
    assert "Certificate has Expired" in certified(pdf, authority, tmp_path), "which this machine's own reader says"


def test_a_seal_from_before_or_after_its_certificate_is_none(ask: Ask, tmp_path: Path) -> None:
    """What counts is the instant of sealing: then the certificate must be valid."""
    ended = tmp_path / "ended"
    seals.renew(ended, LPSE.name, now=datetime.now(UTC) - timedelta(days=400))
    signer = FileSigner(ended / "documents")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.documents.printing.signer._Seal.valid", lambda *_: True)
        pdf = signer.seal(rendered(LPSE.final()))
    (tmp_path / "trust-root").write_bytes(signed(root_of(ended)))
    code, said = ask(pdf)
    assert (code, wrong(said)) == (1, {"seal": "seal_unknown"})


# Whom to believe, and what cannot be read


def test_the_root_of_trust_is_looked_for_beside_above_and_in_the_installation(
    folder: Path, sealed: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    deep, deeper = folder / "a" / "b", folder / "a" / "b" / "c"
    deeper.mkdir(parents=True)
    for place in (deep, deeper):
        (place / "t.pdf").write_bytes(sealed)
    var = folder / "var"
    assert main(["verify", str(deep / "t.pdf"), "--var", str(var)]) == 0
    assert main(["verify", str(deeper / "t.pdf"), "--var", str(var)]) == 2
    assert "--trust-root" in capsys.readouterr().err
    (var / "keys").mkdir(parents=True)
    (var / "keys" / "trust-root").write_bytes((folder / "trust-root").read_bytes())
    assert main(["verify", str(deeper / "t.pdf"), "--var", str(var)]) == 0
    assert main(["verify", str(deeper / "t.pdf"), "--trust-root", str(folder / "trust-root")]) == 0


def test_another_lpses_root_believes_nothing_of_it(ask: Ask, folder: Path, sealed: bytes) -> None:
    (folder / "lain").write_bytes(AnLpse(name="lain").root_file())
    code, said = ask(sealed, "--trust-root", str(folder / "lain"))
    assert code == 1
    assert wrong(said).keys() >= {"seal", "signature"}


@pytest.mark.parametrize("missing", ["file", "--original", "--record", "--trust-root"])
def test_a_file_that_cannot_be_read_is_a_mistake_and_no_verdict(
    folder: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.json").write_bytes(LPSE.final())
    none = str(folder / "none")
    more = [missing, none] if missing != "file" else []
    assert main(["verify", none if missing == "file" else str(folder / "a.json"), *more]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_false_root_is_a_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.json").write_bytes(LPSE.final())
    (folder / "trust-root").write_bytes(
        (folder / "trust-root").read_bytes().replace(b'"threshold":2', b'"threshold":3')
    )
    assert main(["verify", str(folder / "a.json")]) == 2
    assert "no root of trust" in capsys.readouterr().err


def test_what_a_receipt_says_moves_no_cursor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.json").write_bytes(receipts.build(LPSE.receipt(code="PN\x1b[2J\u202e")))
    assert main(["verify", str(folder / "a.json")]) == 3
    said = capsys.readouterr().out
    assert "PN\\u001b[2J\\u202e" in said


def test_what_a_false_receipt_says_is_not_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    false = fields(receipts.build(LPSE.receipt(code="PN-PALSU")))
    false["receipt"]["signatures"][0]["keyid"] = "kr"
    (folder / "a.json").write_bytes(receipts.build(false["receipt"]))
    assert main(["verify", str(folder / "a.json")]) == 1
    said = capsys.readouterr().out
    assert "PN-PALSU" not in said
    assert "kr" in said


def test_a_dossier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The archive of a tender as an auditor fetched it, sound and with one part of it changed."""
    (tmp_path / "trust-root").write_bytes(DOSSIER.lpse.root_file())
    parts = DOSSIER.parts()
    file = write(tmp_path / "berkas.zip", parts)
    assert main(["verify", str(file)]) == 0
    said = capsys.readouterr().out
    assert "Berkas pemeriksaan tender 10080001001" in said
    assert "berkas pemeriksaan ini lengkap" in said
    name = next(name for name in parts if name.startswith("files/"))
    write(file, {**parts, name: parts[name] + b" "}, listed(parts))
    assert main(["verify", str(file), "--lang", "en"]) == 1
    said = capsys.readouterr().out
    assert name in said
    assert "must NOT be believed" in said
    assert main(["verify", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "bad"


def test_a_pdf_with_an_archive_behind_it_is_a_pdf(ask: Ask, sealed: bytes, tmp_path: Path) -> None:
    archive = write(tmp_path / "d.zip", DOSSIER.parts()).read_bytes()
    code, said = ask(sealed + archive, name="a.pdf")
    assert (code, wrong(said)["seal"]) == (1, "seal_wrong")
