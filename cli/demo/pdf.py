"""PDFs of any size, made here: a page of text, and scanned-looking pages of noise that no compression shrinks."""

import os
import random
import zlib
from collections.abc import Sequence
from pathlib import Path

__all__ = ["write_pdf"]

WIDTH = 1240  # pixels of an A4 page at 150 dpi
PAGE = 1240 * 1754


def write_pdf(path: Path, title: str, lines: Sequence[str], size: int = 0, seed: int = 0) -> None:
    """Write a valid PDF with these lines on its first page and about `size` bytes of scanned pages after it."""
    scans = _scans(max(0, size - 2_000), seed)
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    count = 1 + len(scans)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * index) for index in range(count))
    objects.append(b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox [0 0 595 842] >>" % (count, kids))
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    objects += _page(5, b"/Font << /F 3 0 R >>", _text(title, lines))
    first_image = 4 + 2 * count
    for index in range(len(scans)):
        resources = b"/XObject << /I %d 0 R >>" % (first_image + index)
        objects += _page(7 + 2 * index, resources, b"q 595 0 0 842 0 0 cm /I Do Q")
    objects += [_image(scan) for scan in scans]
    _write(path, objects)


def _page(content: int, resources: bytes, stream: bytes) -> list[bytes]:
    page = b"<< /Type /Page /Parent 2 0 R /Resources << %s >> /Contents %d 0 R >>" % (resources, content)
    return [page, b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream)]


def _text(title: str, lines: Sequence[str]) -> bytes:
    shown = [b"BT /F 16 Tf 56 780 Td 18 TL (%s) Tj /F 11 Tf T*" % _literal(title)]
    shown += [b"T* (%s) Tj" % _literal(line) for line in lines]
    return b"\n".join([*shown, b"ET"])


def _literal(text: str) -> bytes:
    plain = text.encode("cp1252", "replace")
    return plain.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")


def _scans(size: int, seed: int) -> list[bytes]:
    noise = random.Random(seed)  # noqa: S311  pixels, not secrets
    pages = [PAGE] * (size // PAGE) + ([size % PAGE // WIDTH * WIDTH] if size % PAGE >= WIDTH else [])
    return [noise.randbytes(page) for page in pages]


def _image(pixels: bytes) -> bytes:
    height = len(pixels) // WIDTH
    head = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8"
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head % (WIDTH, height), len(pixels), pixels)


def _write(path: Path, objects: Sequence[bytes]) -> None:
    offsets = []
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        for number, body in enumerate(objects, 1):
            offsets.append(file.tell())
            file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        table = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
        file.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
        identity = zlib.crc32(os.fsencode(path.name))
        file.write(
            b"trailer\n<< /Size %d /Root 1 0 R /ID [<%08x> <%08x>] >>\nstartxref\n%d\n%%%%EOF\n"
            % (len(objects) + 1, identity, identity, table)
        )
