"""Help in plain words."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]


async def show_help(_visit: Visit) -> Mapping[str, Any]:
    return {}


PAGES: Final = (Page("/bantuan", "help.html", show_help),)
