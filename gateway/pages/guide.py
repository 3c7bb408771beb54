"""Help in plain words, and the page that checks a receipt in the reader's own browser."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.pages import formats
from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]


async def show_help(_visit: Visit) -> Mapping[str, Any]:
    return {}


async def show_check(visit: Visit) -> Mapping[str, Any]:
    """`says`: the words of gateway/browser/src/verify.ts, in the page's language."""
    return {"says": {**visit.t.group("verify"), **formats.wib_words(visit.t.language)}}


PAGES: Final = (Page("/bantuan", "help.html", show_help), Page("/periksa", "check.html", show_check))
