"""The distribution's Poppler and NSS, by which the tests read printed receipts as others do; nothing else needs them."""

import shutil
from typing import Final

from cli.servers.packages import install, may_install
from cli.servers.process import ServerError

__all__ = ["install_poppler", "poppler_available"]

NEEDED: Final = (
    "Poppler and NSS are not installed here: run `apt-get install poppler-utils libnss3-tools`, or run this as root."
)


def poppler_available() -> bool:
    return all(shutil.which(program) for program in ("pdfsig", "pdftotext", "pdftoppm", "certutil"))


async def install_poppler() -> None:
    if poppler_available():
        return
    if not may_install():
        raise ServerError(NEEDED)
    await install("poppler-utils", "libnss3-tools")
