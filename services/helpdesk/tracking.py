"""Tracking codes: how people without an account follow what they brought. Only the hash is kept in our rows."""

import hashlib
import secrets

__all__ = ["digest", "new_code"]


def new_code() -> str:
    """128 random bits in hex, in groups of four that can be read out on the telephone."""
    bits = secrets.token_hex(16)
    return "-".join(bits[at : at + 4] for at in range(0, 32, 4))


def digest(code: str) -> bytes:
    """The same for a code however it was typed: with or without the dashes, in capitals or not."""
    return hashlib.sha256(code.replace("-", "").replace(" ", "").lower().encode()).digest()
