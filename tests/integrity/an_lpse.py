"""An LPSE of keys and bytes alone: it signs receipts, logs them among others, and has two witnesses."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrity import base64, dsse, receipts
from integrity.canonical import canonical
from integrity.checkpoint import Checkpoint
from integrity.entries import Opening, Place, blind_entry
from integrity.merkle import inclusion_path, leaf_hash, root
from integrity.note import COSIGNATURE, Key, Note, cosign, sign
from integrity.proof import Proof
from integrity.trust import SigningKey, TrustRoot

AT = datetime(2026, 11, 23, 2, 59, 58, 123000, UTC)
RECORD = '{"total":"1331460540.00","type":"bid-record/v1"}'
FILE = b"the offer, as it was uploaded"


def _key(label: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(label.encode()).digest())


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass
class AnLpse:
    name: str = "uji"
    quorum: str = "all"
    owners: Mapping[str, str] = field(
        default_factory=lambda: {"tender": "kt", "registry": "kr", "helpdesk": "kh", "documents": "kd"}
    )
    since: int = 0

    def __post_init__(self) -> None:
        self.log, self.witnesses = (
            _key(f"{self.name} log"),
            {one: _key(f"{self.name} {one}") for one in ("inspektorat", "lpse-a")},
        )
        self.signing = {owner: _key(f"{self.name} {owner}") for owner in self.owners}
        self.origin = f"{self.name}/log/1"

    @property
    def root(self) -> TrustRoot:
        witnesses = "".join(
            f"witness {name} {Key(f'{name}/w', _raw(key), COSIGNATURE)}\n" for name, key in self.witnesses.items()
        )
        offices = tuple(str(Key(f"{self.name}/root-{no}", _raw(_key(f"{self.name} root {no}")))) for no in (1, 2, 3))
        return TrustRoot(
            instance=self.name,
            version=1,
            roots=offices,
            threshold=2,
            policy=f"log {Key(self.origin, _raw(self.log))}\n{witnesses}group both {self.quorum} {' '.join(self.witnesses)}\nquorum both\n",
            receipts=tuple(
                SigningKey(kid, owner, base64.encode(_raw(self.signing[owner])), self.since, 4_000_000_000)
                for owner, kid in self.owners.items()
            ),
        )

    def root_file(self, root: TrustRoot | None = None) -> bytes:
        """As two of the offices signed it."""
        offices = {f"{self.name}/root-{no}": _key(f"{self.name} root {no}") for no in (1, 2)}
        return str((root or self.root).signed(offices)).encode()

    def receipt(self, *, of: str = "bid", owner: str = "tender", record: str = RECORD, **more: Any) -> dict[str, Any]:
        said = {
            "type": receipts.TYPE,
            "of": of,
            "host": self.name,
            "id": "0199f000-0000-7000-8000-000000000001",
            "subject": "0199f000-0000-7000-8000-000000000002",
            "code": "PN-2345678923",
            "received_at": "2026-11-23T02:59:58.123Z",
            "signed_at": "2026-11-23T02:59:59.001Z",
            "files": [
                {
                    "name": "penawaran 1.pdf",
                    "size": len(FILE),
                    "md5": receipts.Original.of([FILE]).md5,
                    "sha256": hashlib.sha256(FILE).hexdigest(),
                }
            ],
            "record_sha256": hashlib.sha256(record.encode()).hexdigest(),
            "status": "provisional",
            **more,
        }
        return dsse.sign(canonical(said), receipts.PAYLOAD_TYPE, self.signing[owner], self.owners[owner])

    def final(
        self,
        *,
        kind: str = "bid.submitted",
        src: str = "tender",
        record: str = RECORD,
        logged: str | None = None,
        index: int = 3,
        size: int = 6,
        seen_by: tuple[str, ...] = ("inspektorat", "lpse-a"),
        shown: bool = True,
        receipt: dict[str, Any] | None = None,
    ) -> bytes:
        """`logged`: the hash that the log's event names, where it is not the record's."""
        digest = logged or hashlib.sha256(record.encode()).hexdigest()
        r, place = bytes(range(32)), Place(src, 7).commitment(bytes(32)).hex()
        opening = Opening(kind, AT, src, place, None, {"bid": "1", "record_sha256": digest})
        entry = blind_entry(AT, opening.commitment(r))
        leaves = [leaf_hash(entry if at == index else b"another %d" % at) for at in range(size)]
        text = str(Checkpoint(self.origin, size, root(leaves)))
        lines = [
            sign(text, self.origin, self.log),
            *(cosign(text, f"{one}/w", self.witnesses[one], 1_795_402_800) for one in seen_by),
        ]
        path = tuple(inclusion_path(index, size, lambda level, at: root(leaves[at << level : (at + 1) << level])))
        proof = Proof(index, path, Note(text, tuple(lines)))
        return receipts.build(
            receipt or self.receipt(record=record),
            record=record if shown else None,
            entry={"entry": entry.decode(), "opening": opening.as_json(), "r": r.hex()},
            proof=str(proof),
        )

    def provisional(self) -> bytes:
        return receipts.build(self.receipt())


def fields(file: bytes | str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file)
    return found
