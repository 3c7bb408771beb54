"""One trial: the tests of a mutant, run in a copy of the tree that it changed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.mutants.patch import Mutant, git

__all__ = ["Outcome", "Run", "Verdict", "judge", "pytest"]

SECONDS = 180.0
"""A mutant that takes longer hangs."""
FLAGS = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "--hypothesis-seed=0")


class Outcome(Enum):
    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"
    """The tests could not be run, or ran into the limit: nothing is known about the guard."""


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    why: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of pytest; `code` None: it took longer than it might."""

    code: int | None
    printed: str
    seconds: float

    @property
    def failures(self) -> list[str]:
        return self.summary("FAILED ")

    def summary(self, *beginnings: str) -> list[str]:
        lines = self.printed.rpartition("short test summary info")[2].splitlines()
        return [line.partition(" ")[2].partition(" - ")[0] for line in lines if line.startswith(beginnings)]

    def tail(self, lines: int = 25) -> str:
        return "\n".join(f"    {line}" for line in self.printed.strip().splitlines()[-lines:])


async def judge(mutant: Mutant, tree: Path, seconds: float = SECONDS) -> Verdict:
    """Apply the patch to a copy of this tree and run its tests there."""
    with TemporaryDirectory(prefix="lpse-mutant-") as home:
        copy = Path(home) / "tree"
        await asyncio.to_thread(shutil.copytree, tree, copy)
        applied = git(copy, "apply", str(mutant.patch))
        if applied.returncode:
            return Verdict(Outcome.BROKEN, f"the patch does not apply: {applied.stderr.strip()}")
        run = await pytest(copy, ["-x", *mutant.tests], seconds)
    return Verdict(*_read(run, mutant), run.seconds)


def _read(run: Run, mutant: Mutant) -> tuple[Outcome, str]:
    if run.code is None:
        hung = f"no end within {run.seconds:.0f} s"
        return (Outcome.KILLED, hung) if mutant.may_hang else (Outcome.BROKEN, hung)
    if run.code == 0:
        return Outcome.SURVIVED, f"{mutant.guard} [{', '.join(mutant.tests)}]"
    if run.code == 1 and run.failures:
        return Outcome.KILLED, f"by {run.failures[0]}"
    return Outcome.BROKEN, f"pytest ended with {run.code} and no failed test:\n{run.tail()}"


async def pytest(tree: Path, arguments: Sequence[str], seconds: float) -> Run:
    """Run these tests of this tree, with its code and this Python's packages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with TemporaryDirectory(prefix="lpse-test-") as home:
        command = [sys.executable, "-P", "-m", "pytest", *FLAGS, f"--basetemp={home}/run", *arguments]
        output = Path(home) / "output"
        began = time.monotonic()
        with output.open("wb") as sink:
            child = await asyncio.create_subprocess_exec(
                *command,
                cwd=tree,
                env=environment | {"PYTHONPATH": str(tree)},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        code = await _within(child, seconds)
        return Run(code, output.read_text(errors="replace"), time.monotonic() - began)


async def _within(child: asyncio.subprocess.Process, seconds: float) -> int | None:
    try:
        async with asyncio.timeout(seconds):
            return await child.wait()
    except TimeoutError:
        return None
    finally:
        await _end(child)


async def _end(child: asyncio.subprocess.Process, grace: float = 20.0) -> None:
    """Interrupted, pytest stops its servers; whatever is left of its process group is killed."""
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    with suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await child.wait()
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()
