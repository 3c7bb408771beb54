"""The commands that a cluster's Jobs and init containers run: by their environment alone, without an installation."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli import keyring
from cli.mistakes import Mistake
from cli.system import PARTS
from kit.keys import KeyRing, SigningKey

ROOT = Path(__file__).resolve().parents[2]


async def lpse(*words: str, database: str, var: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LPSE_")}
    environment = {**clean, "PYTHONPATH": str(ROOT), "LPSE_DATABASE": database}
    command = [sys.executable, "-P", "-m", "cli", *words, "--var", str(var)]
    process = await asyncio.create_subprocess_exec(*command, cwd="/", env=environment, stdout=asyncio.subprocess.PIPE)
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


def test_keys_are_made_where_nothing_else_is(tmp_path: Path) -> None:
    """As the Secrets and the ConfigMap of the manifests want them: a folder for each part, one file for all."""
    home = tmp_path / "keys"
    printed = keyring.create(home)
    ring, now = KeyRing(home / "jwks.json"), datetime.now(UTC)
    for part in PARTS:
        for purpose in part.purposes:
            key = SigningKey.load(home / part.name, part.name, purpose)
            assert ring.lookup(key.kid, purpose, now, owner=part.name)
            assert any(line.startswith(key.kid) for line in printed)
    assert {folder.name for folder in home.iterdir()} == {part.name for part in PARTS if part.purposes} | {"jwks.json"}
    with pytest.raises(Mistake, match="is not empty"):
        keyring.create(home)
