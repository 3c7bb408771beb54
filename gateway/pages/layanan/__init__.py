"""The unit Layanan Pengguna at its desk (Pasal 7(1)g): tickets, complaints and their forwarding, announcements."""

from typing import Final

from gateway.pages.layanan import announcements, complaints, tickets

__all__ = ["PAGES"]

PAGES: Final = (*tickets.PAGES, *complaints.PAGES, *announcements.PAGES)
