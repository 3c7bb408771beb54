"""Signed envelopes (DSSE) with Ed25519.

One strict rule: an envelope has exactly one signature, made by exactly the key it names, over exactly the payload type
the verifier expects. There is no choice of algorithm in the envelope.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class SignatureError(ValueError):
    """The envelope is not one to believe; the text says why."""


def sign(payload: bytes, payload_type: str, key: Ed25519PrivateKey, keyid: str) -> dict[str, Any]:
    signature = key.sign(_pre_authentication(payload_type, payload))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}],
    }


def verify(envelope: object, payload_type: str, keys: Mapping[str, Ed25519PublicKey]) -> bytes:
    """The signed payload. `keys` are the ones that may sign this type, by keyid. Raises SignatureError."""
    fields = _object(envelope, {"payload", "payloadType", "signatures"})
    if fields["payloadType"] != payload_type:
        raise SignatureError(f"the envelope is not of the type {payload_type}")
    signatures = fields["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise SignatureError("an envelope has exactly one signature")
    signature = _object(signatures[0], {"keyid", "sig"})
    payload = _bytes(fields["payload"])
    try:
        _key(keys, signature["keyid"]).verify(_bytes(signature["sig"]), _pre_authentication(payload_type, payload))
    except InvalidSignature as error:
        raise SignatureError("the signature does not belong to this payload and key") from error
    return payload


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


def _bytes(text: object) -> bytes:
    """Base64 in its one canonical spelling: a second spelling of the same bytes would be a second receipt."""
    try:
        data = base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise SignatureError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise SignatureError("not base64 in its canonical spelling")
    return data
