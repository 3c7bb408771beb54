"""What kube-proxy does: a name's address and port, and each connection to one of those who are ready behind it."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["Address", "Door", "certificate"]

Address = tuple[str, int]
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""A PostgreSQL client's first bytes where it wants TLS."""
CHUNK = 1 << 16


class Door:
    """In turn to each target. `tls`: where PostgreSQL's clients are given the encryption their address demands."""

    def __init__(
        self, at: Address, targets: Callable[[], Sequence[Address]], tls: ssl.SSLContext | None = None
    ) -> None:
        self.at, self._targets, self._tls = at, targets, tls
        self.callers: dict[int, str] = {}
        """Whose connection it is that comes from a port of this machine, as a server behind the door sees it."""
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._opened, *self.at)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _opened(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError, asyncio.IncompleteReadError):
            targets = self._targets()
            if not targets:
                return
            self._turn += 1
            answers, asks = await asyncio.open_connection(*targets[self._turn % len(targets)])
            with closing(asks):
                self.callers[asks.get_extra_info("sockname")[1]] = writer.get_extra_info("peername")[0]
                if self._tls:
                    assert await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST, "no encryption was asked for"
                    writer.write(b"S")
                    await writer.start_tls(self._tls)
                await asyncio.gather(_copy(reader, asks), _copy(answers, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """To the end of what one side says; then that is passed on, and the other may go on speaking."""
    try:
        while block := await reader.read(CHUNK):
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()
    except BaseException:
        writer.transport.abort()
        raise


def certificate(folder: Path, name: str, address: str) -> ssl.SSLContext:
    """A server's, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            subject, subject, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address(address))]), False)
        .sign(key, hashes.SHA256())
    )
    whole = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    whole.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(whole)
    return context
