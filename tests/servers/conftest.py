import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.processes import Parent

ROOT = Path(__file__).parents[2]


@pytest.fixture
def killed_parent() -> Parent:
    """Run a program that starts a server and prints process numbers, kill it with -9, and return the numbers."""

    def run(program: str) -> list[int]:
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
            assert parent.stdout
            numbers = [int(word) for word in parent.stdout.readline().split()]
            parent.kill()
        return numbers

    return run
