"""Witnesses of the log: a key for one, and those that `lpse up --witnesses N` runs beside the system to show how it is watched.

Real ones are somebody else's: with a machine, a database and a key of their own.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from cli.installation import Installation
from cli.mistakes import Mistake
from cli.servers.ports import LOOPBACK
from integrity.note import COSIGNATURE, Key, NoteError
from services.audit.log.signing import Signer

__all__ = ["Watching", "make_key", "prepared", "private_key", "public_key"]


@dataclass(frozen=True)
class Watching:
    """One of those beside the system."""

    name: str
    port: int
    environment: Mapping[str, str]


def make_key(file: Path, name: str) -> Key:
    """A new private key for the witness of this name, in a file for its owner alone. Raises Mistake."""
    private = Ed25519PrivateKey.generate()
    try:
        key = Key(name, private.public_key().public_bytes_raw(), COSIGNATURE)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123
            out.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except NoteError as why:
        raise Mistake(f"{why}. A witness is named like inspektorat.example/witness.") from why
    except FileExistsError as error:
        raise Mistake(f"{file} is there already: a witness keeps its key. Name another file.") from error
    except OSError as error:
        raise Mistake(f"{file} cannot be written: {error.strerror}.") from error
    return key


def private_key(file: Path) -> Ed25519PrivateKey:
    private = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise Mistake(f"{file} is no Ed25519 key.")
    return private


def public_key(file: Path, name: str) -> Key:
    return Key(name, private_key(file).public_key().public_bytes_raw(), COSIGNATURE)


def prepared(installation: Installation, databases: Sequence[str], ports: Sequence[int]) -> list[Watching]:
    """Their keys, the logs they look at, and the policy that names them, of which more than half are enough."""
    folder = installation.var / "witnesses"
    folder.mkdir(exist_ok=True, mode=0o700)
    logs, policy = folder / "logs", folder / "policy"
    signer = Signer.of(installation.settings("audit"))
    logs.write_text("".join(f"log {key}\n" for key in signer.known()))
    watching, lines = [], []
    for number, (database, port) in enumerate(zip(databases, ports, strict=True), 1):
        short, name = f"saksi-{number}", f"{installation.instance}/saksi-{number}"
        file = folder / f"{short}.pem"
        key = public_key(file, name) if file.exists() else make_key(file, name)
        lines.append(f"witness {short} {key} http://{LOOPBACK}:{port}\n")
        environment = {
            "LPSE_DATABASE": database,
            "LPSE_WITNESS_NAME": name,
            "LPSE_WITNESS_KEY": str(file),
            "LPSE_WITNESS_LOGS": str(logs),
        }
        watching.append(Watching(short, port, environment))
    names = " ".join(one.name for one in watching)
    policy.write_text("".join(lines) + f"group cukup {len(watching) // 2 + 1} {names}\nquorum cukup\n")
    installation.log_policy = policy
    return watching
