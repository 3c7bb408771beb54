"""Complaints of anybody (Pasal 18): sent, kept under a tracking code that is shown once, and followed with it."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.receipts import FORMS, as_file
from gateway.pages.tracking import told_once, tracked
from gateway.pages.visit import Visit
from integrity.receipts import payload_of

__all__ = ["PAGES"]


async def show(visit: Visit) -> Mapping[str, Any]:
    return {"code": visit.query("tender", 20)}


async def send(visit: Visit, form: Form) -> Response:
    form.required("text")
    body = form.body("category", "tender", "text", "reporter_name", "contact")
    body["hide_reporter"] = form.ticked("hide_reporter")
    sent = await visit.post("helpdesk", "/complaints", body, key=form.key)
    return await told_once(visit, "complaints/sent.html", sent=sent)


async def show_tracking(_visit: Visit) -> Mapping[str, Any]:
    return {"complaint": None}


async def track(visit: Visit, form: Form) -> Response:
    """What became of it, or its receipt: the code never stands in an address."""
    if form.do in FORMS:
        kept = await tracked(visit, form, "/complaints/tracked/receipt")
        code = payload_of(kept["receipt"])["code"]
        return await as_file(visit, kept, f"tanda-terima-{code}", form.do, with_record=True)
    found = await tracked(visit, form, "/complaints/tracked")
    return await told_once(visit, "complaints/track.html", complaint=found)


PAGES: Final = (
    Page("/pengaduan", "complaints/new.html", show, send),
    Page("/pengaduan/lacak", "complaints/track.html", show_tracking, track),
)
