"""Questions to the helpdesk (Pasal 6(1)c-d): by anybody; with an account in a list of one's own, else by tracking code."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.tracking import told_once, tracked
from gateway.pages.visit import Visit

__all__ = ["PAGES"]


async def show(visit: Visit) -> Mapping[str, Any]:
    """The list of one's own: the helpdesk sees all of them at its desk."""
    mine = visit.person is not None and "helpdesk" not in visit.person.roles
    tickets, pager = await visit.listed("/tanya", "helpdesk", "/tickets") if mine else ([], {})
    return {"code": visit.query("tender", 20), "tickets": tickets, **pager}


async def send(visit: Visit, form: Form) -> Response:
    form.required("text")
    body = form.body("category", "subject", "text", "contact", "tender")
    sent = await visit.post("helpdesk", "/tickets", body, key=form.key)
    if sent["tracking"] is None:
        return visit.go(f"/tanya/tiket/{sent['id']}", "ticket_sent")
    return await told_once(visit, "tickets/sent.html", sent=sent)


async def show_ticket(visit: Visit) -> Mapping[str, Any]:
    return {"ticket": await visit.get("helpdesk", f"/tickets/{visit.path('id')}")}


async def write(visit: Visit, form: Form) -> Response:
    id = visit.path("id")
    await visit.post("helpdesk", f"/tickets/{id}/messages", {"text": form.required("text")}, key=form.key)
    return visit.go(f"/tanya/tiket/{id}", "message_sent")


async def show_tracking(_visit: Visit) -> Mapping[str, Any]:
    return {"ticket": None}


async def track(visit: Visit, form: Form) -> Response:
    found = await tracked(visit, form, "/tickets/tracked")
    return await told_once(visit, "tickets/track.html", ticket=found)


PAGES: Final = (
    Page("/tanya", "tickets/new.html", show, send),
    Page("/tanya/lacak", "tickets/track.html", show_tracking, track),
    Page("/tanya/tiket/{id:str}", "tickets/ticket.html", show_ticket, write, roles=frozenset()),
)
