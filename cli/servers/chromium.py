"""The distribution's Chromium, which the tests of the portal drive; nothing else needs it."""

from pathlib import Path
from typing import Final

from cli.servers.packages import install, may_install
from cli.servers.process import ServerError

__all__ = ["CHROMIUM", "chromium_available", "install_chromium"]

CHROMIUM: Final = Path("/usr/bin/chromium")
NEEDED: Final = "Chromium is not installed here: run `apt-get install chromium fonts-liberation`, or run this as root."


def chromium_available() -> bool:
    return CHROMIUM.exists()


async def install_chromium() -> None:
    """With a font: a picture of a page without one shows nothing."""
    if chromium_available():
        return
    if not may_install():
        raise ServerError(NEEDED)
    await install("chromium", "fonts-liberation")
