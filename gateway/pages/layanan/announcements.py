"""Maintenance announced by somebody who has seen which tenders it hits (Pasal 12(3))."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

PATH: Final = "/layanan/pengumuman"


async def show(visit: Visit) -> Mapping[str, Any]:
    found, pager = await visit.listed(PATH, "helpdesk", "/announcements")
    return {"found": found, **pager}


async def announce(visit: Visit, form: Form) -> Response:
    """The first refusal names the tenders with a deadline in the window; the form is then sent with each of them ticked."""
    body = form.body("title", "text", "starts_at", "ends_at", instants=["starts_at", "ends_at"])
    body |= {"kind": "maintenance", "acknowledged": form.all("acknowledged")}
    await visit.post("helpdesk", "/announcements", body, key=form.key)
    return visit.go(PATH, "maintenance_announced")


PAGES: Final = (Page(PATH, "layanan/announcements.html", show, announce, roles_of("announcements")),)
