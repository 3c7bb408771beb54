#!/usr/bin/env python3
"""Checks the evidence of a tender with Python alone, without OpenLPSE: python3 verify-evidence.py DIRECTORY"""

import base64
import hashlib
import json
import sys
from pathlib import Path


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def node(left: bytes, right: bytes) -> bytes:  # RFC 6962: nodes are hashed behind a 1 byte, leaves behind a 0 byte
    return sha256(b"\x01" + left + right)


def half(size: int) -> int:  # where RFC 6962 splits a tree: the largest power of two below its size
    return 1 << (size - 1).bit_length() - 1


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"")
    return node(root(leaves[: half(len(leaves))]), root(leaves[half(len(leaves)) :]))


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    if size == 1 or not path:
        return leaf if size == 1 and not path else b"a path of the wrong length"
    if index < half(size):
        return node(climb(leaf, index, half(size), path[:-1]), path[-1])
    return node(path[-1], climb(leaf, index - half(size), size - half(size), path[:-1]))


def check(true: bool, what: str) -> None:
    print(f"{'ok' if true else 'FAILED'}: {what}", file=sys.stdout if true else sys.stderr)
    if not true:
        sys.exit(1)


def check_bid(bid: Path, entry: dict[str, str], stated: list[dict[str, str]]) -> None:
    """What the log committed to is this record, and the record is what is stated, said and signed for."""
    secret, record = json.loads((bid / "opening.json").read_bytes()), (bid / "record.json").read_bytes()
    text = json.dumps(secret["opening"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    committed = sha256(b"log-opening/v1\x00" + bytes.fromhex(secret["r"]) + text.encode()).hex()
    check(committed in (entry.get("c"), entry.get("priv")), f"{bid.name}: the entry committed to opening.json")
    named = secret["opening"]["body"]["record_sha256"] == sha256(record).hex()
    check(named, f"{bid.name}: opening.json names the SHA-256 of record.json")
    said, consent = json.loads(record), json.loads((bid / "consent.json").read_bytes())
    check(said["code"] == bid.name, f"{bid.name}: record.json is of this bid")
    check(consent["answered"]["record"].encode() == record, f"{bid.name}: consent.json was answered with this record")
    check(files_of(said["files"]) == files_of(stated), f"{bid.name}: record.json names each file with its fingerprints")
    for file in stated:
        vouched = json.loads(base64.urlsafe_b64decode(file["statement"].split(".")[1] + "=="))
        check(
            files_of([vouched | file]) == files_of([file | vouched]),
            f"{bid.name}: {file['name']}'s statement is its own",
        )


def files_of(files: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return sorted(tuple(str(file[key]) for key in ("name", "object", "size", "md5", "sha256")) for file in files)


def main(folder: Path) -> None:
    head = json.loads((folder / "checkpoint.json").read_bytes())
    rows = [json.loads(line) for line in (folder / "leaves.jsonl").read_text().splitlines()]
    leaves = [bytes.fromhex(row["leaf_hash"]) for row in rows]
    check([row["index"] for row in rows] == list(range(head["size"])), f"log: all {head['size']} leaves are here")
    check(root(leaves).hex() == head["root"], f"log: they lead to the root {head['root']}")
    bids = sorted(path for path in folder.iterdir() if path.is_dir())
    check(bool(bids), f"{len(bids)} bids are here")
    for bid in bids:
        entry, proof = (bid / "entry.json").read_bytes(), json.loads((bid / "proof.json").read_bytes())
        index, path = proof["index"], [bytes.fromhex(hash_) for hash_ in proof["path"]]
        leaf, stated = sha256(b"\x00" + entry), json.loads((bid / "statement.json").read_bytes())
        check(proof["size"] == head["size"] and 0 <= index < head["size"], f"{bid.name}: the proof is for this log")
        check(leaf == leaves[index], f"{bid.name}: its entry is leaf {index} of the log")
        check(climb(leaf, index, head["size"], path).hex() == head["root"], f"{bid.name}: its path leads to the root")
        here = sorted(path.name for path in (bid / "files").iterdir())
        check(sorted(file["name"] for file in stated) == here, f"{bid.name}: the files stated are the files here")
        for said in stated:
            data = (bid / "files" / said["name"]).read_bytes()
            found = len(data), hashlib.md5(data, usedforsecurity=False).hexdigest(), sha256(data).hex()
            check(found == (said["size"], said["md5"], said["sha256"]), f"{bid.name}: {said['name']} is as stated")
        check_bid(bid, json.loads(entry), stated)
    print(f"All of it holds: {len(bids)} bids. Signatures (statements, receipts) need the installation's public keys.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 verify-evidence.py DIRECTORY (what `lpse demo` named as evidence)")
    try:
        main(Path(sys.argv[1]))
    except (IndexError, KeyError, TypeError, ValueError, OSError) as error:
        check(False, f"the evidence cannot be read: {type(error).__name__}: {error}")
