"""The pages of providers: registration and papers, news, taking part in tenders, bids and their receipts."""

from typing import Final

from gateway.pages.provider import bids, firm, inbox, joining

__all__ = ["PAGES"]

PAGES: Final = (*firm.PAGES, *inbox.PAGES, *joining.PAGES, *bids.PAGES)
