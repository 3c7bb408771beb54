"""Packages: the PPK's list, a new one with its estimate, and one package from its HPS to the letter of appointment."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import uuid4

from starlette.responses import Response

from gateway.pages import hps
from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.units import business_now, committee, everything, instant, skpd_names, unit_named
from gateway.pages.visit import Visit
from kit.problems import NotFound, Problem

__all__ = ["PAGES", "REGIME", "appointment_state"]

REGIME: Final = "P70-2012"
"""The law that new packages are bought under."""
NEW: Final = "packages/new.html"
BLANK_ROWS, MORE_ROWS = 3, 5
FACTS: Final = ("name", "skpd", "category", "method", "year", "location", "funding", "pagu", "rup_code", "committee")
SANGGAH: Final = "masa_sanggah"


async def show_list(visit: Visit) -> Mapping[str, Any]:
    packages, pager = await visit.listed("/paket", "tender", "/packages")
    return {"packages": packages, **pager, "creates": "ppk" in visit.require().roles}


# A new package


async def show_new(visit: Visit) -> Mapping[str, Any]:
    return await _choices(visit)


async def _choices(visit: Visit) -> dict[str, Any]:
    law = await visit.get("tender", f"/regimes/{REGIME}")
    letters = (await visit.get("registry", "/me"))["letters"]
    names, now = await skpd_names(visit), await business_now(visit)
    in_force = await everything(visit, "registry", "/committees", in_force="true")
    own = sorted({letter["skpd"] for letter in letters if letter["role"] == "ppk" and letter["skpd"]})
    word = visit.t.of
    return {
        "skpd": {code: unit_named(visit.t, code, names.get(code)) for code in own},
        "committees": {c["id"]: c["name"] for c in in_force},
        "categories": {row["code"]: word("category", row["code"], row["name"]) for row in law["categories"]},
        "methods": {
            row["code"]: word("method", row["code"], row["name"]) for row in law["methods"] if row["templates"]
        },
        "year": now.year,
        "rows": BLANK_ROWS,
        "sums": None,
    }


async def create(visit: Visit, form: Form) -> Response:
    """`add`: more lines; `sum`: what it comes to; else it is kept. What was pasted becomes lines first."""
    try:
        rows = hps.lines_of(form)
        form = hps.with_rows(form, rows)
        if form.do == "add":
            return await _again(visit, form, rows=len(rows) + MORE_ROWS)
        body = form.body(*FACTS, money=["pagu"]) | {"hps_rows": hps.rows_of(rows)}
        if form["ppn_percent"]:
            body["ppn_percent"] = hps.decimal(form["ppn_percent"], "ppn_percent")
        if form.do == "sum":
            asked = {name: body[name] for name in ("hps_rows", "ppn_percent") if name in body}
            sums = await visit.post("tender", "/hps-sums", asked, key=str(uuid4()))
            return await _again(visit, form, sums=sums | {"left": _left(body.get("pagu"), sums["total"])})
        package = await visit.post("tender", "/packages", body, key=form.key)
    except Problem as refusal:
        if refusal.status == 401:
            raise
        return await _again(visit, form.refused(refusal), refusal.status)
    return visit.go(f"/paket/{package['id']}", "package_created")


def _left(pagu: str | None, total: str) -> Decimal | None:
    """What the ceiling leaves; below zero: the estimate is above it."""
    return Decimal(pagu) - Decimal(total) if pagu else None


async def _again(visit: Visit, form: Form, status: int = 200, **facts: Any) -> Response:
    rows = max(form.count(hps.ROWS), BLANK_ROWS)
    return await visit.page(NEW, status=status, form=form, **(await _choices(visit) | {"rows": rows} | facts))


# One package


async def show_one(visit: Visit) -> Mapping[str, Any]:
    package = await visit.get("tender", f"/packages/{visit.path('id')}")
    tender = next(iter(reversed(package["tenders"])), None)
    announced = tender is not None and tender["status"] != "draft"
    public = await visit.get("tender", f"/public/tenders/{tender['code']}") if tender and announced else None
    roles = visit.require().roles
    return {
        "package": package,
        "unit": (await skpd_names(visit)).get(package["skpd"]),
        "committee": await committee(visit, package["committee"]),
        "sums": _sums(package),
        "tender": tender,
        "public": public,
        "objections": await visit.get("tender", f"/tenders/{tender['id']}/objections") if tender and announced else [],
        "appointment": appointment_state(public, await business_now(visit)) if public else "no_winner",
        "appoints": "ppk" in roles,
        "works": "pokja" in roles,
    }


def _sums(package: Mapping[str, Any]) -> dict[str, Decimal]:
    total = Decimal(package["hps"])
    net = sum((Decimal(row["amount"]) for row in package["hps_rows"]), Decimal(0))
    return {"net": net, "ppn": total - net, "total": total, "left": Decimal(package["pagu"]) - total}


State = Literal["issued", "failed", "no_winner", "objecting", "unanswered", "upheld", "ready"]


def appointment_state(public: Mapping[str, Any], now: datetime) -> State:
    """Why the letter of appointment cannot be issued yet, as the service will judge (Perpres 54/2010 Pasal 85)."""
    objections = public["objections"]
    states: dict[State, bool] = {
        "issued": public["appointment"] is not None,
        "failed": public["status"] == "failed",
        "no_winner": public["winner"] is None,
        "objecting": now <= instant(next(stage["ends_at"] for stage in public["stages"] if stage["code"] == SANGGAH)),
        "unanswered": objections["answered"] < objections["filed"],
        "upheld": objections["upheld"] > 0,
        "ready": True,
    }
    return next(state for state, holds in states.items() if holds)


async def appoint(visit: Visit, form: Form) -> Response:
    package = await visit.get("tender", f"/packages/{visit.path('id')}")
    if not package["tenders"]:
        raise NotFound("tender of package", package["code"])
    body = {"number": form.required("number")}
    await visit.post("tender", f"/tenders/{package['tenders'][-1]['id']}/appointment", body, key=form.key)
    return visit.go(f"/paket/{package['id']}", "appointment_issued")


PAGES: Final = (
    Page("/paket", "packages/list.html", show_list, roles=roles_of("packages")),
    Page("/paket/baru", NEW, show_new, create, roles=frozenset({"ppk"})),
    Page("/paket/{id:uuid}", "packages/one.html", show_one, roles=roles_of("packages") | roles_of("committee")),
    Page("/paket/{id:uuid}/sppbj", "packages/appointment.html", show_one, appoint, roles=frozenset({"ppk"})),
)
