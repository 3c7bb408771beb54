"""The directory of one server: who owns it, its secrets, and what a killed run left behind."""

import fcntl
import json
import os
import pwd
import secrets
import signal
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from cli.servers.process import ServerError

OWNER = "owner.lock"
SERVER = "server.pid"


class Claim:
    """Holds a server's directory for this process; the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, directory: Path, server: str) -> None:
        self.directory = directory
        self.server = server
        _make(directory)
        self._lock = os.open(directory / OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 20).decode() or "unknown"
            os.close(self._lock)
            raise ServerError(
                f"{server} in {directory} is already run by process {holder}. Stop that one first (Ctrl-C where it was "
                "started), or choose another directory with --var."
            ) from None
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        _end_leftover(directory / SERVER)

    def note(self, pid: int) -> None:
        """Remember the server's process, so that a later run can end it should it outlive this one."""
        if born := _born(pid):
            (self.directory / SERVER).write_text(json.dumps([pid, born]))

    def release(self) -> None:
        (self.directory / SERVER).unlink(missing_ok=True)
        os.close(self._lock)


def secret(file: Path) -> str:
    """Return the password kept in `file`, which only its owner reads; the first call makes it up."""
    with suppress(FileExistsError):
        _write_new(file, secrets.token_hex(24))
    return file.read_text()


def _write_new(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:  # noqa: PTH123
        handle.write(text)
    try:
        os.link(draft, file)  # appears whole or not at all, and never replaces one that is there
    finally:
        draft.unlink()


def private(file: Path, text: str) -> None:
    """Write a file that only its owner reads, replacing what it held."""
    file.unlink(missing_ok=True)
    _write_new(file, text)


def closed(directory: Path) -> None:
    """Make a directory that only its owner enters, or close one that is there: servers write bids world-readable."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o700)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(f"Cannot make {directory}: {error.strerror}. Choose another directory with --var.") from error
    owner = directory.stat().st_uid
    if owner != os.geteuid():
        raise ServerError(
            f"{directory} belongs to {_name(owner)}, not to {_name(os.geteuid())}. Run this as {_name(owner)}, or choose "
            "another directory with --var."
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _born(pid: int) -> str | None:
    """Return the start time of a process in clock ticks, which tells it from a later one with the same number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _end_leftover(file: Path, patience: float = 15) -> None:
    """End a server that outlived a killed parent; usually its parent death signal has already reached it."""
    if not file.exists():
        return
    pid, born = json.loads(file.read_text() or "[0, null]")
    deadline = monotonic() + patience
    with suppress(ProcessLookupError):
        while born and _born(pid) == born:
            if monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
            sleep(0.1)
    file.unlink()
