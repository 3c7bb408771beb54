"""Signed envelopes (DSSE) with Ed25519.

One strict rule: an envelope has exactly one signature, made by exactly the key it names, over exactly the payload type
the verifier expects. There is no choice of algorithm in the envelope.
"""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from . import base64, ed25519
from .ed25519 import SignatureError


def sign(payload: bytes, payload_type: str, key: Ed25519PrivateKey, keyid: str) -> dict[str, Any]:
    signature = key.sign(_pre_authentication(payload_type, payload))
    return {
        "payload": base64.encode(payload),
        "payloadType": payload_type,
        "signatures": [{"keyid": keyid, "sig": base64.encode(signature)}],
    }


def verify(envelope: object, payload_type: str, keys: Mapping[str, Ed25519PublicKey]) -> bytes:
    """The signed payload. `keys` are the ones that may sign this type, by keyid. Raises SignatureError."""
    payload = unverified(envelope, payload_type)
    signature = _object(envelope, {"payload", "payloadType", "signatures"})["signatures"][0]
    public = _key(keys, signature["keyid"]).public_bytes_raw()
    ed25519.verify(public, base64.decode(signature["sig"], SignatureError), _pre_authentication(payload_type, payload))
    return payload


def unverified(envelope: object, payload_type: str) -> bytes:
    """The payload of an envelope of this type, not to be believed yet. Raises SignatureError."""
    fields = _object(envelope, {"payload", "payloadType", "signatures"})
    if fields["payloadType"] != payload_type:
        raise SignatureError(f"the envelope is not of the type {payload_type}")
    signatures = fields["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise SignatureError("an envelope has exactly one signature")
    _object(signatures[0], {"keyid", "sig"})
    return base64.decode(fields["payload"], SignatureError)


def _pre_authentication(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _key(keys: Mapping[str, Ed25519PublicKey], keyid: object) -> Ed25519PublicKey:
    if not isinstance(keyid, str) or keyid not in keys:
        raise SignatureError(f"{keyid!r} is not a key that may sign this")
    return keys[keyid]


def _object(value: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise SignatureError(f"expected an object with the fields {', '.join(sorted(names))} and no others")
    return value
