"""What differs between installations, from the environment (`LPSE_...`) and nowhere else."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["GatewaySettings", "Profile", "Settings", "TelemetrySettings"]

Profile = Literal["production", "latihan"]


class TelemetrySettings(BaseSettings):
    """Spans go to `otlp` where it is set; the last ones are always kept in memory for the operator's page."""

    model_config = SettingsConfigDict(env_prefix="LPSE_", frozen=True, extra="ignore")

    otlp: str | None = Field(default=None, description="OTLP/HTTP endpoint, e.g. http://collector:4318")
    trace_ratio: float = Field(default=0.1, ge=0, le=1, description="Share of traces kept; the caller's choice wins")
    log_level: str = "INFO"


class Settings(TelemetrySettings):
    """What one service needs to run."""

    instance: str = Field(default="latihan", description="Which LPSE this is; stands in every event")
    profile: Profile = "production"
    prefix: str = Field(default="lpse", pattern=r"^[a-z][a-z0-9-]{0,30}$", description="Stands before shared names")
    database: SecretStr = Field(description="postgresql://role:password@host:port/database of this service")
    database_pool: int = Field(default=8, ge=2)
    bus: SecretStr = Field(description="amqp(s)://... (RabbitMQ) or postgresql://... (embedded)")
    objects: str | None = Field(default=None, description="http(s)://host:port of the S3 store (documents, audit)")
    objects_key: SecretStr | None = None
    objects_secret: SecretStr | None = None
    keys: Path = Field(description="Directory of this service's private keys")
    jwks: Path = Field(description="File with the public keys of all services")
    sweep: float = Field(default=1.0, gt=0, description="Seconds between looks for work that nobody announced")
    closing_grace_seconds: int = Field(
        default=30, ge=1, description="Seconds from the deadline to the closing of the bids, for consents in flight"
    )

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Settings":
        if self.profile == "production" and "changeme" in self.database.get_secret_value():
            raise ValueError("LPSE_DATABASE still holds the password of an example: set a real one")
        return self


class GatewaySettings(TelemetrySettings):
    """What the gateway needs: no database, no bus."""

    instance: str = "latihan"
    profile: Profile = "production"
    keys: Path
    jwks: Path
    upstreams: dict[str, str] = Field(default_factory=dict, description='{"registry": "http://registry:8000", ...}')
    public_url: str = Field(default="http://127.0.0.1:8080", description="How people reach this portal")
    max_json_bytes: int = 1 << 20
    requests_per_minute: int = Field(default=1200, description="Per account or address and replica")
