"""Base64 in its one canonical spelling: a second spelling of the same bytes would be a second receipt."""

import base64
import binascii


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode(text: object, error: type[ValueError]) -> bytes:
    """Raises `error` for what `encode` would not have written."""
    if not isinstance(text, str):
        raise error("not base64, which is text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as why:
        raise error("not base64") from why
    if encode(data) != text:
        raise error("not base64 in its canonical spelling")
    return data
