"""The one rule by which an Ed25519 signature counts, everywhere: RFC 8032 without its cofactor, and no weak public key.

Programs differ on signatures that nobody makes honestly: under a key of small order, or with a key or a number spelled
in a second way. Where they differ one verifier would be shown what another refuses, so here they are all refused:

- the public key is the only spelling of its point, and the point is not one of the eight of small order;
- the signature is the only spelling of its two parts, and `R` is what the equation without the cofactor gives, byte by
  byte, which is how OpenSSL and the browsers compute it.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_PRIME: Final = 2**255 - 19
_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL: Final = frozenset({0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8})
"""The y coordinates of the eight points of small order."""


class SignatureError(ValueError):
    """The signature is not one to believe; the text says why."""


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Returns if the key made this signature of the message, else raises SignatureError."""
    check_key(public)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature as error:
        raise SignatureError("the signature does not belong to this text and key") from error


def check_key(public: bytes) -> None:
    """Returns if the key may be trusted with anything, whoever holds it. Raises SignatureError."""
    if len(public) != KEY_BYTES:
        raise SignatureError(f"a public key has {KEY_BYTES} bytes, not {len(public)}")
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    if y >= _PRIME:
        raise SignatureError("the public key is spelled in a second way")
    if y in _SMALL:
        raise SignatureError("the public key is a point of small order: it would accept what nobody signed")
