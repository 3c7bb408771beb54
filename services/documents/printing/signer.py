"""Who seals: today a certificate of the LPSE's own in a file; a house with BSrE's certificates puts another `Signer` in its place."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from kit.problems import Problem

__all__ = ["FIELD", "FileSigner", "Signer"]

FIELD: Final = "Segel"
PATTERN: Final = "documents-seal-*.pem"
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


class Signer(Protocol):
    def seal(self, pdf: bytes) -> bytes:
        """The same PDF with a seal (PAdES) over all of it. May take long: called in a thread. Raises Problem."""
        ...


@dataclass(frozen=True, slots=True)
class _Seal:
    """What one file holds: the certificate that seals, its key, and the authority's certificate for whoever checks."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey
    authority: x509.Certificate

    @classmethod
    def read(cls, file: Path) -> "_Seal":
        if file.stat().st_mode & 0o007:
            raise Problem(
                "seal_exposed",
                "The private key of the seal can be read by every user of the server.",
                status=503,
                remedy="The operator renews it and keeps its file readable by documents alone (mode 0600).",
            )
        pem = file.read_bytes()
        key = load_pem_private_key(_CERTIFICATE.sub(b"", pem), password=None)
        certificate, authority = (x509.load_pem_x509_certificate(one) for one in _CERTIFICATE.findall(pem))
        if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError(f"{file} is not a seal made by `lpse keys`")
        return cls(certificate, key, authority)

    def valid(self, at: datetime) -> bool:
        return self.certificate.not_valid_before_utc <= at < self.certificate.not_valid_after_utc


@dataclass(frozen=True, slots=True)
class FileSigner:
    """The newest valid certificate among the files that `lpse keys` left in this directory, looked for anew each time."""

    directory: Path

    def seal(self, pdf: bytes) -> bytes:
        # pyHanko takes 30 MB and a second to import: the first receipt waits for it, the service's start does not
        from asn1crypto import keys as asn1_keys
        from asn1crypto import x509 as asn1_x509
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import signers
        from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
        from pyhanko_certvalidator.registry import SimpleCertificateStore

        seal = self._newest(datetime.now(UTC))
        certificate, authority = (asn1_x509.Certificate.load(_der(one)) for one in (seal.certificate, seal.authority))
        store = SimpleCertificateStore.from_certs([authority])  # type: ignore[no-untyped-call]
        key = seal.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        signer = signers.SimpleSigner(certificate, asn1_keys.PrivateKeyInfo.load(key), store)
        meta = signers.PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
        )
        out = BytesIO()
        signers.PdfSigner(meta, signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), output=out)
        return out.getvalue()

    def _newest(self, at: datetime) -> _Seal:
        seals = [seal for file in self.directory.glob(PATTERN) if (seal := _Seal.read(file)).valid(at)]
        if not seals:
            raise Problem(
                "no_seal",
                "This LPSE has no valid certificate to seal with.",
                status=503,
                remedy="The receipt as JSON holds all the same. The operator makes a certificate with "
                "`lpse keys renew documents`.",
            )
        return max(seals, key=lambda seal: seal.certificate.not_valid_before_utc)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
