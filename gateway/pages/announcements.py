"""What the LPSE announces: maintenance, with the tenders it touches."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

PATH: Final = "/pengumuman-lpse"


async def show(visit: Visit) -> Mapping[str, Any]:
    cursor = visit.request.query_params.get("cursor")
    page = await visit.get("helpdesk", "/announcements", limit=25, cursor=cursor)
    return {
        "announcements": page["items"],
        "later": f"{PATH}?cursor={page['next']}" if page["next"] else "",
        "first": PATH if cursor else "",
    }


PAGES: Final = (Page(PATH, "announcements.html", show),)
