"""A witness on a real database, and a log that it looks at."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.witnesses import make_key
from integrity.checkpoint import Checkpoint
from integrity.merkle import consistency_path, leaf_hash, node_hash, root
from integrity.note import Key, Note, sign
from integrity.proof import Growth
from tests.conftest import MakeDatabase
from witness.app import Witness, build
from witness.settings import WitnessSettings

ORIGIN = "log.example/1"
NAME = "inspektorat.example/witness"


@dataclass
class Log:
    """Honest, unless a test asks for another history."""

    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    origin: str = ORIGIN
    salt: bytes = b""

    @property
    def key(self) -> Key:
        return Key(self.origin, self.private.public_key().public_bytes_raw())

    def leaves(self, size: int) -> list[bytes]:
        return [leaf_hash(self.salt + bytes([number])) for number in range(size)]

    def note(self, size: int) -> Note:
        text = str(Checkpoint(self.origin, size, root(self.leaves(size))))
        return Note(text, (sign(text, self.origin, self.private),))

    def growth(self, old: int, new: int) -> Growth:
        leaves = self.leaves(new)

        def node(level: int, index: int) -> bytes:
            if level == 0:
                return leaves[index]
            return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

        path = consistency_path(old, new, node) if 0 < old <= new else []
        return Growth(old, tuple(path), self.note(new))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def settings(make_database: MakeDatabase, log: Log, tmp_path: Path) -> WitnessSettings:
    make_key(tmp_path / "witness.pem", NAME)
    (tmp_path / "logs").write_text(f"log {log.key} https://log.example\n")
    return WitnessSettings.model_validate(
        {
            "database": await make_database("witness"),
            "witness_name": NAME,
            "witness_key": tmp_path / "witness.pem",
            "witness_logs": tmp_path / "logs",
        }
    )


@pytest.fixture
async def witness(settings: WitnessSettings) -> AsyncIterator[Witness]:
    async with build(settings).running() as witness:
        yield witness


@pytest.fixture
async def http(witness: Witness) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=witness.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://witness") as http:
        yield http
