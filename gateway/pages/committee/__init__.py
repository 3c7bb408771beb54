"""The Pokja's desk: its tenders, a new one with its schedule, and the workshop of each."""

from typing import Final

from gateway.pages.committee import desk, drafting, workshop
from gateway.pages.page import Page

__all__ = ["PAGES"]

PAGES: Final[tuple[Page, ...]] = (*desk.PAGES, *drafting.PAGES, *workshop.PAGES)
