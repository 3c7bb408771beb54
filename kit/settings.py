"""What differs between installations, from the environment (`LPSE_...`) and nowhere else."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, IPvAnyNetwork, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kit.limits import Limits
from kit.production import about_place, about_proxies, about_secret, about_server

__all__ = ["LOG_PERIOD", "CannotStart", "GatewaySettings", "Profile", "Settings", "TelemetrySettings"]

Profile = Literal["production", "latihan"]
LOG_PERIOD: Final[Mapping[Profile, float]] = {"production": 60, "latihan": 0}


class CannotStart(RuntimeError):
    """What was found is nothing to start with; the sentence says what it is and what to do."""


class TelemetrySettings(BaseSettings):
    """Spans go to `otlp` where it is set; the last ones are always kept in memory for the operator's page."""

    model_config = SettingsConfigDict(env_prefix="LPSE_", frozen=True, extra="ignore", hide_input_in_errors=True)

    otlp: str | None = Field(default=None, description="OTLP/HTTP endpoint, e.g. http://collector:4318")
    trace_ratio: float = Field(default=0.1, ge=0, le=1, description="Share of traces kept; the caller's choice wins")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(TelemetrySettings):
    """What one service needs to run."""

    instance: str = Field(default="latihan", description="Which LPSE this is; stands in every event")
    profile: Profile = "production"
    prefix: str = Field(default="lpse", pattern=r"^[a-z][a-z0-9-]{0,30}$", description="Stands before shared names")
    database: SecretStr = Field(description="postgresql://role:password@host:port/database of this service")
    database_pool: int = Field(default=8, ge=2)
    bus: SecretStr = Field(description="amqp(s)://... (RabbitMQ) or postgresql://... (embedded)")
    objects: str | None = Field(default=None, description="http(s)://host:port of the S3 store (documents)")
    objects_key: SecretStr | None = None
    objects_secret: SecretStr | None = None
    keys: Path = Field(description="Directory of this service's private keys")
    jwks: Path = Field(description="File with the public keys of all services")
    sweep: float = Field(default=1.0, gt=0, description="Seconds between looks for work that nobody announced")
    closing_grace_seconds: int = Field(
        default=30, ge=1, description="Seconds from the deadline to the closing of the bids, for consents in flight"
    )
    log_period: float | None = Field(
        default=None,
        ge=0,
        description="Seconds of the public log's even steps, for what it hides; 0: at once, which shows when. "
        "Without it 60, and 0 in a training instance, which hides nothing",
    )
    log_policy: Path | None = Field(
        default=None,
        description="File (C2SP tlog-policy) with the witnesses of the public log, without its `log` lines",
    )
    trust_root: Path | None = Field(
        default=None, description="File that `lpse keys ceremony` made: whose word about this LPSE counts; published"
    )
    limits: Limits = Limits()

    @property
    def log_steps(self) -> timedelta:
        """Zero where the log takes no even steps."""
        return timedelta(seconds=LOG_PERIOD[self.profile] if self.log_period is None else self.log_period)

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Settings":
        if self.profile == "production":
            _refuse(about_place(self.instance, self.prefix, self.log_level))
            _refuse(about_server("LPSE_DATABASE", self.database.get_secret_value()))
            _refuse(about_server("LPSE_BUS", self.bus.get_secret_value()))
            if self.objects_secret is not None:
                user = self.objects_key.get_secret_value() if self.objects_key else ""
                _refuse(about_secret("LPSE_OBJECTS_SECRET", self.objects_secret.get_secret_value(), user))
        return self


class GatewaySettings(TelemetrySettings):
    """What the gateway needs: no database, no bus."""

    instance: str = "latihan"
    profile: Profile = "production"
    keys: Path
    jwks: Path
    upstreams: dict[str, str] = Field(default_factory=dict, description='{"registry": "http://registry:8000", ...}')
    address: str = Field(default="", description="Where the LPSE sees people: providers bring their originals there")
    hours: str = Field(default="", description="When it does")
    public_url: str = Field(default="http://127.0.0.1:8080", description="How people reach this portal")
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description='Whose X-Forwarded-For is believed, e.g. ["10.0.0.0/8"]: the web server in front'
    )
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _production_is_strict(self) -> "GatewaySettings":
        if self.profile == "production":
            _refuse(about_place(self.instance, "", self.log_level))
            _refuse(about_proxies(self.trusted_proxies))
            if not self.public_url.startswith("https://"):
                _refuse(["LPSE_PUBLIC_URL is no https:// address: sessions are cookies that go over TLS alone."])
        return self


def _refuse(refusals: Iterable[str]) -> None:
    for refusal in refusals:
        raise ValueError(refusal)
