"""Base64 in its one canonical spelling: a second spelling of the same bytes would be a second receipt."""

import base64
import binascii


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode(text: object) -> bytes:
    """Raises ValueError for what `encode` would not have written."""
    try:
        data = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error
    if encode(data) != text:
        raise ValueError("not base64 in its canonical spelling")
    return data
