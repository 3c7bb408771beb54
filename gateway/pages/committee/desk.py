"""What a Pokja member works on: the tenders of their committees, and packages that wait for a tender."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from gateway.pages.desks import roles_of
from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]


async def show(visit: Visit) -> Mapping[str, Any]:
    cursors = {name: cursor for name in ("tender", "paket") if (cursor := visit.query(name, 500))}
    tenders = await visit.get("tender", "/tenders", limit=25, cursor=cursors.get("tender"))
    waiting = await visit.get("tender", "/packages", waiting="true", limit=25, cursor=cursors.get("paket"))

    def further(name: str, page: Mapping[str, Any]) -> str | None:
        return f"/pokja?{urlencode(cursors | {name: page['next']})}" if page["next"] else None

    def back(name: str) -> str | None:
        others = {other: cursor for other, cursor in cursors.items() if other != name}
        return f"/pokja?{urlencode(others)}" if name in cursors else None

    return {
        "tenders": tenders["items"],
        "tender_pages": (back("tender"), further("tender", tenders)),
        "packages": waiting["items"],
        "package_pages": (back("paket"), further("paket", waiting)),
    }


PAGES: Final = (Page("/pokja", "committee/desk.html", show, roles=roles_of("committee")),)
