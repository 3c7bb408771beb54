"""A dossier of an LPSE of keys and bytes alone: a tender with two bids in time, one that came late, and a letter."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from integrity import dossier, dsse, receipts
from integrity.canonical import canonical
from integrity.checkpoint import Checkpoint
from integrity.dossier import Member
from integrity.entries import Opening, Place, blind_entry, public_entry
from integrity.merkle import inclusion_path, leaf_hash, root
from integrity.note import Note, cosign, sign
from integrity.proof import Proof
from integrity.receipts import Original
from tests.integrity.an_lpse import AT, AnLpse

CODE = "10080001001"
MANDATE = "0199f000-0000-7000-8000-00000000000f"
BIDS = {"PN-AAAA": "bid.submitted", "PN-BBBB": "bid.submitted", "PN-CCCC": "bid.refused"}
LETTER, SIZE = "0199f000-0000-7000-8000-0000000000aa", 16


def id_of(code: str) -> str:
    return f"0199f000-0000-7000-8000-{sum(code.encode()):012d}"


def file_of(code: str) -> str:
    return f"0199f000-0000-7000-8001-{sum(code.encode()):012d}"


@dataclass
class Told:
    """One entry of the log as audit shows it."""

    index: int
    leaf: bytes
    opening: Opening
    r: bytes
    seq: int
    place_r: bytes

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "entry": self.leaf.decode(),
            "opening": self.opening.as_json(),
            "r": self.r.hex(),
            "seq": self.seq,
            "place_r": self.place_r.hex(),
        }


@dataclass
class ADossier:
    lpse: AnLpse = field(default_factory=AnLpse)
    seen_by: tuple[str, ...] = ("inspektorat", "lpse-a")
    told: list[Told] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    seqs: Mapping[int, int] = field(default_factory=dict)
    """Numbers at the source that are others than their place in the log."""

    def parts(self) -> dict[str, bytes]:
        """All but the list."""
        records = {code: json.dumps({"type": "bid-record/v1", "code": code}, separators=(",", ":")) for code in BIDS}
        digests = {code: hashlib.sha256(record.encode()).hexdigest() for code, record in records.items()}
        rows = [
            {"bid": id_of(code), "version": 1, "record_sha256": digests[code]}
            for code, kind in BIDS.items()
            if kind == "bid.submitted"
        ]
        manifest = canonical({"type": "closing-manifest/v1", "tender": "t", "bids": rows}).decode()
        closing = {"manifest_sha256": hashlib.sha256(manifest.encode()).hexdigest()}
        self.told = [
            self._entry(2 * at, kind, {"code": code, "record_sha256": digests[code]})
            for at, (code, kind) in enumerate(BIDS.items(), 1)
        ]
        self.told.append(self._entry(11, "tender.closed", {}, closing))
        files = {
            file_of(code): b"the offer of %b" % code.encode() for code, kind in BIDS.items() if kind == "bid.submitted"
        }
        self.facts = self._facts(manifest, digests, {**files, LETTER: b"a letter"})
        note, path = self._note()
        parts = {
            dossier.TRUST_ROOT: self.lpse.root_file(),
            dossier.POLICY: self.lpse.root.policy.encode(),
            dossier.CHECKPOINT: str(note).encode(),
            dossier.FACTS: canonical(self._signed()),
            **{f"files/{id}": data for id, data in {**files, LETTER: b"a letter"}.items()},
        }
        for one in self.told:
            parts[f"log/{one.index}.json"] = dossier.entry(one.shown)
            parts[f"log/{one.index}.tlog-proof"] = str(Proof(one.index, path[one.index], note)).encode()
        for one, code in zip(self.told, BIDS, strict=False):
            opened = BIDS[code] == "bid.submitted"
            receipt = self._receipt(code, records[code], files.get(file_of(code), b"closed"))
            parts[f"bids/{code}.json"] = receipts.build(
                receipt,
                record=records[code] if opened else None,
                entry=one.shown,
                proof=str(Proof(one.index, path[one.index], note)),
            )
        return parts

    def _entry(self, at: int, kind: str, body: dict[str, Any], pub: dict[str, Any] | None = None) -> Told:
        r, place_r, seq = bytes([at]) * 32, bytes([at + 100]) * 32, self.seqs.get(at, at)
        opening = Opening(kind, AT, "tender", Place("tender", seq).commitment(place_r).hex(), None, body)
        bound = opening.commitment(r)
        leaf = blind_entry(AT + timedelta(minutes=1), bound) if pub is None else public_entry(kind, AT, pub, bound)
        return Told(at, leaf, opening, r, seq, place_r)

    def _note(self) -> tuple[Note, dict[int, tuple[bytes, ...]]]:
        mine = {one.index: leaf_hash(one.leaf) for one in self.told}
        leaves = [mine.get(at, leaf_hash(b"of others %d" % at)) for at in range(SIZE)]
        text = str(Checkpoint(self.lpse.origin, SIZE, root(leaves)))
        lines = [
            sign(text, self.lpse.origin, self.lpse.log),
            *(cosign(text, f"{one}/w", self.lpse.witnesses[one], 1_795_402_800) for one in self.seen_by),
        ]
        path = {
            at: tuple(inclusion_path(at, SIZE, lambda level, no: root(leaves[no << level : (no + 1) << level])))
            for at in mine
        }
        return Note(text, tuple(lines)), path

    def _receipt(self, code: str, record: str, content: bytes) -> dict[str, Any]:
        original = Original.of([content])
        file = {"name": "penawaran.pdf", "size": len(content), "md5": original.md5, "sha256": original.sha256}
        of = "bid" if BIDS[code] == "bid.submitted" else "rejection"
        return self.lpse.receipt(
            of=of, record=record, code=code, subject=id_of(code), tender=CODE, version=1, files=[file]
        )

    def _facts(self, manifest: str, digests: Mapping[str, str], files: Mapping[str, bytes]) -> dict[str, Any]:
        owners = {file_of(code): id_of(code) for code in BIDS}
        return {
            "type": dossier.FACTS_TYPE,
            "host": self.lpse.name,
            "made_at": "2026-12-01T02:00:00.000Z",
            "mandate": MANDATE,
            "tender": {"code": CODE},
            "manifest": manifest,
            "bids": [
                {"id": id_of(code), "code": code, "record_sha256": digests[code], "opened": kind == "bid.submitted"}
                for code, kind in BIDS.items()
            ],
            "files": [
                {
                    "id": id,
                    "of": "bid_file" if id in owners else "objection_answer",
                    "owner": owners.get(id, "o"),
                    "name": f"{id}.pdf",
                    "size": len(data),
                    "md5": Original.of([data]).md5,
                    "sha256": Original.of([data]).sha256,
                }
                for id, data in files.items()
            ],
        }

    def _signed(self) -> dict[str, Any]:
        key = self.lpse.signing["tender"]
        return dsse.sign(canonical(self.facts), dossier.FACTS_PAYLOAD_TYPE, key, self.lpse.owners["tender"])


def listed(parts: Mapping[str, bytes], **changes: str) -> bytes:
    members = []
    for name, data in parts.items():
        prints = Original.of([data])
        members.append(Member(name, len(data), prints.md5, prints.sha256))
    about = {"host": "uji", "tender": CODE, "mandate": MANDATE, "made_at": "2026-12-01T02:00:01Z", **changes}
    return dossier.index(members=members, **about)


def write(path: Path, parts: Mapping[str, bytes], index: bytes | None = None, compression: int = ZIP_STORED) -> Path:
    """The list is that of these parts, where none is given."""
    with ZipFile(path, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        archive.writestr(dossier.INDEX, listed(parts) if index is None else index)
    return path
