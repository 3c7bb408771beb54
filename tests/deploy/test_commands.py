"""The commands that a cluster's Jobs and init containers run: by their environment alone, without an installation."""

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


async def lpse(*words: str, database: str, var: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LPSE_DATABASE": database}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", *words, "--var", str(var), env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return printed.decode()


async def test_a_database_is_migrated_while_its_service_waits(empty_database: str, tmp_path: Path) -> None:
    waiting = asyncio.create_task(lpse("db", "wait", "helpdesk", database=empty_database, var=tmp_path))
    await asyncio.sleep(3)
    assert not waiting.done(), "the schema is not there yet"
    assert "helpdesk: at 00" in await lpse("db", "upgrade", "helpdesk", database=empty_database, var=tmp_path)
    assert "waiting" in await waiting
