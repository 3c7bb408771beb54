"""What a service signed, checked as anybody would: with public keys alone."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.ceremony import receipt_keys
from integrity import receipts
from integrity.note import Key
from integrity.trust import TrustRoot
from kit.keys import KeyRing


def root_of(ring: KeyRing, instance: str = "uji") -> TrustRoot:
    """A root of trust over the real keys that sign receipts; its log signed nothing."""
    made = [str(Key(f"{instance}/{name}", _public())) for name in ("root-1", "root-2", "log/1")]
    return TrustRoot(instance, 1, tuple(made[:2]), 2, f"log {made[2]}\nquorum none\n", receipt_keys(ring))


def read(ring: KeyRing, kept: dict[str, Any]) -> dict[str, Any]:
    """What the receipt of a `ReceiptOut` says, whose signature and record hold."""
    report = receipts.verify(receipts.build(kept["receipt"], record=kept["record"]), root_of(ring))
    assert [(check.layer, check.state) for check in report.checks] == [
        ("signature", "ok"),
        ("record", "ok"),
        ("entry", "missing"),
    ], report
    assert report.receipt is not None
    assert report.receipt["id"] == kept["event_id"]
    return dict(report.receipt)


def _public() -> bytes:
    return Ed25519PrivateKey.generate().public_key().public_bytes_raw()
