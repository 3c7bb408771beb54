"""`lpse demo` as a person runs it: one whole tender, on every bus, with any files, and evidence that stands alone."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli import clocks, invariants
from cli.installation import Backends, Installation
from cli.main import main
from cli.system import Options, spare_port
from cli.up import running
from services import SERVICES
from tests.conftest import reachable
from tests.containers import Broker

ROOT = Path(__file__).resolve().parents[2]
HEX = {"type": "string", "pattern": "^[0-9a-f]+$"}
MONEY = {"type": "string", "pattern": r"^\d+\.\d{2}$"}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}


def exactly(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


REPORT = exactly(
    backends=exactly(
        database={"const": "postgresql 18.6 embedded"},
        objects={"const": "seaweedfs 4.48 embedded"},
        bus={"type": "string", "pattern": r"^(embedded|rabbitmq \d+\.\d+\.\d+)$"},
    ),
    tender=exactly(
        code={"type": "string", "pattern": r"^\d{11}$"}, regime={"const": "P70-2012"}, stage={"type": "string"},
        winner={"type": "string"}, price=MONEY,
    ),
    bids={
        "type": "array", "minItems": 5, "maxItems": 5,
        "items": exactly(
            code={"type": "string"}, bidder={"type": "string"}, status={"enum": ["submitted", "refused"]},
            files={"type": "array", "minItems": 1, "items": exactly(name={"type": "string"}, size={"type": "integer"}, md5=HEX, sha256=HEX)},
            price=MONEY, corrected_price={"anyOf": [MONEY, {"type": "null"}]}, consented_at=INSTANT, closes_at=INSTANT,
            refusal={"anyOf": [{"type": "null"}, exactly(article={"type": "string", "minLength": 5}, reason={"type": "string", "minLength": 5}, instant=INSTANT)]},
            log_index={"type": "integer", "minimum": 0},
        ),
    },
    complaint=exactly(code={"type": "string"}, forwarded_to={"const": ["lpse_pusat", "tim_pengarah"]}),
    events=exactly(emitted={"type": "integer", "minimum": 50}, handled={"type": "integer"}, dead={"const": 0}),
    log=exactly(algorithm={"const": "rfc6962-sha256"}, size={"type": "integer"}, root=HEX, proofs_verified={"const": 5}),
    evidence={"type": "string"},
    seconds={"type": "number"},
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return reachable(tmp_path)


def demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "cli", "demo", "--json", "--var", str(home), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=home, timeout=300)


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(report, REPORT)
    assert report["events"]["emitted"] == report["events"]["handled"]
    return report


def evidence_holds(report: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """The checker needs no package of ours: it runs isolated (-I) from anywhere."""
    script = ROOT / "docs" / "verify-evidence.py"
    return subprocess.run(
        [sys.executable, "-I", str(script), report["evidence"]], capture_output=True, text=True, check=False, cwd="/"
    )


@pytest.mark.long  # tests/secrets play the story over RabbitMQ all the time
async def test_over_rabbitmq_nothing_stays_at_the_broker(home: Path, rabbitmq: Broker) -> None:
    plays_with_files_of_its_own(home, f"rabbitmq {rabbitmq.version}", "--bus", rabbitmq.url, "--witnesses", "0")
    assert "demo-" not in await rabbitmq.control("list_queues", "name")


def test_demo(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = plays_with_files_of_its_own(home, "embedded")
    receipts_hold(Path(report["evidence"]), [bid["code"] for bid in report["bids"]], capsys)


def receipts_hold(evidence: Path, codes: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the system gone: as files and as printed, with what was handed in; and not with one digit changed."""
    assert (evidence / "periksa.html").stat().st_size > 10_000
    for code in codes:
        originals = [part for file in (evidence / code / "files").iterdir() for part in ("--original", str(file))]
        for form in ("json", "pdf"):
            assert main(["verify", str(evidence / code / f"receipt.{form}"), *originals, "--json"]) == 0
            checks = json.loads(capsys.readouterr().out)["checks"]
            assert len([check for check in checks if check["word"] == "witness"]) == 2
            assert {check["state"] for check in checks} == {"ok"}
    receipt = evidence / codes[0] / "receipt.json"
    place = receipt.read_bytes().index(b"index ") + 6
    whole = bytearray(receipt.read_bytes())
    whole[place] = ord("7") if whole[place] != ord("7") else ord("8")
    receipt.write_bytes(whole)
    assert main(["verify", str(receipt), "--json"]) == 1
    [wrong] = [check for check in json.loads(capsys.readouterr().out)["checks"] if check["state"] == "failed"]
    assert wrong["layer"] == "inclusion"


