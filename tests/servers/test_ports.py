"""Several installations that start at once on one machine get ports of their own."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from cli.servers import ports
from cli.servers.process import ServerError

FEW = range(9_100, 9_160)
"""Which no server of other tests is given."""


@pytest.fixture(autouse=True)
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ports, "CLAIMS", tmp_path / "claims")
    monkeypatch.setattr(ports, "RANGE", FEW)
    return tmp_path / "claims"


def test_nobody_is_given_what_another_was_given_just_before() -> None:
    first, second = ports.free_ports(20), ports.free_ports(20)
    assert set(first).isdisjoint(second)


def _some(claims: Path) -> list[int]:
    ports.CLAIMS, ports.RANGE = claims, FEW
    return ports.free_ports(10)


def test_nor_what_another_process_was_given(claims: Path) -> None:
    with ProcessPoolExecutor(3) as processes:
        given = [port for some in processes.map(_some, [claims] * 3) for port in some]
    assert len(set(given)) == len(given)


def test_a_claim_ends(claims: Path) -> None:
    taken = ports.free_ports(len(FEW) - 5)
    long_ago = time.time() - ports.CLAIM_SECONDS - 1
    os.utime(claims / str(taken[0]), (long_ago, long_ago))
    assert taken[0] in ports.free_ports(6)


def test_none_left_is_said() -> None:
    with pytest.raises(ServerError, match="Fewer than 61 ports from 9100 to 9159 are free"):
        ports.free_ports(len(FEW) + 1)
