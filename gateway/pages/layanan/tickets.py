"""The helpdesk's requests (Pasal 6(1)c-d, 15(3)): the queue, answers, and what people ask by telephone or at the desk."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

LIST: Final = "/layanan/tiket"
STATES: Final = ("open", "answered", "closed")


async def show_list(visit: Visit) -> Mapping[str, Any]:
    wish = visit.query("status")
    status = wish if wish in STATES else STATES[0]
    found, pager = await visit.listed(LIST, "helpdesk", "/tickets", status=status)
    return {"found": found, **pager, "state": status, "states": STATES}


async def open_ticket(visit: Visit, form: Form) -> Response:
    """The tracking code is told to who asked: without an account nothing else leads to the answer."""
    body = form.body("channel", "category", "subject", "text", "contact", "tender")
    opened = await visit.post("helpdesk", "/tickets", body, key=form.key)
    return await visit.page("layanan/ticket_opened.html", opened=opened)


async def show_ticket(visit: Visit) -> Mapping[str, Any]:
    return {"ticket": await visit.get("helpdesk", f"/tickets/{visit.id('id')}")}


async def handle(visit: Visit, form: Form) -> Response:
    path = f"/tickets/{visit.id('id')}"
    if form.do == "close":
        await visit.post("helpdesk", f"{path}/closure", key=form.key)
        return visit.go(LIST, "ticket_closed")
    await visit.post("helpdesk", f"{path}/messages", {"text": form.required("text")}, key=form.key)
    return visit.go(f"{LIST}/{visit.id('id')}", "ticket_answered")


PAGES: Final = (
    Page(LIST, "layanan/tickets.html", show_list, open_ticket, roles_of("tickets")),
    Page(f"{LIST}/{{id:str}}", "layanan/ticket.html", show_ticket, handle, roles_of("tickets")),
)
