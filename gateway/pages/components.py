"""The page that shows every component of the design system, for those who build pages and those who judge them."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.pages.forms import Form, WrongField
from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]


async def show(_visit: Visit) -> Mapping[str, Any]:
    wrong = WrongField("amount", "money_unreadable", "Write an amount as 1.250.000 or 1.250.000,50.")
    return {"refused": Form.blank(amount="satu juta", name="Bagian Pengadaan").refused(wrong)}


PAGES: Final = (Page("/komponen", "components.html", show),)