def plays_with_files_of_its_own(home: Path, bus: str, *arguments: str) -> dict[str, Any]:
    report = report_of(demo(home, *arguments))
    assert report["backends"]["bus"] == bus
    refused = [bid for bid in report["bids"] if bid["status"] == "refused"]
    assert len(refused) == 1
    assert refused[0]["refusal"]["instant"] > refused[0]["closes_at"]
    assert "Pasal" in refused[0]["refusal"]["article"]
    assert [bid["corrected_price"] != bid["price"] for bid in report["bids"] if bid["status"] == "submitted"].count(
        True
    ) == 1
    assert max(file["size"] for bid in report["bids"] for file in bid["files"]) > 49 << 20
    winner = min(
        (bid for bid in report["bids"] if bid["corrected_price"]), key=lambda bid: float(bid["corrected_price"])
    )
    assert (report["tender"]["winner"], report["tender"]["price"]) == (winner["bidder"], winner["corrected_price"])
    checked = evidence_holds(report)
    assert checked.returncode == 0, checked.stderr
    assert not list((home / "demo").glob("*/system")), "the demo leaves its evidence only"
    return report


def evidence_of_another_byte_fails(report: dict[str, Any]) -> None:
    assert evidence_holds(report).returncode == 0
    entry = next(Path(report["evidence"]).glob("*/entry.json"))
    entry.write_bytes(entry.read_bytes().replace(b'"at":"2', b'"at":"3'))
    assert evidence_holds(report).returncode == 1


def odd_files(home: Path) -> Path:
    folder = home / "files"
    if not folder.exists():
        folder.mkdir()
        (folder / "empty.txt").write_bytes(b"")
        (folder / "with spaces and 'quotes' \"both\".docx").write_bytes(os.urandom(3_000))
        (folder / ("x" * 196 + ".bin")).write_bytes(os.urandom(70_000))
        (folder / "gambar peta ñ 地図.png").write_bytes(os.urandom(9 << 20))
        (folder / "no-extension").write_bytes(b"\x00\xff" * 10)
        (folder / "surat%20penawaran;v=1.pdf").write_bytes(b"%PDF-1.7\n" + os.urandom(1_000))
    return folder


def test_a_folder_without_files_is_said(home: Path) -> None:
    (home / "none" / "folder").mkdir(parents=True)
    done = demo(home, "--files", str(home / "none"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.long
async def test_it_plays_again_and_again_in_a_system_that_runs(home: Path, tmp_path: Path) -> None:
    """Other people and letters each time; and the clock runs on for those who play after it."""
    (home / "one").mkdir()
    (home / "one" / "penawaran.pdf").write_bytes(b"%PDF-1.4 pendek")
    async with running(Options(var=home, port=spare_port(), prefix="uji")) as system:
        there = "--gateway", f"{system.installation.gateway}/"
        first = report_of(await asyncio.to_thread(demo, home, "--files", str(odd_files(home)), *there))
        own = "--files", str(home / "one"), "--out", str(home / "bukti")
        second = report_of(await asyncio.to_thread(demo, home, *own, *there))
        assert first["tender"]["code"] != second["tender"]["code"]
        names = [file["name"] for bid in first["bids"] for file in bid["files"]]
        assert sorted(names) == sorted(path.name for path in odd_files(home).iterdir())
        assert len({file["sha256"] for bid in second["bids"] for file in bid["files"]}) == 1, "more bidders than files"
        assert (first["backends"]["bus"], second["evidence"]) == ("embedded", str(home / "bukti"))
        evidence_of_another_byte_fails(first)
        assert evidence_holds(second).returncode == 0
        assert await invariants.breaches(system.installation) == []
        left_at = await clocks.now(system.installation)
        await asyncio.sleep(0.01)
        assert await clocks.now(system.installation) > left_at


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--gateway", "http://127.0.0.1:9"], "No gateway answers at http://127.0.0.1:9"),
        (["--gateway", "127.0.0.1:9"], "No gateway answers at 127.0.0.1:9"),
        (["--gateway", "http://127.0.0.1:9", "--bus", "amqp://a:b@127.0.0.1"], "leave --database, --bus and --objects"),
    ],
)
def test_a_system_that_cannot_be_played_in_is_said(home: Path, arguments: list[str], why: str) -> None:
    none = "postgresql://nobody@127.0.0.1:9/none"
    Installation(
        var=home, instance="latihan", profile="latihan", prefix="uji", databases=dict.fromkeys(SERVICES, none), bus=none,
        objects="http://127.0.0.1:9", credentials={}, gateway="http://127.0.0.1:9",
        backends=Backends(database="none", objects="none", bus="none"),
    ).write()  # fmt: skip
    done = demo(home, *arguments)
    assert done.returncode == 1
    assert why in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
