"""One child process: started, awaited until it answers, stopped. What the three servers share."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Protocol

Say = Callable[[str], None]
Ready = Callable[[], Awaitable[bool]]

LOG_LIMIT = 4 * 1024 * 1024
PAUSE = 0.05


class ServerError(Exception):
    """A server cannot run here; the message says why and what to do."""


def silent(_: str) -> None:
    """Say nothing."""


class Child(Protocol):
    """What `Process` needs of one, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...

    def send_signal(self, number: int, /) -> None: ...

    def kill(self) -> None: ...


class Process:
    """A server process that never outlives the process that started it.

    `setpriv` sets the parent death signal, and with the options `become` drops to another user, so no Python code runs
    in the forked child. Linux sends that signal when the *thread* that forked ends: start servers from the main thread.
    """

    def __init__(
        self,
        name: str,
        *,
        log: Path,
        cwd: Path = Path("/"),
        farewell: signal.Signals = signal.SIGTERM,
        become: Sequence[str] = (),
        note: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.log = log
        self.cwd = cwd
        self.farewell = farewell
        self._become = become
        self._note = note
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def exit_code(self) -> int | None:
        """None while the process runs (or was never started); minus the signal when one ended it."""
        return self._child.poll() if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    async def start(
        self, command: Sequence[str | Path], ready: Ready, *, env: Mapping[str, str] | None = None, seconds: float = 60
    ) -> None:
        """Start and return once `ready` answers true; otherwise end the process and say what its log says."""
        _bound(self.log)
        began = self.log.stat().st_size if self.log.exists() else 0
        self._child = child = await self._born(command, None if env is None else {**os.environ, **env})
        try:
            self._note(child.pid)
            await self._until(ready, monotonic() + seconds, began)
        except BaseException:
            await self.stop(grace=5)
            raise

    async def _born(self, command: Sequence[str | Path], env: Mapping[str, str] | None) -> Child:
        with open(self.log, "ab", opener=for_owner) as output:
            return subprocess.Popen(  # noqa: ASYNC220 - returns in milliseconds, and must fork from this thread
                ["setpriv", f"--pdeathsig={self.farewell.name[3:]}", *self._become, "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=self.cwd,
                start_new_session=True,  # Ctrl-C reaches only the parent, which stops things in order
            )

    async def _until(self, ready: Ready, deadline: float, began: int) -> None:
        while self.running:
            if await ready():
                return
            if monotonic() > deadline:
                raise ServerError(f"{self.name} did not answer in time.{self._tail(began)}")
            await asyncio.sleep(PAUSE)
        raise ServerError(f"{self.name} ended while starting (exit code {self.exit_code}).{self._tail(began)}")

    def _tail(self, began: int) -> str:
        with self.log.open("rb") as log:
            log.seek(began)
            lines = log.read()[-6000:].decode(errors="replace").strip().splitlines()[-15:]
        return f" Its log, {self.log}, says:\n" + "\n".join(f"  {line}" for line in lines)

    async def wait(self) -> int:
        """Return the exit code when the process has ended by itself or by `stop`."""
        while self.running:
            await asyncio.sleep(PAUSE)
        return self.exit_code or 0

    async def stop(self, grace: float = 10) -> None:
        """Ask to end, and after `grace` seconds end the whole process group."""
        if not self._child:
            return
        try:
            if self.running:
                self._child.send_signal(self.farewell)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace)
        finally:
            _kill_group(self._child.pid)
            self._child.wait()

    def kill(self) -> None:
        """End at once, as a crash would (for tests of recovery)."""
        if self._child:
            self._child.kill()
            self._child.wait()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):  # nobody of the group is left
        os.killpg(leader, signal.SIGKILL)


def for_owner(path: str, flags: int) -> int:
    """A log may hold what somebody told us: PostgreSQL writes the row that it refuses."""
    return os.open(path, flags, 0o600)


def _bound(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))


async def run(
    command: Sequence[str | Path], *, become: Sequence[str] = (), text: str = "", env: Mapping[str, str] | None = None
) -> str:
    """Run a short command to its end and return what it printed; failing, raise with exactly that."""
    prefix = ["setpriv", "--pdeathsig=KILL", *become, "--"]
    child = await asyncio.create_subprocess_exec(
        *prefix,
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=None if env is None else {**os.environ, **env},
        cwd="/",
    )
    printed = (await child.communicate(text.encode()))[0].decode(errors="replace")
    if child.returncode:
        raise ServerError(f"{Path(command[0]).name} failed (exit code {child.returncode}):\n{printed.strip()}")
    return printed
