"""Signed envelopes: one signature, one key, one type, one spelling."""

import base64
import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from integrity.dsse import SignatureError, sign, verify

TYPE = "application/vnd.lpse.receipt+json"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
KEYS = {"receipt-1": KEY.public_key(), "receipt-2": OTHER.public_key()}
ENVELOPE = sign(b"payload", TYPE, KEY, "receipt-1")


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_what_was_signed_comes_back(payload: bytes, payload_type: str) -> None:
    assert verify(sign(payload, payload_type, KEY, "receipt-1"), payload_type, KEYS) == payload


def test_the_signature_covers_type_and_payload_with_their_lengths() -> None:
    signature = base64.b64decode(ENVELOPE["signatures"][0]["sig"])
    KEY.public_key().verify(signature, b"DSSEv1 33 application/vnd.lpse.receipt+json 7 payload")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("payload",), "cGF5bG9hZB==", "canonical spelling"),
        (("payload",), "cGF5bG9hZQ", "not base64"),
        (("payload",), "cGF5\nbG9hZA==", "not base64"),
        (("payload",), 7, "not base64"),
        (("payload",), "cGF5bG9hZQ==", "does not belong"),
        (("payloadType",), "text/plain", "not of the type"),
        (("signatures",), [], "exactly one"),
        (("signatures",), ENVELOPE["signatures"] * 2, "exactly one"),
        (("signatures",), {}, "exactly one"),
        (("signatures", 0, "keyid"), "receipt-2", "does not belong"),
        (("signatures", 0, "keyid"), "unknown", "not a key"),
        (("signatures", 0, "keyid"), None, "not a key"),
        (("signatures", 0, "keyid"), [], "not a key"),
        (("signatures", 0, "sig"), "", "64 bytes"),
        (("signatures", 0, "sig"), base64.b64encode(bytes(64)).decode(), "small order"),
        (("signatures", 0, "alg"), "none", "no others"),
        (("more",), 1, "no others"),
    ],
)
def test_a_changed_envelope_is_refused(path: tuple[Any, ...], value: object, reason: str) -> None:
    envelope: Any = copy.deepcopy(ENVELOPE)
    place = envelope
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(SignatureError, match=reason):
        verify(envelope, TYPE, KEYS)


def test_a_type_the_caller_does_not_expect_is_refused_though_well_signed() -> None:
    with pytest.raises(SignatureError, match="not of the type"):
        verify(sign(b"payload", "grant", KEY, "receipt-1"), TYPE, KEYS)


@given(st.integers(0, 511))
def test_no_bit_of_the_signature_may_change(bit: int) -> None:
    signature = int.from_bytes(base64.b64decode(ENVELOPE["signatures"][0]["sig"])) ^ (1 << bit)
    changed = [{"keyid": "receipt-1", "sig": base64.b64encode(signature.to_bytes(64)).decode()}]
    with pytest.raises(SignatureError):
        verify({**ENVELOPE, "signatures": changed}, TYPE, KEYS)


@pytest.mark.parametrize("envelope", [None, [], "{}", {}, {"payload": ""}])
def test_what_is_no_envelope_is_refused(envelope: object) -> None:
    with pytest.raises(SignatureError, match="expected an object"):
        verify(envelope, TYPE, KEYS)
