"""What a firm does on a tender besides bidding: take part, ask in the explanation, object to the result."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.provider.firm import own_standing
from gateway.pages.tenders import ANNOUNCEMENT, is_code
from gateway.pages.units import everything
from gateway.pages.visit import Visit
from kit.problems import NotFound

__all__ = ["PAGES"]

EXPLANATION: Final = "pemberian_penjelasan"
OBJECTION: Final = "masa_sanggah"


async def _tender(visit: Visit) -> dict[str, Any]:
    """The public page's facts, and since when the firm takes part."""
    code = visit.path("code")
    if not is_code(code):
        raise NotFound("tender", code)
    public: dict[str, Any] = await visit.get("tender", f"/public/tenders/{code}")
    mine = await visit.get("tender", f"/tenders/{public['id']}")
    return public | {"joined_at": mine["joined_at"]}


def _address(visit: Visit, page: str) -> str:
    return f"/tender/{visit.path('code')}/{page}"


def _stage(tender: Mapping[str, Any], code: str) -> Mapping[str, Any] | None:
    return next((stage for stage in tender["stages"] if stage["code"] == code), None)


async def show_join(visit: Visit) -> Mapping[str, Any]:
    tender = await _tender(visit)
    bids = await everything(visit, "tender", "/bids/mine", tender=tender["id"]) if tender["joined_at"] else []
    standing = "" if tender["joined_at"] else await own_standing(visit)
    return {"tender": tender, "bids": bids, "announcement": _stage(tender, ANNOUNCEMENT), "standing": standing}


async def join(visit: Visit, form: Form) -> Response:
    tender = await _tender(visit)
    if form.do == "draft":
        bid = await visit.post("tender", f"/tenders/{tender['id']}/bids", key=form.key)
        return visit.go(f"/penawaran/{bid['id']}", "bid_drafted")
    await visit.post("tender", f"/tenders/{tender['id']}/participation", key=form.key)
    return visit.go(_address(visit, "ikut"), "joined")


async def show_questions(visit: Visit) -> Mapping[str, Any] | Response:
    tender = await _tender(visit)
    if not tender["joined_at"]:
        return visit.go(_address(visit, "ikut"), "join_first")
    questions = await visit.get("tender", f"/tenders/{tender['id']}/questions")
    return {"tender": tender, "questions": questions, "stage": _stage(tender, EXPLANATION)}


async def ask(visit: Visit, form: Form) -> Response:
    tender = await _tender(visit)
    await visit.post("tender", f"/tenders/{tender['id']}/questions", form.body("chapter", "text"), key=form.key)
    return visit.go(_address(visit, "tanya"), "question_asked")


async def show_objections(visit: Visit) -> Mapping[str, Any] | Response:
    tender = await _tender(visit)
    if not tender["joined_at"]:
        return visit.go(_address(visit, "ikut"), "join_first")
    provider = visit.require().provider
    objections = await visit.get("tender", f"/tenders/{tender['id']}/objections")
    return {
        "tender": tender,
        "stage": _stage(tender, OBJECTION),
        "own": [one for one in objections if one["provider"] == provider],
        "others": [one for one in objections if one["provider"] != provider],
    }


async def object_(visit: Visit, form: Form) -> Response:
    tender = await _tender(visit)
    await visit.post("tender", f"/tenders/{tender['id']}/objections", form.body("text"), key=form.key)
    return visit.go(_address(visit, "sanggah"), "objection_filed")


ROLES: Final = roles_of("bids")
PAGES: Final = (
    Page("/tender/{code:str}/ikut", "provider/join.html", show_join, join, ROLES),
    Page("/tender/{code:str}/tanya", "provider/questions.html", show_questions, ask, ROLES),
    Page("/tender/{code:str}/sanggah", "provider/objections.html", show_objections, object_, ROLES),
)
