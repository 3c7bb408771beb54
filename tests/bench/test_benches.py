"""A tiny run of each bench ends and says what it found. How quick anything is, is no test's business."""

import json
import subprocess
import sys
from math import isfinite
from pathlib import Path

import pytest

from bench import BENCHES, capacity, events, idle, log, processes
from bench.report import Report
from cli.servers import Postgres, SeaweedFS
from tests.containers import Broker

ROOT = Path(__file__).resolve().parents[2]


def _lent(postgres: Postgres, seaweedfs: SeaweedFS) -> dict[str, str]:
    admin = seaweedfs.admin
    return {
        "database": postgres.dsn,
        "objects": f"http://{admin.access_key}:{admin.secret_key}@127.0.0.1:{seaweedfs.port}",
    }


def _whole(report: Report) -> dict[str, float]:
    """The figures, after a look at whether a program could read all of it."""
    said = json.loads(report.as_json())
    assert list(said) == ["bench", "figures", "target", "reached"]
    assert said["bench"] in BENCHES
    assert isinstance(said["reached"], bool)
    assert said["target"].keys() <= said["figures"].keys()
    assert all(isfinite(figure) for figure in said["figures"].values())
    assert all(name in report.as_table() for name in said["figures"])
    return dict(said["figures"])


async def test_events(postgres: Postgres, seaweedfs: SeaweedFS, rabbitmq: Broker) -> None:
    lent = _lent(postgres, seaweedfs) | {"bus": rabbitmq.url}
    figures = _whole(await events.run(rounds=1, idle=2, burst=5, commands=9, **lent))
    assert figures["rounds"] == 1
    for side in ("ours", "bare", "embedded"):
        assert figures[f"{side}_idle_p50_ms"] > 0
        assert figures[f"{side}_events_per_second"] > 0


async def test_log(postgres: Postgres, seaweedfs: SeaweedFS) -> None:
    lent = _lent(postgres, seaweedfs)
    figures = _whole(await log.run(rate=100, seconds=0.2, small=50, large=300, rounds=2, period=2, **lent))
    assert (figures["events"], figures["small"], figures["large"]) == (40, 50, 300)
    assert min(figures[name] for name in ("at_once_p50_ms", "steps_p50_ms", "small_batch_ms", "verify_ms")) > 0


async def test_idle() -> None:
    figures = _whole(await idle.run(settle=0, span=0.5, tender=False))
    assert figures["pss_mib_postgres"] > 1
    assert figures["pss_mib"] > figures["pss_mib_weed"] > 1
    assert figures["first_page_ms"] > 0


@pytest.mark.long
async def test_capacity() -> None:
    figures = _whole(await capacity.run(bidders=3, pages=3, rest=0.2, big=1))
    assert figures["refused"] == 0
    for what in ("login", "page", "draft", "small_file", "consent"):
        assert figures[f"{what}_ms"] > 0
        assert figures[f"{what}_per_second"] > 0
        assert f"{what}_ms_tender" in figures
    assert figures["bid_kib_tender"] >= 0
    assert figures["mib_per_second"] > 0
    assert figures["log_entries_per_second"] > 0
    assert figures["mib_gateway"] > 10


def test_a_child_is_counted_with_its_parent() -> None:
    command = [sys.executable, "-c", "print(sum(range(10**7)), flush=True); input()"]
    alone = sum(processes.pss_mib().values())
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert sum(processes.pss_mib().values()) > alone
        child.communicate(b"\n")


@pytest.mark.parametrize("words", [["bench", "speed"], ["bench", "speed", "--json"]])
def test_an_unknown_name_is_answered_with_the_known_ones(words: list[str]) -> None:
    said = subprocess.run([sys.executable, "-m", "cli", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert all(name in said.stderr for name in BENCHES)
