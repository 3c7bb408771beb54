"""The one rule by which an Ed25519 signature counts, everywhere: RFC 8032 without its cofactor, and no weak point.

Programs differ on signatures that nobody makes honestly, and one verifier must not be shown what another refuses. This is
what OpenSSL and the browsers accept, less what some refuse:

- neither the public key nor the signature's `R` is one of the eight points of small order, nor a second spelling of a point;
- `s` is below the group's order, and `R` is what the equation without the cofactor gives, byte by byte.
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
    if _y(signature[:KEY_BYTES]) in _SMALL:
        raise SignatureError("the signature begins with a point of small order, as no signer makes it")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature as error:
        raise SignatureError("the signature does not belong to this text and key") from error


def check_key(public: bytes) -> None:
    """Raises SignatureError for a key of small order or in a second spelling. One that is no point of the curve passes here,
    and verifies nothing.
    """
    if len(public) != KEY_BYTES:
        raise SignatureError(f"a public key has {KEY_BYTES} bytes, not {len(public)}")
    y = _y(public)
    if y >= _PRIME:
        raise SignatureError("the public key is spelled in a second way")
    if y in _SMALL:
        raise SignatureError("the public key is a point of small order: it would accept what nobody signed")


def _y(point: bytes) -> int:
    return int.from_bytes(point, "little") & (1 << 255) - 1
