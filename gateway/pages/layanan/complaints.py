"""Complaints (Pasal 18): none disappears, each goes to LPSE Pusat and to the Steering Team, and the late ones stand first."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

LIST: Final = "/layanan/pengaduan"
STATES: Final = ("waiting", "forwarded", "answered")
MOST: Final = 100
HANDLERS: Final = frozenset({"helpdesk", "ketua_lpse"})
"""The Inspektur reads and asks; the LPSE acts."""


async def show_list(visit: Visit) -> Mapping[str, Any]:
    wish = visit.query("keadaan")
    state = wish if wish in STATES else ""
    late, (found, pager) = await asyncio.gather(
        visit.get("helpdesk", "/complaints", state="overdue", limit=MOST),
        visit.listed(LIST, "helpdesk", "/complaints", said={"keadaan": state}, state=state),
    )
    first = {row["id"] for row in late["items"]}
    return {
        "late": late,
        "rows": [row for row in found if row["id"] not in first],
        **pager,
        "state": state,
        "states": STATES,
    }


async def show_complaint(visit: Visit) -> Mapping[str, Any]:
    complaint = await visit.get("helpdesk", f"/complaints/{visit.id('id')}")
    return {"complaint": complaint, "handles": not HANDLERS.isdisjoint(visit.require().roles)}


async def handle(visit: Visit, form: Form) -> Response:
    id = visit.id("id")
    if form.do == "forward":
        body = {"letter_number": form.required("letter_number"), "recipients": form.all("recipients")}
        await visit.post("helpdesk", f"/complaints/{id}/forwardings", body, key=form.key)
        return visit.go(f"{LIST}/{id}", "complaint_forwarded")
    await visit.post("helpdesk", f"/complaints/{id}/answer", {"text": form.required("text")}, key=form.key)
    return visit.go(f"{LIST}/{id}", "complaint_answered")


PAGES: Final = (
    Page(LIST, "layanan/complaints.html", show_list, roles=roles_of("complaints")),
    Page(
        f"{LIST}/{{id:str}}", "layanan/complaint.html", show_complaint, handle, roles_of("complaints"), senders=HANDLERS
    ),
)
