"""The system user under which root runs a server that refuses to run as root."""

import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.servers.process import Say, ServerError, run

NAME: Final = "lpse"
# Enough to enter directories that are closed to others; containers often grant only the second.
WAYS_IN: Final = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True)
class Account:
    """Who a child process becomes, and at most one capability it keeps."""

    name: str
    capability: str | None = None

    def setpriv(self) -> list[str]:
        drop = [f"--reuid={self.name}", f"--regid={self.name}", "--clear-groups"]
        if not self.capability:
            return drop
        only = f"-all,+{self.capability}"
        # no_setuid_fixup: access(2), by which a program looks for its own files, then counts the capability too
        keep = [f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}"]
        return [*drop, *keep, "--securebits=+no_setuid_fixup"]


async def system_account(*needed: Path, say: Say) -> Account:
    """Return the account that can reach all of `needed`; made by useradd when it does not exist."""
    entry = _entry() or await _made(say)
    closed = [step for target in needed for step in _closed(target.resolve(), entry)]
    return Account(NAME, _way_into(closed[0], say)) if closed else Account(NAME)


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


async def _made(say: Say) -> pwd.struct_passwd:
    say(f"PostgreSQL does not run as root: making the system user {NAME} for it")
    try:
        await run(["useradd", "--system", "--user-group", "--no-create-home", "--shell=/usr/sbin/nologin", NAME])
    except ServerError:
        if entry := _entry():  # another start has just made it
            return entry
        raise
    return pwd.getpwnam(NAME)


def _closed(target: Path, user: pwd.struct_passwd) -> list[Path]:
    """Return what stands in the way of this user to `target`, outermost first."""
    return [step for step in reversed([target, *target.parents]) if not _may_enter(step, user)]


def _may_enter(step: Path, user: pwd.struct_passwd) -> bool:
    status = step.stat()
    shift = 6 if status.st_uid == user.pw_uid else 3 if status.st_gid == user.pw_gid else 0
    return bool(status.st_mode >> shift & 1)


def _way_into(closed: Path, say: Say) -> str:
    ours = _capabilities()
    for name, bit in WAYS_IN.items():
        if ours >> bit & 1:
            say(f"{closed} is closed to the system user {NAME}: PostgreSQL keeps the capability {name} to enter it")
            return name
    raise ServerError(
        f"As root, PostgreSQL runs as the system user {NAME}, who may not enter {closed} (mode "
        f"{closed.stat().st_mode & 0o777:o}). Open it (chmod o+x {closed}), use a checkout and a --var that others may "
        "enter, or do not run as root."
    )


def _capabilities() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("CapEff")).split()[1], 16)
