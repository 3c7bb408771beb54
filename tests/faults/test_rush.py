"""The rush before a deadline, as an operator rehearses it: `lpse rush` with parts killed and frozen all the time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import reachable

ROOT = Path(__file__).resolve().parents[2]
PROMISES = ("lost", "doubled", "late_accepted", "refused_in_time")


def rush(home: Path, *arguments: str, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "cli", "rush", "--json", "--var", str(reachable(home)), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=home, timeout=seconds
    )
    assert done.stdout, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert {promise: report[promise] for promise in PROMISES} == dict.fromkeys(PROMISES, 0), report
    assert report["breaches"] == []
    assert done.returncode == 0
    assert not list((home / "rush").iterdir()), "a rush that went well leaves nothing"
    return report


def test_a_small_rush_keeps_every_promise(tmp_path: Path) -> None:
    report = rush(tmp_path, "--bidders", "9", "--kill", "0.5", "--seed", "3", seconds=300)
    assert report["faults"] > 3
    assert report["acknowledged"] > 3
    assert report["refusals"]["bid_late"] >= 1


@pytest.mark.long
def test_without_faults_everybody_in_time_gets_in(tmp_path: Path) -> None:
    report = rush(tmp_path, "--bidders", "8", "--kill", "0", "--seed", "4", seconds=300)
    assert (report["faults"], report["overtaken"], report["retries"]) == (0, 0, {})
    assert report["refusals"] == {"bid_late": 1, "bid_decided": 1}


@pytest.mark.long
@pytest.mark.parametrize("bus", [(), ("--bus", "rabbitmq")], ids=["embedded", "rabbitmq"])
def test_two_hundred_bidders_and_a_hundred_faults(tmp_path: Path, bus: tuple[str, ...]) -> None:
    report = rush(tmp_path, "--bidders", "200", "--kill", "0.5", "--seed", "7", *bus, seconds=1800)
    assert report["faults"] > 60
    assert report["acknowledged"] > 100


@pytest.mark.long
def test_closed_bids_cannot_be_judged_and_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"so they stay closed\. Nothing can be judged of closed bids"):
        rush(tmp_path, "--bidders", "2", "--kill", "0", seconds=300)
