"""The desks of those who send auditors and of auditors themselves (Pasal 6(1)e, 6(2)): mandates, and the tenders they open."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.units import everything
from gateway.pages.visit import Visit

__all__ = ["DESK", "PAGES"]

DESK: Final = "/pemeriksaan"
MANDATES: Final = "/mandat"
TERM: Final = ("valid_from", "valid_to")


async def show_desk(visit: Visit) -> Mapping[str, Any]:
    (mandates, pager), tenders = await asyncio.gather(
        visit.listed(DESK, "audit", "/mandates"), visit.get("tender", "/dossiers")
    )
    return {"mandates": mandates, **pager, "tenders": tenders}


async def show_mandates(visit: Visit) -> Mapping[str, Any]:
    (mandates, pager), accounts = await asyncio.gather(
        visit.listed(MANDATES, "audit", "/mandates"), everything(visit, "registry", "/accounts", role="auditor")
    )
    people = {one["id"]: f"{one['name']} ({one['user_id']})" for one in accounts}
    return {"mandates": mandates, **pager, "people": people}


async def change(visit: Visit, form: Form) -> Response:
    if form.do == "end":
        await visit.post("audit", f"/mandates/{form['mandate']}/end", key=form.key)
        return visit.go(MANDATES, "mandate_ended")
    body = form.body("account", "number", *TERM, instants=TERM)
    body["tenders"] = [code for code in re.split(r"[\s,;]+", form["tenders"]) if code]
    await visit.post("audit", "/mandates", body, key=form.key)
    return visit.go(MANDATES, "mandate_granted")


PAGES: Final = (
    Page(DESK, "audit/desk.html", show_desk, roles=roles_of("audit")),
    Page(MANDATES, "audit/mandates.html", show_mandates, change, roles_of("mandates")),
)
