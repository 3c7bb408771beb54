"""`lpse verify FILE`: what a receipt is worth, by what is in the file and the root of trust alone. No network, no installation."""

import argparse
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.mistakes import Mistake
from gateway.pages.formats import TO_MILLISECOND, day_time
from gateway.pages.language import Catalogue, load
from integrity import dossier, receipts
from integrity.canonical import canonical
from integrity.receipts import Check, Original, ReceiptError, Report
from integrity.trust import TrustError, TrustRoot

__all__ = ["CODES", "verify"]

CODES: Final = {"good": 0, "bad": 1, "partly": 3}
TRUST_ROOT: Final = "trust-root"
ABOVE: Final = 3
"""The folder of the file and two above it."""
LARGEST: Final = 64 << 20
CHUNK: Final = 1 << 20
INSTANTS: Final = frozenset({"at"})


@dataclass(frozen=True)
class Believed:
    """Whose word counts, and where it was found: one that came with the receipt proves nothing by itself."""

    file: Path
    root: TrustRoot


def verify(asked: argparse.Namespace) -> int:
    """Prints what was found; the exit code. Raises Mistake for files that cannot be read."""
    believed = _believed(asked.trust_root, asked.file, asked.var)
    originals = [_original(path) for path in asked.original]
    report = _report(asked.file, believed.root, originals, asked.record)
    told = _as_json if asked.json else _as_text
    print(told(load(asked.lang), asked.file, believed, report))
    return CODES[report.verdict]


def _believed(named: Path | None, file: Path, var: Path) -> Believed:
    found = named or next((path for path in _places(file, var) if path.is_file()), None)
    if found is None:
        raise Mistake(
            f"There is no {TRUST_ROOT} beside {file}: name with --trust-root the one that the LPSE published, whose "
            "fingerprint hangs out at its office."
        )
    try:
        return Believed(found, TrustRoot.parse(_read(found)))
    except TrustError as error:
        raise Mistake(f"{found} is no root of trust: {error}") from error


def _places(file: Path, var: Path) -> Iterator[Path]:
    for folder in list(file.absolute().parents)[:ABOVE]:
        yield folder / TRUST_ROOT
    yield var / "keys" / TRUST_ROOT


def _report(file: Path, root: TrustRoot, originals: list[Original], record: Path | None) -> Report:
    if zipped(file):
        return dossier.verify(file, root)
    data = _read(file)
    seal = []
    if data.startswith(b"%PDF-"):
        from services.documents.printing import seal as sealing  # takes a second, which a receipt as JSON does not need

        seal = [sealing.check(data, root.seals)]
        try:
            data = sealing.attached(data)
        except ReceiptError:
            data = b""
    if record is not None:
        data = _with_record(data, _read(record))
    report = receipts.verify(data, root, originals)
    return Report(report.receipt, (*seal, *report.checks))


def zipped(file: Path) -> bool:
    """A tender's dossier, which may be larger than what is read as a whole. A PDF with an archive behind it is a PDF."""
    try:
        with file.open("rb") as begin:
            return begin.read(2) == b"PK" and zipfile.is_zipfile(file)
    except OSError:
        return False


def _with_record(data: bytes, record: bytes) -> bytes:
    """As if the record stood in the file, where the receipt's hash decides about it."""
    try:
        return canonical({**receipts.read(data), "record": record.decode()})
    except ReceiptError:
        return data
    except ValueError as error:
        raise Mistake(f"The record is no text in UTF-8: {error}") from error


def _original(path: Path) -> Original:
    try:
        with path.open("rb") as file:
            return Original.of(iter(lambda: file.read(CHUNK), b""))
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}.") from error


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise Mistake(f"{path} is too large for what it should be.")
        return path.read_bytes()
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}.") from error


def _as_text(t: Catalogue, file: Path, believed: Believed, report: Report) -> str:
    lines = [_about_root(t, believed), f"  {believed.root.fingerprint}", ""]
    lines += [f"{file}: {sentence}" for sentence in [_sentence(t, report)] if sentence]
    width = max((len(t(f"checks.layer_{check.layer}")) for check in report.checks), default=0)
    state = max(len(t(f"checks.{name}")) for name in ("ok", "failed", "missing"))
    lines += [
        f"  {t(f'checks.layer_{check.layer}'):<{width}}  {t(f'checks.{check.state}'):<{state}}  {_finding(t, check)}"
        for check in report.checks
    ]
    what = "dossier_" if zipped(file) else ""
    return "\n".join([*lines, "", t(f"checks.{what}verdict_{report.verdict}")])


def _as_json(t: Catalogue, file: Path, believed: Believed, report: Report) -> str:
    root = believed.root
    return json.dumps(
        {
            "file": str(file),
            "trust_root": {
                "file": str(believed.file),
                "instance": root.instance,
                "version": root.version,
                "fingerprint": root.fingerprint,
            },
            "receipt": report.receipt,
            "checks": [
                {
                    "layer": check.layer,
                    "state": check.state,
                    "word": check.word,
                    "places": dict(check.places),
                    "text": _finding(t, check),
                }
                for check in report.checks
            ],
            "verdict": report.verdict,
        },
        ensure_ascii=False,
    )


def _about_root(t: Catalogue, believed: Believed) -> str:
    root = believed.root
    return t("checks.trust_root", instance=root.instance, version=root.version, file=believed.file)


def _sentence(t: Catalogue, report: Report) -> str | None:
    """What the receipt says, where it says anything: nothing that is wrong is repeated as if it held."""
    said = report.receipt
    if said is None or any(check.layer == "signature" and check.state != "ok" for check in report.checks):
        return None
    if "members" in said:
        return _visible(
            t("checks.of_dossier", **{name: said[name] for name in ("host", "tender", "mandate", "made_at")})
        )
    at = day_time(said["received_at"], t.language, TO_MILLISECOND)
    return _visible(t(f"checks.of_{said['of']}", code=said["code"], tender=said.get("tender", "-"), at=at))


def _finding(t: Catalogue, check: Check) -> str:
    places = {
        name: day_time(value, t.language, TO_MILLISECOND) if name in INSTANTS and "T" in value else value
        for name, value in check.places.items()
    }
    return _visible(t(f"checks.{check.word}", **places))


def _visible(text: str) -> str:
    """What stands in a receipt moves no terminal's cursor and turns no line around."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
