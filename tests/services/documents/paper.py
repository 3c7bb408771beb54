"""A printed receipt as other programs see it: Poppler reads its text and its seal, ZXing the code on its pages."""

import subprocess
from pathlib import Path
from typing import Any

import zxingcpp


def text_of(pdf: bytes) -> str:
    return _poppler("pdftotext", "-layout", "-", "-", pdf=pdf).decode()


def codes_on(pdf: bytes) -> list[str]:
    """What the codes on the first page say, as it comes out of an office's printer."""
    picture = _poppler("pdftoppm", "-gray", "-r", "150", "-f", "1", "-l", "1", "-", pdf=pdf)
    _, size, _, pixels = picture.split(b"\n", 3)
    width, height = map(int, size.split())
    grey: Any = memoryview(pixels).cast("B", (height, width))
    return [found.text for found in zxingcpp.read_barcodes(grey)]


def certified(pdf: bytes, authority: Path, folder: Path) -> str:
    """What pdfsig says to somebody who trusts this authority."""
    known, file = folder / "nss", folder / "sealed.pdf"
    known.mkdir()
    file.write_bytes(pdf)
    subprocess.run(["certutil", "-N", "-d", f"sql:{known}", "--empty-password"], check=True)
    add = ["certutil", "-A", "-d", f"sql:{known}", "-n", "lpse", "-t", "CT,C,C", "-i", str(authority)]
    subprocess.run(add, check=True)
    done = subprocess.run(["pdfsig", "-nssdir", str(known), str(file)], capture_output=True, text=True, check=False)
    return done.stdout


def _poppler(*command: str, pdf: bytes) -> bytes:
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout
