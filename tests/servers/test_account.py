"""Root does not run PostgreSQL as root, and reaches it also in a directory that is closed to others."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.servers import Postgres
from cli.servers.account import WAYS_IN

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="concerns root only")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def open_place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


def status(pid: int | None, field: str) -> list[str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith(field)).split()[1:]


async def test_it_has_no_capability_where_it_needs_none(open_place: Path) -> None:
    async with Postgres(open_place / "pg") as server:
        assert "0" not in status(server.pid, "Uid")
        assert int(status(server.pid, "CapEff")[0], 16) == 0


async def test_it_enters_a_closed_directory_with_one_capability(open_place: Path) -> None:
    open_place.chmod(0o700)
    said: list[str] = []
    async with Postgres(open_place / "pg", say=said.append) as server:
        assert "0" not in status(server.pid, "Uid")
        assert int(status(server.pid, "CapEff")[0], 16) in {1 << bit for bit in WAYS_IN.values()}
    assert any(sentence.startswith(f"{open_place} is closed to the system user lpse") for sentence in said)


STARTS = """
import asyncio, sys
from pathlib import Path
from cli.servers import Postgres, ServerError

async def main():
    try:
        async with Postgres(Path(sys.argv[1]), say=print) as server:
            print("runs", server.version)
    except ServerError as refused:
        print(refused)

asyncio.run(main())
"""


def started_without(capabilities: list[str], directory: Path) -> str:
    """Return what a start printed under a root who lacks these, as containers make it."""
    bounding = ",".join(f"-{capability}" for capability in capabilities)
    command = ["setpriv", f"--bounding-set={bounding}", sys.executable, "-c", STARTS, str(directory)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_second_capability_serves_where_the_first_is_withheld(open_place: Path) -> None:
    open_place.chmod(0o700)
    printed = started_without(["dac_read_search"], open_place / "pg")
    assert "keeps the capability dac_override" in printed
    assert "runs 18" in printed


def test_without_either_the_closed_directory_is_named(open_place: Path) -> None:
    open_place.chmod(0o700)
    printed = started_without(["dac_read_search", "dac_override"], open_place / "pg")
    assert f"may not enter {open_place} (mode 700). Open it (chmod o+x {open_place})" in printed
    assert "runs" not in printed.replace("runs as", "")
