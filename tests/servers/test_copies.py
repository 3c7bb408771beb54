"""A service that begins as a copy of a loaded process is one of its own, and never outlives the process that wanted it."""

from pathlib import Path

import psutil

from cli.copies import Copy
from cli.system import spare_port
from tests import environments
from tests.servers.processes import Parent, gone

STARTS = """
import asyncio
from pathlib import Path
import psutil
from cli.copies import Copy, load

async def main():
    load(["cli.serve", "gateway.app"])
    copy = Copy("gateway", log=Path({log!r}))

    async def named():
        return psutil.Process(copy.pid).name() == "lpse gateway"

    await copy.start({command!r}, named, env={environment!r})
    print(copy.pid, psutil.Process(copy.pid).ppid(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def command() -> list[str]:
    return ["serve", "gateway", "--host", "127.0.0.1", "--port", str(spare_port())]


def test_it_ends_with_a_killed_parent(tmp_path: Path, key_home: Path, killed_parent: Parent) -> None:
    program = STARTS.format(log=str(tmp_path / "log"), command=command(), environment=environments.gateway(key_home))
    assert all(gone(pid, 60) for pid in killed_parent(program)), "the copy, then the original"


async def test_it_has_a_name_a_session_and_an_exit_code_of_its_own(tmp_path: Path, key_home: Path) -> None:
    copy = Copy("gateway", log=tmp_path / "log")

    async def named() -> bool:
        return psutil.Process(copy.pid).name() == "lpse gateway"

    await copy.start(command(), named, env=environments.gateway(key_home))
    assert copy.pid
    assert psutil.Process(copy.pid).cwd() == "/"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    copy.kill()
    assert await copy.wait() == -9
    assert not psutil.pid_exists(copy.pid)
