"""Where one installation's databases, keys, queues and objects are: written by `up`, read by every other command.

On a cluster the same values come from the environment: `serve NAME` reads what it needs itself (kit/settings.py), an
operator's commands all that `OfficeSettings` names.
"""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, Json, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.mistakes import Mistake
from cli.variables import refuse_slips, told
from kit.settings import CannotStart, GatewaySettings, Profile, Settings
from services import SERVICES

if TYPE_CHECKING:  # SQLAlchemy takes its time; `lpse --help` does not wait for it
    from kit.db import Database, Db
    from kit.storage import ObjectStore

__all__ = ["Credentials", "Installation", "NotInstalled", "OfficeSettings"]

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
    host: str | None = None
    """Under which the gateway is asked, if not that of its address: in production it answers to the published one alone."""
    sweep: float = 1.0
    log_period: float | None = None
    log_policy: Path | None = None
    trust_root: Path | None = None
    trace_ratio: float = 0.1
    jwks: Path = Field(default_factory=lambda known: known["var"] / "keys" / "jwks.json")
    trainees: Path = Field(default_factory=lambda known: known["var"] / "training.json")
    """The passwords and second factors of the training tenant."""
    here: bool = True
    """Whether its processes, its disk and the services' private keys are on this machine, as `up` leaves them."""

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
            "LOG_PERIOD": None if self.log_period is None else str(self.log_period),
            "LOG_POLICY": str(self.log_policy) if self.log_policy else None,
            "TRUST_ROOT": str(self.trust_root) if self.trust_root else None,
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

    def documents(self) -> "ObjectStore":
        """The bucket of documents; who opens it closes it."""
        from kit.storage import ObjectStore

        mine = self.credentials["documents"]
        return ObjectStore(self.objects, mine.key, mine.secret, f"{self.prefix}-documents")

    def write(self) -> None:
        """The file holds passwords: only its owner reads it."""
        draft = self.var / f".{FILE}.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:  # noqa: PTH123
            handle.write(self.model_dump_json(indent=1))
        draft.replace(self.var / FILE)

    @classmethod
    def read(cls, var: Path) -> "Installation":
        file = var / FILE
        if file.exists():
            return cls.model_validate_json(file.read_bytes())
        if "LPSE_DATABASES" in os.environ:
            return OfficeSettings.read().installation()
        raise NotInstalled(var)


class OfficeSettings(BaseSettings):
    """What an operator's commands need where `up` wrote nothing down: on a cluster."""

    model_config = SettingsConfigDict(env_prefix="LPSE_", frozen=True, extra="ignore", hide_input_in_errors=True)

    instance: str
    profile: Profile = "production"
    prefix: str = "lpse"
    databases: Json[dict[str, SecretStr]] = Field(description='{"registry": "postgresql://...", ...}, of every service')
    bus: SecretStr
    objects: str
    objects_key: SecretStr = Field(description="The credentials of documents")
    objects_secret: SecretStr
    gateway: str = Field(description="http://host:port of the gateway inside")
    public_url: str | None = Field(default=None, description="The gateway's own: it answers to this name alone")
    jwks: Path
    training: Path | None = Field(default=None, description="File with the accounts of the training tenant")

    @field_validator("databases")
    @classmethod
    def _all_of_them(cls, databases: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """The training clock moves in all of them together or not at all."""
        if databases.keys() != set(SERVICES):
            raise ValueError(f"it names {', '.join(sorted(databases)) or 'none'}, and must name {', '.join(SERVICES)}")
        return databases

    @classmethod
    def read(cls) -> "OfficeSettings":
        """The shared settings of the services stand in the same environment."""
        try:
            refuse_slips(os.environ, cls, Settings, GatewaySettings)
            return cls()
        except ValidationError as error:
            raise Mistake(f"This installation cannot be found: {told(error)}") from error
        except CannotStart as slip:
            raise Mistake(f"This installation cannot be found: {slip}") from slip

    def installation(self) -> Installation:
        key, secret = self.objects_key.get_secret_value(), self.objects_secret.get_secret_value()
        var = Path(tempfile.gettempdir())
        return Installation(
            var=var,
            instance=self.instance,
            profile=self.profile,
            prefix=self.prefix,
            databases={name: self.databases[name].get_secret_value() for name in SERVICES},
            bus=self.bus.get_secret_value(),
            objects=self.objects,
            credentials={"documents": Credentials(key=key, secret=secret)},
            backends=Backends(database="postgresql", objects="s3", bus="rabbitmq"),
            gateway=self.gateway,
            host=urlsplit(self.public_url).netloc if self.public_url else None,
            jwks=self.jwks,
            trainees=self.training or var / "training.json",
            here=False,
        )
