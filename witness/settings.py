"""What one witness needs to run, from the environment (`LPSE_...`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, SecretStr

from integrity.note import COSIGNATURE, Key, NoteError
from integrity.policy import Policy, PolicyError
from kit.settings import CannotStart, TelemetrySettings

__all__ = ["WitnessSettings", "key_of", "logs_of"]


class WitnessSettings(TelemetrySettings):
    instance: Literal["witness"] = "witness"
    database: SecretStr = Field(description="postgresql://role:password@host:port/database of this witness alone")
    witness_name: str = Field(description="As others know it, without scheme: inspektorat.example/witness")
    witness_key: Path = Field(description="File with its private key, as `lpse keys witness` makes it")
    witness_logs: Path = Field(
        description="File with the logs it looks at: `log` lines of their policies (C2SP tlog-policy)"
    )


def key_of(settings: WitnessSettings) -> tuple[Ed25519PrivateKey, Key]:
    """Raises CannotStart."""
    try:
        if settings.witness_key.stat().st_mode & 0o007:
            raise CannotStart(f"every user of this machine can read {settings.witness_key}: take that right away")
        private = Ed25519PrivateKey.from_private_bytes(_seed(settings.witness_key.read_bytes()))
        return private, Key(settings.witness_name, private.public_key().public_bytes_raw(), COSIGNATURE)
    except (OSError, TypeError, ValueError) as error:
        raise CannotStart(f"LPSE_WITNESS_KEY names {settings.witness_key}, which is no key to use: {error}") from error


def _seed(pem: bytes) -> bytes:
    private = load_pem_private_key(pem, password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("it is of another kind")
    return private.private_bytes_raw()


def logs_of(settings: WitnessSettings) -> Mapping[str, list[Key]]:
    """The keys of each log, by its origin. Raises CannotStart."""
    file = settings.witness_logs
    try:
        policy = Policy.parse(file.read_bytes() + b"\nquorum none\n")
    except (OSError, PolicyError, NoteError) as error:
        raise CannotStart(f"LPSE_WITNESS_LOGS names {file}, which cannot be read: {error}") from error
    if not policy.logs:
        raise CannotStart(f"{file} names no log: put the `log` lines of its policy there, for example of /log/1/policy")
    logs: dict[str, list[Key]] = {}
    for key in policy.logs:
        logs.setdefault(key.name, []).append(key)
    return logs
