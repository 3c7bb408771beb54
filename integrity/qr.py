"""What the QR code of a printed receipt says: enough to compare the paper with a receipt, short enough to be read from paper.

    https://<host>/periksa#1.<event id>.<SHA-256 of what was signed>.<place in the log, or ->.<signature, base64url>

What stands behind `#` never leaves the reader's device. The signature is that of the receipt: a code that was made up, or is
another receipt's, does not equal what `of` makes of the receipt itself.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import base64
from .note import NoteError
from .proof import Proof
from .receipts import ReceiptError, payload_of

FIRST: Final = "1"
_CODE: Final = re.compile(
    r"https://(?P<host>[^/#?@\s]+)/periksa#1\.(?P<id>[0-9a-f-]{36})\.(?P<sha256>[0-9a-f]{64})"
    r"\.(?P<index>-|0|[1-9][0-9]{0,18})\.(?P<signature>[A-Za-z0-9_-]{86})"
)


@dataclass(frozen=True, slots=True)
class Code:
    """`str(code)` is what the code says. `index` is None for a receipt without its place in the log."""

    host: str
    id: str
    sha256: str
    index: int | None
    signature: bytes

    def __str__(self) -> str:
        place = "-" if self.index is None else str(self.index)
        signature = urlsafe_b64encode(self.signature).decode().rstrip("=")
        return f"https://{self.host}/periksa#{FIRST}.{self.id}.{self.sha256}.{place}.{signature}"

    @classmethod
    def parse(cls, text: str) -> "Code":
        """Raises ReceiptError for what `str` would not have written. Nothing is believed of it yet."""
        found = _CODE.fullmatch(text)
        if found is None:
            raise ReceiptError("the code is not that of a printed receipt")
        index = None if found["index"] == "-" else int(found["index"])
        code = cls(found["host"], found["id"], found["sha256"], index, urlsafe_b64decode(found["signature"] + "=="))
        if str(code) != text:
            raise ReceiptError("the code's signature is not in its one spelling")
        return code

    @classmethod
    def of(cls, file: Mapping[str, Any]) -> "Code":
        """Of a receipt's file as `receipts.read` gave it. Raises ReceiptError."""
        receipt = file["receipt"]
        said = payload_of(receipt)
        payload = base64.decode(receipt["payload"], ReceiptError)
        signature = base64.decode(receipt["signatures"][0]["sig"], ReceiptError)
        return cls(said["host"], said["id"], hashlib.sha256(payload).hexdigest(), _index(file.get("proof")), signature)


def _index(proof: str | None) -> int | None:
    if proof is None:
        return None
    try:
        return Proof.parse(proof.encode()).index
    except NoteError as error:
        raise ReceiptError(str(error)) from error
