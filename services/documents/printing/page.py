"""The page itself: what a receipt that was checked says, set by Typst as PDF/A-3 with the receipt's file inside.

Whatever a bidder wrote reaches the template as data and never as markup.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import segno
import typst
from babel.dates import format_datetime

from integrity.checkpoint import Checkpoint
from integrity.proof import Proof
from integrity.qr import Code
from integrity.receipts import Report, read
from integrity.trust import TrustRoot
from kit.clock import WIB

__all__ = ["ATTACHMENT", "DRAWN", "drawable", "render", "wib"]

ATTACHMENT: Final = "receipt.json"
TEMPLATE: Final = Path(__file__).with_name("receipt.typ")
LONGEST_WORD: Final = 40

DRAWN: Final = (
    (0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x1C3), (0x1CD, 0x1E3), (0x1F8, 0x21B), (0x250, 0x2B8),  # Latin
    (0x300, 0x341), (0x38E, 0x3A1), (0x3A3, 0x3CE), (0x400, 0x45F), (0x490, 0x49B),  # accents, Greek, Cyrillic
    (0x5D0, 0x5EA), (0x621, 0x63A), (0x640, 0x655), (0x660, 0x66D),  # Hebrew, Arabic
    (0x1E00, 0x1E99), (0x1EA0, 0x1EF9), (0x2010, 0x2022), (0x2026, 0x2026), (0x2030, 0x2030), (0x2039, 0x203A),
    (0x2074, 0x208E), (0x20A0, 0x20B5), (0x2153, 0x215E), (0x2190, 0x2193), (0x2200, 0x220D), (0x2500, 0x257F),
)  # fmt: skip
"""What Typst's own fonts can draw: the page must look the same wherever it is made, and PDF/A allows no empty boxes."""

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "in_time": ("Diterima tepat waktu", "Received in time"),
    "late": ("Ditolak: persetujuan tiba setelah batas akhir", "Refused: the consent came after the deadline"),
    "closed_too_early": (
        "Persetujuan tiba tepat waktu, tetapi tender sudah tertutup karena kesalahan kami",
        "The consent came in time, but the tender was closed already by a fault of ours",
    ),
    "fingerprints_differ": (
        "Ditolak: berkas yang diterima lain dari yang dikirim",
        "Refused: what was received is not what was sent",
    ),
    "deficiencies": ("Ditolak: persyaratan belum lengkap", "Refused: the requirements are not met"),
}


def render(file: bytes, report: Report, root: TrustRoot, at: datetime) -> bytes:
    """`report` is what `receipts.verify` found of this file by this root, and says that it is not bad."""
    inputs = {
        "page": json.dumps(_page(read(file), report, root)),
        "file": file.decode(),
        "qr": _qr(str(Code.of(read(file)))),
    }
    compiler = typst.Compiler(TEMPLATE, root=TEMPLATE.parent, font_paths=_fonts(), ignore_system_fonts=True)
    made = compiler.compile(
        format="pdf", sys_inputs=inputs, pdf_standards=["a-3a", "ua-1"], timestamp=int(at.timestamp())
    )
    if not isinstance(made, bytes):
        raise TypeError("Typst made no single PDF")
    return made


def wib(instant: str) -> str:
    """`Senin, 23 November 2026 pukul 09.59.58,123 WIB`"""
    at = datetime.fromisoformat(instant).astimezone(WIB)
    return format_datetime(at, "EEEE, d MMMM y 'pukul' HH.mm.ss,SSS 'WIB'", tzinfo=WIB, locale="id")


def drawable(text: str) -> str:
    """The same text with the numbers of the characters that the fonts lack, and places to break a word that is too long."""
    return "".join(_broken("".join(_drawn(char) for char in text)))


def _drawn(char: str) -> str:
    code = ord(char)
    return char if any(first <= code <= last for first, last in DRAWN) else f"[U+{code:04X}]"


def _broken(text: str) -> Iterator[str]:
    """With a space of no width where a word has gone on for too long. Letters that join are left joined."""
    run = 0
    for char in text:
        run = 0 if char == " " else run + 1
        yield char
        if run and run % LONGEST_WORD == 0 and char.isascii():
            yield "\u200b"


@cache
def _fonts() -> typst.Fonts:
    """Typst's own: nothing is looked for on this machine."""
    return typst.Fonts(include_system_fonts=False)


def _qr(text: str) -> str:
    out = BytesIO()
    segno.make(text, error="l", micro=False).save(out, kind="svg", border=4, xmldecl=False)
    return out.getvalue().decode()


def _page(file: Mapping[str, Any], report: Report, root: TrustRoot) -> dict[str, Any]:
    said = report.receipt or {}
    known = {
        "of": said["of"],
        "host": said["host"],
        "final": report.verdict == "good",
        "facts": {name: str(said[name]) for name in ("code", "tender", "version", "id") if name in said},
        "received": wib(said["received_at"]),
        "received_utc": _utc(said["received_at"]),
        "files": [_file(one) for one in said["files"]],
        "record_sha256": _fours(said["record_sha256"]),
        "decision": _decision(said.get("decision")),
        "log": _log(file.get("proof")),
        "witnesses": [
            {"name": check.places["name"], "at": wib(check.places["at"])}
            for check in report.checks
            if check.word == "witness"
        ],
        "kid": file["receipt"]["signatures"][0]["keyid"],
        "fingerprint": root.fingerprint,
    }
    shown: dict[str, Any] = _all_drawable(known)
    return shown


def _all_drawable(value: Any) -> Any:
    if isinstance(value, str):
        return drawable(value)
    if isinstance(value, dict):
        return {name: _all_drawable(one) for name, one in value.items()}
    return [_all_drawable(one) for one in value] if isinstance(value, list) else value


def _file(file: Mapping[str, Any]) -> dict[str, str]:
    size = file.get("size")
    return {
        "name": file["name"],
        "size": f"{size:,}".replace(",", ".") if isinstance(size, int) else "-",
        "md5": _fours(file["md5"]),
        "sha256": _fours(file["sha256"]),
    }


def _decision(decision: Any) -> dict[str, str] | None:
    """`reason` is a code; one that is newer than this page is shown as it is."""
    if not isinstance(decision, dict):
        return None
    reason = str(decision.get("reason", ""))
    indonesian, english = REASONS.get(reason, (reason, reason))
    found = {"id": indonesian, "en": english, "article": str(decision.get("article", ""))}
    if isinstance(closes := decision.get("closes_at"), str):
        found["closes"] = wib(closes)
    return found


def _log(proof: str | None) -> dict[str, str] | None:
    if proof is None:
        return None
    found = Proof.parse(proof.encode())
    checkpoint = Checkpoint.parse(found.note.text)
    return {
        "origin": checkpoint.origin,
        "index": str(found.index),
        "size": str(checkpoint.size),
        "root": _fours(checkpoint.root.hex()),
    }


def _fours(digest: str) -> str:
    return " ".join(digest[place : place + 4] for place in range(0, len(digest), 4))


def _utc(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
