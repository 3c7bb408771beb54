"""The seal of printed receipts: an authority of the LPSE's own, and the certificates it gives to documents.

`KEYS/seal` holds the authority. Its private key gives certificates and is needed for nothing else: no service sees it, and on a
cluster it stays on the medium with the other private keys. A certificate's file lies among documents' own keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from cli.mistakes import Mistake
from cli.servers.directory import private
from integrity import base64

__all__ = ["FOLDER", "OWNER", "PURPOSE", "Seal", "authorities", "ensure", "held", "renew"]

OWNER: Final = "documents"
PURPOSE: Final = "seal"
FOLDER: Final = "seal"
AUTHORITY_DAYS: Final = 7300
DAYS: Final = 365
SEALING: Final = "LPSE"
AUTHORITY: Final = "Otoritas Segel LPSE"
LONGEST_NAME: Final = 64


@dataclass(frozen=True)
class Seal:
    """A certificate that seals, or its authority's."""

    id: str
    purpose: str
    since: datetime
    until: datetime

    @classmethod
    def of(cls, certificate: x509.Certificate, purpose: str) -> "Seal":
        since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return cls(_id(certificate), purpose, since, until)


def ensure(home: Path, instance: str) -> Seal | None:
    """A new certificate where none is valid any more; `home` is a directory as `keys create` makes it."""
    now = datetime.now(UTC)
    return None if any(one.since <= now < one.until for one in _given(home)) else renew(home, instance)


def renew(home: Path, instance: str = "", now: datetime | None = None, valid: timedelta = timedelta(days=DAYS)) -> Seal:
    """A new certificate, used from now on; from a new authority where there is none. Raises Mistake."""
    since = (now or datetime.now(UTC)).replace(microsecond=0)
    authority, key = _authority(home / FOLDER, instance, since)
    until = min(since + valid, authority.not_valid_after_utc)
    own = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _begun(_named(_name(authority).replace(AUTHORITY, SEALING, 1)), own, since, until)
        .issuer_name(authority.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(seals=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    folder = home / OWNER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private(
        folder / f"{OWNER}-{PURPOSE}-{_id(certificate)}.pem",
        "".join((_text(certificate), _text(authority), _pem(own))),
    )
    return Seal.of(certificate, PURPOSE)


def authorities(home: Path) -> tuple[str, ...]:
    """The certificates that stand in the root of trust: DER in base64."""
    return tuple(base64.encode(one.public_bytes(Encoding.DER)) for one in _authorities(home / FOLDER))


def held(home: Path) -> list[Seal]:
    """Authorities, then what they gave to documents."""
    return [Seal.of(one, "authority") for one in _authorities(home / FOLDER)] + _given(home)


def _given(home: Path) -> list[Seal]:
    files = sorted((home / OWNER).glob(f"{OWNER}-{PURPOSE}-*.pem"))
    return [Seal.of(x509.load_pem_x509_certificate(file.read_bytes()), PURPOSE) for file in files]


def _authorities(folder: Path) -> Iterator[x509.Certificate]:
    for file in sorted(folder.glob("*.crt")):
        yield x509.load_pem_x509_certificate(file.read_bytes())


def _authority(folder: Path, instance: str, since: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    known = max(_authorities(folder), key=lambda one: one.not_valid_before_utc, default=None)
    if known is not None and known.not_valid_after_utc > since:
        return known, _key_of(folder / f"{_id(known)}.pem", known)
    key = ec.generate_private_key(ec.SECP256R1())
    named = _named(f"{AUTHORITY} {instance}")
    made = (
        _begun(named, key, since, since + timedelta(days=AUTHORITY_DAYS))
        .issuer_name(named)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(seals=False), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private(folder / f"{_id(made)}.pem", _pem(key))
    (folder / f"{_id(made)}.crt").write_text(_text(made))
    return made, key


def _key_of(file: Path, authority: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    if not file.exists():
        raise Mistake(f"{file} is missing: the authority's private key gives certificates. Bring the medium it is on.")
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != authority.public_key():
        raise Mistake(f"{file} is not the private key of {file.with_suffix('.crt')}.")
    return key


def _begun(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name.strip()[:LONGEST_NAME])])


def _name(certificate: x509.Certificate) -> str:
    [found] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found.value)


def _usage(*, seals: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=seals,
        content_commitment=seals,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not seals,
        crl_sign=not seals,
        encipher_only=False,
        decipher_only=False,
    )


def _id(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()[:16]


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
