"""A new tender: what is asked of bidders, and the schedule, stage by stage."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.units import business_now, instant
from gateway.pages.visit import Visit
from kit.clock import WIB
from kit.problems import NotFound, Problem

__all__ = ["PAGES"]

TEMPLATE_HTML: Final = "committee/draft.html"
MORNING: Final = time(9)


async def show(visit: Visit) -> Mapping[str, Any]:
    """Before anything is typed: a lawful schedule that begins tomorrow morning."""
    package = await _package(visit, visit.query("package", 60))
    today = (await business_now(visit)).astimezone(WIB).date()
    start = datetime.combine(today + timedelta(days=1), MORNING, WIB)
    facts = await _facts(visit, package)
    proposed = await _proposal(visit, package, next(iter(facts["templates"])), start.isoformat())
    return facts | {"start": _local(start.isoformat()), "stages": proposed}


async def _package(visit: Visit, id: str) -> Any:
    if not id:
        raise NotFound("package", "at this address")
    return await visit.get("tender", f"/packages/{id}")


async def _facts(visit: Visit, package: Mapping[str, Any]) -> dict[str, Any]:
    law = await visit.get("tender", f"/regimes/{package['regime']}")
    usable = next(row["templates"] for row in law["methods"] if row["code"] == package["method"])
    word = visit.t.of
    return {
        "package": package,
        "templates": {
            row["code"]: word("template", row["code"], row["name"]) for row in law["templates"] if row["code"] in usable
        },
        "contract_types": visit.t.group("contract_type"),
    }


async def _proposal(visit: Visit, package: Mapping[str, Any], template: str, start: str) -> list[dict[str, str]]:
    rows = await visit.get("tender", "/schedule-proposals", start=start, regime=package["regime"], template=template)
    return [{"code": r["code"], "starts_at": _local(r["starts_at"]), "ends_at": _local(r["ends_at"])} for r in rows]


def _local(moment: str) -> str:
    """As `datetime-local` shows it, in WIB."""
    return instant(moment).astimezone(WIB).strftime("%Y-%m-%dT%H:%M")


async def act(visit: Visit, form: Form) -> Response:
    """`propose`: another schedule, from the start that was chosen; `again`: as it was typed; else the tender is drafted."""
    package = await _package(visit, form["package"])
    try:
        if form.do == "propose":
            rows = await _proposal(visit, package, form["template"], form.instant("start"))
            return await _again(visit, package, _with_stages(form, rows))
        if form.do == "again":
            return await _again(visit, package, form)
        body = form.body("package", "template", "contract_type", "stages", instants=["starts_at", "ends_at"])
        asked = form["qualification_requirements"].split("\n")
        body["qualification_requirements"] = [line.strip() for line in asked if line.strip()]
        tender = await visit.post("tender", "/tenders", body, key=form.key)
    except Problem as refusal:
        if refusal.status in {401, 404}:
            raise
        return await _again(visit, package, form.refused(refusal), refusal.status)
    return visit.go(f"/pokja/{tender['id']}", "tender_drafted")


def _with_stages(form: Form, rows: Iterable[Mapping[str, str]]) -> Form:
    others = {name: value for name, value in form.values.items() if not name.startswith("stages.")}
    lines = {f"stages.{n}.{name}": [value] for n, row in enumerate(rows) for name, value in row.items()}
    return replace(form, values=others | lines)


async def _again(visit: Visit, package: Mapping[str, Any], form: Form, status: int = 200) -> Response:
    names = ("code", "starts_at", "ends_at")
    rows = [{name: form[f"stages.{n}.{name}"] for name in names} for n in range(form.count("stages"))]
    facts = await _facts(visit, package)
    return await visit.page(TEMPLATE_HTML, status=status, form=form, start="", stages=rows, **facts)


PAGES: Final = (Page("/pokja/baru", TEMPLATE_HTML, show, act, roles=roles_of("committee")),)
