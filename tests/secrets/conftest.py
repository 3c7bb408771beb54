"""A production environment in which nothing is wrong, for tests that make one thing wrong."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.system import spare_port
from tests.conftest import MakeDatabase

ROOT = Path(__file__).resolve().parents[2]


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
    return {
        "LPSE_INSTANCE": "lpse-mojokerto",
        "LPSE_KEYS": str(own_keys / "gateway"),
        "LPSE_JWKS": str(own_keys / "jwks.json"),
        "LPSE_PUBLIC_URL": "https://lpse.example",
        "LPSE_UPSTREAMS": '{"registry": "http://a", "tender": "http://a", "documents": "http://a", "helpdesk": "http://a", '
        '"audit": "http://a"}',
    }


@pytest.fixture
def own_keys(key_home: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(key_home, tmp_path / "keys"))


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """`start("registry", environment)`: `lpse serve` as a process; nothing of the tests' own environment is LPSE_."""
    started: list[subprocess.Popen[str]] = []

    def serve(name: str, environment: dict[str, str], port: int | None = None) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-P",
            "-m",
            "cli",
            "serve",
            name,
            "--host",
            "127.0.0.1",
            "--port",
            str(port or spare_port()),
        ]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("LPSE_")}
        full = clean | {"PYTHONPATH": str(ROOT)} | environment
        started.append(subprocess.Popen(command, env=full, cwd="/", stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield serve
    for process in started:
        process.kill()
        process.communicate()
