"""Whether a PDF is as it was sealed, and by whose certificate: without a network, and at whatever time.

What counts is the instant of sealing: a certificate that ended since, or its authority's that did, sealed rightly while it was valid.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import EmbeddedPdfSignature, async_validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from integrity import base64
from integrity.receipts import LARGEST, Check, ReceiptError
from services.documents.printing.page import ATTACHMENT

__all__ = ["BEGINNING", "attached", "check"]

BEGINNING: Final = b"%PDF-"
_USAGE: Final = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"})
logging.getLogger("pyhanko.sign.validation").setLevel(logging.CRITICAL)  # what it finds is the answer, and no event


def attached(pdf: bytes) -> bytes:
    """The receipt's file inside, not believed yet. Raises ReceiptError."""
    try:
        files = PdfFileReader(BytesIO(pdf), strict=False).root["/AF"]
        found = [one for one in (entry.get_object() for entry in files) if one.get("/UF", one.get("/F")) == ATTACHMENT]
        [data] = [one["/EF"]["/F"].data for one in found]
    except Exception as error:  # see `check`
        raise ReceiptError(f"the PDF holds no {ATTACHMENT}: {error}") from error
    if not isinstance(data, bytes) or len(data) > LARGEST:
        raise ReceiptError(f"the PDF's {ATTACHMENT} is too large")
    return data


def check(pdf: bytes, seals: Sequence[str]) -> Check:
    """`seals` as in the root of trust: the authorities' certificates, DER in base64. Raises nothing."""
    try:
        found = list(PdfFileReader(BytesIO(pdf)).embedded_signatures)
        if not found:
            return Check("seal", "failed", "seal_none")
        [signature] = found  # a second one came later than the seal, which allows nothing after it
        at = signature.self_reported_timestamp
        name = str(signature.signer_cert.subject.native.get("common_name", "?"))
        if at is None:
            return Check("seal", "failed", "seal_wrong")
        status = asyncio.run(async_validate_pdf_signature(signature, _context(seals, at), key_usage_settings=_USAGE))
    except Exception:  # noqa: BLE001  a reader falls over anything that somebody wrote into a PDF or a certificate
        return Check("seal", "failed", "seal_wrong")
    if not _untouched(signature, status):
        return Check("seal", "failed", "seal_wrong")
    if not status.trusted:
        return Check("seal", "failed", "seal_unknown", {"name": name})
    return Check("seal", "ok", "seal", {"name": name})


def _untouched(signature: EmbeddedPdfSignature, status: PdfSignatureStatus) -> bool:
    whole = signature.evaluate_signature_coverage() is SignatureCoverageLevel.ENTIRE_FILE
    return whole and status.intact and status.valid


def _context(seals: Sequence[str], at: datetime) -> Any:
    authorities = [x509.Certificate.load(base64.decode(seal, ValueError)) for seal in seals]
    return ValidationContext(trust_roots=authorities, moment=at, best_signature_time=at, allow_fetching=False)
