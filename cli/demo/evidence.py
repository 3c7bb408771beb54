"""What a bidder can show afterwards, written down: the bytes sent, what was said of them, the log's proof, and the receipt."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.demo.portal import Portal, Refused, Uploaded, User
from integrity import receipts
from integrity.entries import Opening, verify_opening
from integrity.merkle import leaf_hash, root, verify_inclusion
from integrity.trust import TrustRoot

if TYPE_CHECKING:
    from cli.demo.story import Entrant

__all__ = ["BidEvidence", "Evidence"]

LOG = "/api/audit/log/1"
LEAVES_AT_ONCE = 1000
SEEN_SECONDS = 60


@dataclass(frozen=True)
class BidEvidence:
    id: str
    code: str
    files: Sequence[Path]
    uploads: Mapping[str, Uploaded]
    consent: Mapping[str, Any]
    answer: Mapping[str, Any]


class Evidence:
    """One folder per bid, named by its code; beside them the log's head and all its leaf hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bids: list[BidEvidence] = []
        self.indexes: dict[str, int] = {}

    def add(self, bid: BidEvidence) -> None:
        self.bids.append(bid)

    async def write(self, portal: Portal, entrants: Sequence["Entrant"]) -> dict[str, Any]:
        """Ask the log for every bid's entry and proof, verify them with code of our own, and keep all of it."""
        self._begin()
        entries = {entrant.code: await _entry(entrant) for entrant in entrants}
        head = await portal.visitor().get(f"{LOG}/head")
        leaves = await _leaves(portal, head["size"])
        if root(leaves).hex() != head["root"]:
            raise ValueError("the log's leaves do not lead to its root")
        trust = await self._trusted(portal.visitor())
        users = {entrant.code: entrant.user for entrant in entrants}
        for bid in self.bids:
            found = entries[bid.code]
            proof = await portal.visitor().get(f"{LOG}/proof/inclusion", index=found["index"], size=head["size"])
            _verify(found, proof, head)
            self.indexes[bid.code] = found["index"]
            self._write_bid(bid, found, proof)
            if trust:
                await self._write_receipt(bid, users[bid.code], trust)
        self._dump("checkpoint.json", {"size": head["size"], "root": head["root"]})
        lines = [json.dumps({"index": index, "leaf_hash": leaf.hex()}) for index, leaf in enumerate(leaves)]
        (self.folder / "leaves.jsonl").write_text("\n".join(lines) + "\n")
        return {
            "algorithm": head["algorithm"],
            "size": head["size"],
            "root": head["root"],
            "proofs_verified": len(self.bids),
        }

    def _begin(self) -> None:
        """An earlier run's evidence in this folder gives way; anything else in it is left alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for entry in self.folder.glob("*/entry.json"):
            shutil.rmtree(entry.parent)

    def _write_bid(self, bid: BidEvidence, found: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
        folder = self.folder / bid.code
        (folder / "files").mkdir(parents=True)
        for file, sent in zip(bid.files, bid.uploads.values(), strict=True):
            shutil.copyfile(file, folder / "files" / sent.mine.name)
        stated = [
            vars(sent.mine) | {"object": sent.object, "statement": sent.statement} for sent in bid.uploads.values()
        ]
        self._dump(f"{bid.code}/statement.json", stated)
        self._dump(f"{bid.code}/consent.json", {"sent": dict(bid.consent), "answered": dict(bid.answer)})
        self._dump(f"{bid.code}/proof.json", {key: proof[key] for key in ("index", "size", "path")})
        self._dump(f"{bid.code}/opening.json", {"opening": found["opening"], "r": found["r"]})
        (folder / "entry.json").write_bytes(found["entry"].encode())
        (folder / "record.json").write_bytes(bid.answer["record"].encode())

    async def _trusted(self, visitor: User) -> TrustRoot | None:
        """The root of trust, and the page that checks receipts by it; None where this LPSE has published none yet."""
        try:
            trust = await visitor.read("/trust-root")
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        (self.folder / "trust-root").write_bytes(trust)
        (self.folder / "periksa.html").write_bytes(await visitor.read("/periksa.html"))
        return TrustRoot.parse(trust)

    async def _write_receipt(self, bid: BidEvidence, user: User, root: TrustRoot) -> None:
        """As its file, and printed. It verifies, or there is no evidence."""
        file = await receipt_of(user, await user.get(f"/api/tender/bids/{bid.id}/receipt"))
        sent = [receipts.Original(one.mine.md5, one.mine.sha256) for one in bid.uploads.values()]
        report = receipts.verify(file, root, sent)
        if report.verdict != "good":
            raise ValueError(f"the receipt of {bid.code} does not verify: {report}")
        folder = self.folder / bid.code
        (folder / "receipt.json").write_bytes(file)
        (folder / "receipt.pdf").write_bytes(await user.print("/api/documents/receipts", file))

    def _dump(self, name: str, value: Any) -> None:
        (self.folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


async def receipt_of(user: User, kept: Mapping[str, Any]) -> bytes:
    """The final receipt of a service's answer (`ReceiptOut`), with the record: as any program puts it together."""
    entry = json.loads(await user.read(f"{LOG}/opening", grant=kept["grant"]))
    proof = await _seen(user, entry["index"])
    return receipts.build(kept["receipt"], record=kept["record"], entry=entry, proof=proof)


async def _seen(user: User, index: int) -> str:
    """As soon as enough witnesses saw the entry."""
    async with asyncio.timeout(SEEN_SECONDS):
        while True:
            try:
                return (await user.read(f"{LOG}/proof/entry", index=index, seen="true")).decode()
            except Refused as refused:
                if refused.status != 404:
                    raise
            await asyncio.sleep(0.2)


async def _entry(entrant: "Entrant") -> Mapping[str, Any]:
    found: Mapping[str, Any] = await entrant.user.get(f"{LOG}/entries/{entrant.outcome['event_id']}")
    return found


async def _leaves(portal: Portal, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    while len(leaves) < size:
        part = await portal.visitor().get(
            f"{LOG}/leaves", start=len(leaves), count=min(LEAVES_AT_ONCE, size - len(leaves))
        )
        leaves += [bytes.fromhex(leaf) for leaf in part["leaves"]]
    return leaves


def _verify(found: Mapping[str, Any], proof: Mapping[str, Any], head: Mapping[str, Any]) -> None:
    """Raises ProofError or EntryError when the log does not prove what it says."""
    entry = found["entry"].encode()
    path = [bytes.fromhex(step) for step in proof["path"]]
    verify_inclusion(leaf_hash(entry), proof["index"], head["size"], path, bytes.fromhex(head["root"]))
    verify_opening(entry, Opening.from_json(found["opening"]), bytes.fromhex(found["r"]))
