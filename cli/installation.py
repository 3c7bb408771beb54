"""Where one installation's databases, keys, queues and objects are: written by `up`, read by every other command.

On a cluster the same values come from the environment of each workload; there `serve NAME` needs no such file.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from cli.mistakes import Mistake
from kit.settings import Profile, Settings

if TYPE_CHECKING:  # SQLAlchemy takes its time; `lpse --help` does not wait for it
    from kit.db import Database, Db

__all__ = ["Credentials", "Installation", "NotInstalled"]

FILE = "installation.json"


class NotInstalled(Mistake):
    def __init__(self, var: Path) -> None:
        super().__init__(f"No system was started in {var}. Run `./lpse up` first, or name its directory with --var.")


class Credentials(BaseModel):
    key: str
    secret: str = Field(repr=False)


class Backends(BaseModel):
    """What is in use, in words: `postgresql 18.6 embedded`."""

    database: str
    objects: str
    bus: str


class Installation(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    var: Path
    instance: str
    profile: Profile
    prefix: str
    databases: dict[str, str] = Field(repr=False)
    bus: str = Field(repr=False)
    objects: str
    credentials: dict[str, Credentials]
    backends: Backends
    gateway: str
    sweep: float = 1.0
    trace_ratio: float = 0.1

    @property
    def jwks(self) -> Path:
        return self.var / "keys" / "jwks.json"

    @property
    def trainees(self) -> Path:
        """The passwords and second factors of the training tenant."""
        return self.var / "training.json"

    def keys(self, owner: str) -> Path:
        """Each service sees its own private keys only."""
        return self.var / "keys" / owner

    def environment(self, service: str) -> dict[str, str]:
        """The environment one service runs with, wherever it runs."""
        mine = self.credentials.get(service)
        known = {
            "INSTANCE": self.instance,
            "PROFILE": self.profile,
            "PREFIX": self.prefix,
            "DATABASE": self.databases[service],
            "BUS": self.bus,
            "OBJECTS": self.objects,
            "OBJECTS_KEY": mine.key if mine else None,
            "OBJECTS_SECRET": mine.secret if mine else None,
            "KEYS": str(self.keys(service)),
            "JWKS": str(self.jwks),
            "SWEEP": str(self.sweep),
            "TRACE_RATIO": str(self.trace_ratio),
        }
        return {f"LPSE_{name}": value for name, value in known.items() if value is not None}

    def settings(self, service: str) -> Settings:
        return Settings.model_validate(
            {name.removeprefix("LPSE_").lower(): value for name, value in self.environment(service).items()}
        )

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator["Database"]:
        """One service's database, for a command that looks or mends and leaves again."""
        from kit.db import Database

        database = Database(self.databases[service], pool=2)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def reading(self, service: str) -> AsyncIterator["Db"]:
        async with self.database(service) as database, database.reading() as db:
            yield db

    def write(self) -> None:
        """The file holds passwords: only its owner reads it."""
        draft = self.var / f".{FILE}.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:  # noqa: PTH123
            handle.write(self.model_dump_json(indent=1))
        draft.replace(self.var / FILE)

    @classmethod
    def read(cls, var: Path) -> "Installation":
        file = var / FILE
        if not file.exists():
            raise NotInstalled(var)
        return cls.model_validate_json(file.read_bytes())
