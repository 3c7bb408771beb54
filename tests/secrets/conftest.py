"""A production environment in which nothing is wrong, for tests that make one thing wrong."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from cli.copies import Copy, load
from cli.system import spare_port
from tests import environments
from tests.conftest import MakeDatabase


@pytest.fixture
async def service_environment(make_database: MakeDatabase, own_keys: Path) -> dict[str, str]:
    database = await make_database("registry")
    return {
        "LPSE_INSTANCE": "lpse-mojokerto",
        "LPSE_DATABASE": database,
        "LPSE_BUS": database,
        "LPSE_KEYS": str(own_keys / "registry"),
        "LPSE_JWKS": str(own_keys / "jwks.json"),
    }


@pytest.fixture
def gateway_environment(own_keys: Path) -> dict[str, str]:
    return environments.gateway(own_keys)


@pytest.fixture
def own_keys(key_home: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(key_home, tmp_path / "keys"))


Start = Callable[..., Awaitable[Copy]]


@pytest.fixture
async def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """`await start("registry", environment)`: `lpse serve` in a process; nothing of the tests' own environment is LPSE_."""
    for name in [name for name in os.environ if name.startswith("LPSE_")]:
        monkeypatch.delenv(name)
    load(["cli.serve", "services.registry.app", "gateway.app"])
    started: list[Copy] = []

    async def at_once() -> bool:
        return True

    async def serve(name: str, environment: dict[str, str], port: int | None = None) -> Copy:
        copy = Copy(name, log=tmp_path / f"{len(started)}.log")
        started.append(copy)
        await copy.start(
            ["serve", name, "--host", "127.0.0.1", "--port", str(port or spare_port())], at_once, env=environment
        )
        return copy

    yield serve
    for copy in started:
        copy.kill()
