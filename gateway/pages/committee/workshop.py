"""One tender as its committee works on it: a page for each matter, each an address of its own."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.committee.duties import Facts, duties
from gateway.pages.desks import roles_of
from gateway.pages.forms import Form, WrongField
from gateway.pages.page import Act, Page, Show
from gateway.pages.units import business_now, committee
from gateway.pages.visit import Visit
from kit.problems import NotFound

__all__ = ["PAGES"]

TABS: Final = (
    "",
    "jadwal",
    "dokumen",
    "persetujuan",
    "pertanyaan",
    "pembukaan",
    "evaluasi",
    "pemenang",
    "sanggah",
    "gagal",
)
PROOF: Final = "pembuktian"


async def _tender(visit: Visit) -> dict[str, Any]:
    """What every tab shows. The package shows to members alone, and so does the workshop."""
    tender = await visit.get("tender", f"/tenders/{visit.path('id')}")
    package = await visit.get("tender", f"/packages/{tender['package']}")
    return {
        "tender": tender,
        "package": package,
        "business_now": await business_now(visit),
        "base": _base(visit),
        "tabs": TABS,
        "me": visit.require().account,
    }


def _base(visit: Visit) -> str:
    return f"/pokja/{visit.path('id')}"


async def _sheet(visit: Visit, tender: Mapping[str, Any]) -> Any:
    """None before the opening."""
    return await visit.get("tender", f"/tenders/{tender['id']}/evaluation") if tender["opened_at"] else None


async def _questions(visit: Visit, tender: Mapping[str, Any]) -> Any:
    return await visit.get("tender", f"/tenders/{tender['id']}/questions") if tender["announced_at"] else []


async def _objections(visit: Visit, tender: Mapping[str, Any]) -> Any:
    return await visit.get("tender", f"/tenders/{tender['id']}/objections") if tender["winner_announced_at"] else []


async def _public(visit: Visit, tender: Mapping[str, Any]) -> Any:
    return await visit.get("tender", f"/public/tenders/{tender['code']}") if tender["announced_at"] else None


# Ikhtisar, jadwal, dokumen


async def show_overview(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    tender = facts["tender"]
    known = Facts(
        tender,
        facts["business_now"],
        facts["me"],
        sheet=await _sheet(visit, tender),
        questions=await _questions(visit, tender),
        objections=await _objections(visit, tender),
    )
    return facts | {"duties": duties(known), "public": await _public(visit, tender)}


async def show_plain(visit: Visit) -> Mapping[str, Any]:
    return await _tender(visit)


# Persetujuan


async def show_pact(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    known = await committee(visit, facts["package"]["committee"])
    return facts | {"pact": await visit.get("tender", "/pact-text"), "committee": known}


async def accept_pact(visit: Visit, form: Form) -> Response:
    if not form.ticked("accepted"):
        raise WrongField("accepted", "field_required", "This has to be filled in.")
    body = form.body("pact_version")
    tender = await visit.post("tender", f"/tenders/{visit.path('id')}/approvals", body, key=form.key)
    notice = "tender_announced" if tender["status"] == "running" else "pact_accepted"
    return visit.go(f"{_base(visit)}/persetujuan", notice)


# Pertanyaan


async def show_questions(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    questions = await _questions(visit, facts["tender"])
    return facts | {"questions": questions, "blanks": {question["id"]: Form.blank() for question in questions}}


async def answer_question(visit: Visit, form: Form) -> Response:
    questions = await visit.get("tender", f"/tenders/{visit.path('id')}/questions")
    question = form.required("question")
    if question not in {known["id"] for known in questions}:
        raise NotFound("question", question)
    await visit.post("tender", f"/questions/{question}/answer", {"text": form.required("text")}, key=form.key)
    return visit.go(f"{_base(visit)}/pertanyaan", "question_answered")


# Pembukaan


async def show_opening(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    tender = facts["tender"]
    bids = await visit.get("tender", f"/tenders/{tender['id']}/bids") if tender["opened_at"] else []
    known = Facts(tender, facts["business_now"], facts["me"])
    opens = next(duty for duty in duties(known) if duty.key == "opening") if tender["status"] != "failed" else None
    return facts | {"bids": bids, "duty": opens, "public": await _public(visit, tender)}


async def open_bids(visit: Visit, form: Form) -> Response:
    await visit.post("tender", f"/tenders/{visit.path('id')}/opening", key=form.key)
    return visit.go(f"{_base(visit)}/pembukaan", "bids_opened")


# Evaluasi


async def show_sheet(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    return facts | {"sheet": await _sheet(visit, facts["tender"])}


async def show_bid(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    sheet = await _sheet(visit, facts["tender"])
    bids = await visit.get("tender", f"/tenders/{facts['tender']['id']}/bids")
    row = next((row for row in sheet["bids"] if row["bid"] == visit.path("bid")), None)
    if row is None:
        raise NotFound("bid", visit.path("bid"))
    proven = any(step["step"] == PROOF for step in row["steps"])
    return facts | {
        "sheet": sheet,
        "row": row,
        "lines": await visit.get("tender", f"/bids/{row['bid']}/correction"),
        "bid": next(bid for bid in bids if bid["id"] == row["bid"]),
        "proves": sheet["candidate"] == row["bid"] and not proven,
    }


async def decide(visit: Visit, form: Form) -> Response:
    """`prove`: the originals were seen; else the step that the page showed is decided."""
    bid = visit.path("bid")
    if bid not in {row["id"] for row in await visit.get("tender", f"/tenders/{visit.path('id')}/bids")}:
        raise NotFound("bid", bid)
    body = {"passed": form.required("passed"), "reason": form["reason"]}
    if form.do == "prove":
        await visit.post("tender", f"/bids/{bid}/pembuktian", body, key=form.key)
    else:
        await visit.post("tender", f"/bids/{bid}/evaluations", body | {"step": form.required("step")}, key=form.key)
    return visit.go(f"{_base(visit)}/evaluasi/{bid}", "step_recorded")


# Pemenang


async def show_winner(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    tender = facts["tender"]
    sheet = await _sheet(visit, tender)
    known = Facts(tender, facts["business_now"], facts["me"], sheet=sheet)
    return facts | {
        "sheet": sheet,
        "candidate": next((row for row in sheet["bids"] if row["bid"] == sheet["candidate"]), None) if sheet else None,
        "duties": {duty.key: duty for duty in duties(known)},
        "committee": await committee(visit, facts["package"]["committee"]),
    }


async def decide_winner(visit: Visit, form: Form) -> Response:
    """`announce`: the winner that is determined; else I stand behind the first in rank."""
    path = f"/tenders/{visit.path('id')}/winner"
    if form.do == "announce":
        await visit.post("tender", f"{path}/announcement", key=form.key)
        return visit.go(f"{_base(visit)}/pemenang", "winner_announced")
    said = await visit.post("tender", f"{path}/approvals", key=form.key)
    return visit.go(f"{_base(visit)}/pemenang", "winner_determined" if said["determined"] else "winner_approved")


# Sanggah


async def show_objections(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    return facts | {"objections": await _objections(visit, facts["tender"])}


async def show_objection(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    found = (row for row in await _objections(visit, facts["tender"]) if row["id"] == visit.path("objection"))
    objection = next(found, None)
    if objection is None:
        raise NotFound("objection", visit.path("objection"))
    return facts | {"objection": objection}


async def answer_objection(visit: Visit, form: Form) -> Response:
    """The letter was uploaded before; what documents stated about it came back with the form."""
    objection = (await show_objection(visit))["objection"]["id"]
    last = form.count("files") - 1
    if last < 0:
        raise WrongField("berkas", "letter_missing", "Upload the letter that answers the objection.")
    body = {name: form[f"files.{last}.{name}"] for name in ("statement", "md5", "sha256")}
    body |= {"upheld": form.required("upheld"), "text": form.required("text")}
    await visit.post("tender", f"/objections/{objection}/answer", body, key=form.key)
    return visit.go(f"{_base(visit)}/sanggah/{objection}", "objection_answered")


# Gagal


async def show_failure(visit: Visit) -> Mapping[str, Any]:
    facts = await _tender(visit)
    law = await visit.get("tender", f"/regimes/{facts['package']['regime']}")
    return facts | {
        "grounds": {ground["code"]: ground for ground in law["failure_grounds"]},
        "ground": None,
        "public": await _public(visit, facts["tender"]),
    }


async def declare_failed(visit: Visit, form: Form) -> Response:
    """First the ground is chosen and shown again with what follows; only `declare` ends the tender."""
    facts = await show_failure(visit)
    ground = facts["grounds"].get(form.required("ground"))
    if ground is None:
        raise NotFound("ground", form["ground"])
    if ground["evidence"]:
        form.required("evidence")
    if form.do != "declare":
        return await visit.page("committee/failure.html", form=form, **{**facts, "ground": ground})
    body = form.body("ground", "evidence", "next_action")
    await visit.post("tender", f"/tenders/{visit.path('id')}/failure", body, key=form.key)
    return visit.go(f"{_base(visit)}/gagal", "tender_failed")


def _page(path: str, template: str, show: Show, act: Act | None = None) -> Page:
    return Page(f"/pokja/{{id:uuid}}{path}", f"committee/{template}.html", show, act, roles=roles_of("committee"))


PAGES: Final = (
    _page("", "overview", show_overview),
    _page("/jadwal", "schedule", show_plain),
    _page("/dokumen", "documents", show_plain),
    _page("/persetujuan", "pact", show_pact, accept_pact),
    _page("/pertanyaan", "questions", show_questions, answer_question),
    _page("/pembukaan", "opening", show_opening, open_bids),
    _page("/evaluasi", "sheet", show_sheet),
    _page("/evaluasi/{bid:uuid}", "bid", show_bid, decide),
    _page("/pemenang", "winner", show_winner, decide_winner),
    _page("/sanggah", "objections", show_objections),
    _page("/sanggah/{objection:uuid}", "objection", show_objection, answer_objection),
    _page("/gagal", "failure", show_failure, declare_failed),
)
