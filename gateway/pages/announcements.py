"""What the LPSE announces: maintenance, with the tenders it touches."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

PATH: Final = "/pengumuman-lpse"


async def show(visit: Visit) -> Mapping[str, Any]:
    announcements, pager = await visit.listed(PATH, "helpdesk", "/announcements")
    return {"announcements": announcements, **pager}


PAGES: Final = (Page(PATH, "announcements.html", show),)
