"""docs/verify-evidence.py, run as a stranger runs it, on evidence made with our code and then spoilt in one place."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrity import entries, merkle

SCRIPT = Path(__file__).parents[2] / "docs" / "verify-evidence.py"
AT = datetime(2026, 11, 23, 2, 59, 58, tzinfo=UTC)
FILES = {"penawaran.pdf": b"price 1000", "syarat.txt": b"terms"}


def fingerprinted() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "object": f"object of {name}",
            "size": len(data),
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for name, data in FILES.items()
    ]


def statement() -> list[dict[str, Any]]:
    """As the demo writes it: each file's fingerprints beside the token in which documents states them."""
    return [file | {"statement": token(file)} for file in fingerprinted()]


def token(file: dict[str, Any]) -> str:
    payload = json.dumps({key: file[key] for key in ("object", "size", "md5", "sha256")}).encode()
    return f"header.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.signature"


RECORD = json.dumps({"code": "P-1", "files": fingerprinted()}).encode()


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A log of eleven leaves; leaf 5 is the bid P-1."""
    place = entries.Place("tender", 3).commitment(b"p" * 32).hex()
    opening = entries.Opening(
        "tender.bid.submitted", AT, "tender", place, "akun-é", {"record_sha256": hashlib.sha256(RECORD).hexdigest()}
    )
    entry = entries.blind_entry(AT, opening.commitment(b"r" * 32))
    leaves = [merkle.leaf_hash(entry if index == 5 else b"%d" % index) for index in range(11)]
    tree = merkle.CompactRange()
    stored = {(level, index): hash_ for leaf in leaves for level, index, hash_ in tree.append(leaf)}
    path = merkle.fold(merkle.inclusion_nodes(5, 11), stored)
    bid = tmp_path / "P-1"
    (bid / "files").mkdir(parents=True)
    for name, data in FILES.items():
        (bid / "files" / name).write_bytes(data)
    (bid / "entry.json").write_bytes(entry)
    (bid / "record.json").write_bytes(RECORD)
    dump(bid / "consent.json", {"sent": {}, "answered": {"record": RECORD.decode()}})
    dump(bid / "statement.json", statement())
    dump(bid / "proof.json", {"index": 5, "size": 11, "path": [sibling.hex() for sibling in path]})
    dump(bid / "opening.json", {"opening": opening.as_json(), "r": (b"r" * 32).hex(), "kind": opening.kind})
    dump(tmp_path / "checkpoint.json", {"size": 11, "root": tree.root().hex()})
    rows = [json.dumps({"index": index, "leaf_hash": leaf.hex()}) for index, leaf in enumerate(leaves)]
    (tmp_path / "leaves.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path


def dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", SCRIPT, folder], capture_output=True, text=True, check=False)


def edit(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        value = json.loads((folder / name).read_text())
        dump(folder / name, change(value) or value)

    return spoil


def other_digit(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


def digit(name: str, *keys: str | int) -> Callable[[Path], None]:
    """One hexadecimal digit changed somewhere in a JSON file."""

    def change(value: Any) -> None:
        for key in keys[:-1]:
            value = value[key]
        value[keys[-1]] = other_digit(value[keys[-1]])

    return edit(name, change)


def leaf_digit(folder: Path) -> None:
    path = folder / "leaves.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[9]["leaf_hash"] = other_digit(rows[9]["leaf_hash"])
    path.write_text("\n".join(map(json.dumps, rows)))


def entry_digit(folder: Path) -> None:
    path = folder / "P-1" / "entry.json"
    entry = json.loads(path.read_bytes())
    path.write_bytes(path.read_bytes().replace(entry["c"].encode(), other_digit(entry["c"]).encode()))


def unnamed_file(folder: Path) -> None:
    """Another file with a statement that fits it: only the record that the opening names tells."""
    (folder / "P-1" / "files" / "syarat.txt").write_bytes(b"Terms")
    said = {
        "md5": hashlib.md5(b"Terms", usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(b"Terms").hexdigest(),
    }
    edit("P-1/statement.json", lambda files: files[1].update(said))(folder)


def swapped_names(folder: Path) -> None:
    """Two files change names, here and in what is stated: only the record knows."""
    files = folder / "P-1" / "files"
    first, second = sorted(files.iterdir())
    data = first.read_bytes(), second.read_bytes()
    first.write_bytes(data[1])
    second.write_bytes(data[0])

    def swap(stated: Any) -> None:
        stated[0]["name"], stated[1]["name"] = stated[1]["name"], stated[0]["name"]

    edit("P-1/statement.json", swap)(folder)


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def test_good_evidence_holds(evidence: Path) -> None:
    result = run(evidence)
    assert (result.returncode, result.stderr) == (0, "")
    *checks, last = result.stdout.splitlines()
    assert len(checks) == 16
    assert all(line.startswith("ok: ") for line in checks)
    assert last.startswith("All of it holds: 1 bids.")


SPOILS = [
    (leaf_digit, "lead to the root"),
    (digit("checkpoint.json", "root"), "lead to the root"),
    (edit("checkpoint.json", lambda head: head.update(size=10)), "leaves are here"),
    (entry_digit, "is leaf 5"),
    (edit("P-1/proof.json", lambda proof: proof.update(index=4)), "is leaf 4"),
    (edit("P-1/proof.json", lambda proof: proof.update(index=-6)), "for this log"),
    (edit("P-1/proof.json", lambda proof: proof.update(size=12)), "for this log"),
    (digit("P-1/proof.json", "path", 0), "its path"),
    (digit("P-1/proof.json", "path", -1), "its path"),
    (edit("P-1/proof.json", lambda proof: proof.update(path=proof["path"][:-1])), "its path"),
    (edit("P-1/proof.json", lambda proof: proof["path"].insert(0, "00" * 32)), "its path"),
    (digit("P-1/statement.json", 0, "md5"), "penawaran.pdf is as stated"),
    (digit("P-1/statement.json", 0, "sha256"), "names the SHA-256|penawaran.pdf is as stated"),
    (edit("P-1/statement.json", lambda files: files[1].update(size=6)), "syarat.txt is as stated"),
    (edit("P-1/statement.json", lambda files: files[:1]), "files stated"),
    (write("P-1/files/penawaran.pdf", b"price 1001"), "penawaran.pdf is as stated"),
    (write("P-1/files/extra.txt", b""), "files stated"),
    (digit("P-1/opening.json", "r"), "committed to opening"),
    (digit("P-1/opening.json", "opening", "body", "record_sha256"), "committed to opening"),
    (write("P-1/record.json", RECORD + b" "), "names the SHA-256 of record.json"),
    (digit("P-1/opening.json", "opening", "place"), "committed to opening"),
    (edit("P-1/opening.json", lambda secret: secret["opening"].update(seq=3)), "committed to opening"),
    (unnamed_file, "record.json names each file"),
    (lambda folder: (folder / "P-1" / "proof.json").unlink(), "cannot be read"),
    (lambda folder: (folder / "P-1" / "opening.json").unlink(), "cannot be read"),
    (lambda folder: (folder / "P-1").rename(folder / "P-2"), "is of this bid"),
    (lambda folder: shutil.rmtree(folder / "P-1"), "bids are here"),
    (edit("P-1/consent.json", lambda said: said["answered"].update(record="{}")), "answered with this record"),
    (
        edit("P-1/statement.json", lambda files: files[0].update(statement=files[1]["statement"])),
        "statement is its own",
    ),
    (swapped_names, "record.json names each file"),
    (write("checkpoint.json", b"{"), "cannot be read"),
]


@pytest.mark.parametrize(("spoil", "sentence"), SPOILS)
def test_one_change_is_found_and_named(evidence: Path, spoil: Callable[[Path], None], sentence: str) -> None:
    spoil(evidence)
    result = run(evidence)
    assert result.returncode == 1
    assert result.stderr.startswith("FAILED: ")
    assert len(result.stderr.splitlines()) == 1
    assert any(part in result.stderr for part in sentence.split("|"))
