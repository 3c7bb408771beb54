"""The receipt that the browser's tests are made with is one by our own measure: both sides check the same bytes."""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import gateway
from integrity import dsse
from integrity.canonical import parse
from integrity.entries import Opening, verify_opening
from integrity.merkle import leaf_hash, verify_inclusion
from integrity.receipts import PAYLOAD_TYPE

BROWSER = Path(gateway.__file__).parent / "browser"
HASH = bytes.fromhex


def test_the_vector_of_the_browser_holds_here_too() -> None:
    vector = json.loads((BROWSER / "test" / "receipt.json").read_text())
    for log in vector["logs"]:
        (key,) = log["/log/1/keys"]["keys"]
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=="))
        said = parse(dsse.verify(vector["receipt"], PAYLOAD_TYPE, {key["kid"]: public}))
        assert said["record_sha256"] == hashlib.sha256(vector["record"].encode()).hexdigest()
        opened = log[f"/log/1/entries/{said['id']}"]
        entry, opening = opened["entry"].encode(), Opening.from_json(opened["opening"])
        verify_opening(entry, opening, HASH(opened["r"]))
        assert opening.body["record_sha256"] == said["record_sha256"]
        size, index, root = log["/log/1/head"]["size"], opened["index"], HASH(log["/log/1/head"]["root"])
        path = log[f"/log/1/proof/inclusion?index={index}&size={size}"]["path"]
        verify_inclusion(leaf_hash(entry), index, size, [HASH(hash_) for hash_ in path], root)


def test_the_browser_takes_the_same_type_of_receipt() -> None:
    assert f'PAYLOAD_TYPE = "{PAYLOAD_TYPE}"' in (BROWSER / "src" / "verify.ts").read_text()
