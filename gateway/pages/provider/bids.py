"""`/penawaran`: the own bids; a draft with its files and prices, the consent, and the receipt of what was decided.

Prices are sealed: until the consent they stand in the browser alone. `hitung` is for browsers without scripts; what it
is sent is computed with and forgotten.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form, WrongField
from gateway.pages.page import Page
from gateway.pages.provider import offers
from gateway.pages.receipts import FORMS, as_file, form_of
from gateway.pages.units import everything
from gateway.pages.visit import Visit
from gateway.pages.words_of_numbers import terbilang
from integrity.receipts import payload_of
from kit.problems import Problem

__all__ = ["PAGES"]

TEMPLATE: Final = "provider/bid.html"
UPLOAD: Final = "upload_penawaran"
AT_ONCE: Final = 4
"""Questions about the files of one page: documents has eight connections to its database for everybody."""


async def show_list(visit: Visit) -> Mapping[str, Any]:
    bids, pager = await visit.listed("/penawaran", "tender", "/bids/mine")
    return {"bids": bids, **pager}


async def _bid(visit: Visit) -> Any:
    return await visit.get("tender", f"/bids/{visit.path('id')}")


async def _in_force(visit: Visit, draft: Mapping[str, Any], tender: Mapping[str, Any]) -> dict[str, str]:
    """What the bid says that a draft would replace, by the names of the form's fields; nothing where there is none."""
    if draft["version"] == 1:
        return {}
    own = await everything(visit, "tender", "/bids/mine", tender=draft["tender"])
    record = next((json.loads(bid["record"]) for bid in own if bid["status"] == "submitted"), None)
    return offers.fields(record, tender["quantities"]) if record else {}


async def show_bid(visit: Visit) -> dict[str, Any]:
    bid = await _bid(visit)
    tender = await visit.get("tender", f"/public/tenders/{bid['tender_code']}")
    stage = next((stage for stage in tender["stages"] if stage["code"] == UPLOAD), None)
    if bid["status"] != "draft":
        return {"bid": bid, "tender": tender, "stage": stage, **_decided(bid)}
    before = await _in_force(visit, bid, tender)
    return {
        "bid": bid,
        "tender": tender,
        "stage": stage,
        "consent": await visit.get("tender", "/consent-text"),
        "kept": await _arrived(visit, bid["files"]),
        "before": before,
        "offer_of": lambda form: offers.shown(form if form.values else Form.blank(**before), tender["quantities"]),
        "hps": Decimal(tender["hps"]),
        "collected_by": lambda form: {file["file"] for file in _named(form, "files")},
        "terbilang": terbilang,
    }


async def _arrived(visit: Visit, files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    free = asyncio.Semaphore(AT_ONCE)

    async def asked(file: Mapping[str, Any]) -> dict[str, Any] | None:
        async with free:
            return await _kept(visit, file)

    return [kept for kept in await asyncio.gather(*map(asked, files)) if kept]


async def _kept(visit: Visit, file: Mapping[str, Any]) -> dict[str, Any] | None:
    """What arrived under this file's grant, as documents said to its sender; None: nothing yet."""
    try:
        stated = await visit.get("documents", f"/uploads/{file['grant']}")
    except Problem as refusal:
        if refusal.status == 404:
            return None
        raise
    return {**stated, "file": file["id"]}


def _decided(bid: Mapping[str, Any]) -> dict[str, Any]:
    """The record is what was sent, the receipt what was received and decided."""
    record = json.loads(bid["record"])
    said = payload_of(bid["receipt"])
    received = {file["sha256"]: file for file in said["files"]}
    places = {(file["name"], file["sha256"]): file["id"] for file in bid["files"]}
    files = [
        {"sent": file, "received": received.get(file["sha256"]), "id": places.get((file["name"], file["sha256"]))}
        for file in record["files"]
    ]
    return {"record": record, "said": said, "files": files, "key": bid["receipt"]["signatures"][0]["keyid"]}


async def act_on_bid(visit: Visit, form: Form) -> Response:
    if form.do == "hitung":
        offers.read(form)
        return await visit.page(TEMPLATE, form=form, **await show_bid(visit))
    if form.do == "replace":
        bid = await _bid(visit)
        draft = await visit.post("tender", f"/tenders/{bid['tender']}/bids", key=form.key)
        return visit.go(f"/penawaran/{draft['id']}", "bid_drafted")
    return await _consent(visit, form)


async def _consent(visit: Visit, form: Form) -> Response:
    """One call and no other before it: its arrival is the instant that counts (Pasal 14(5))."""
    offer, files = offers.read(form), _files(form)
    if not files:
        raise WrongField("berkas", "bid_without_files", "Upload at least one file of the offer first.")
    if not offer.total:
        raise WrongField("offer.rows.0.unit_price", "offer_empty", "The offer has no price yet.")
    if not form.ticked("agreed"):
        raise WrongField("agreed", "consent_missing", "A bid is sent with your consent: tick the sentence above.")
    body = {
        "files": files,
        "offer": {**offer.body(), "validity_days": form.required("offer.validity_days")},
        "qualification": form.body("qualification").get("qualification", {}),
        "consent_version": form["consent_version"],
    }
    await visit.post("tender", f"/bids/{visit.path('id')}/consent", body, key=form.key)
    return visit.go(f"/penawaran/{visit.path('id')}", "bid_sent")


def _files(form: Form) -> list[Any]:
    """Those just uploaded by the page, and those of an earlier day that are ticked; each once."""
    return list({file["file"]: file for file in [*_named(form, "kept"), *_named(form, "files")]}.values())


def _named(form: Form, group: str) -> list[Any]:
    """Whose number came along: a box that is not ticked sends none."""
    lines = form.body(group).get(group, ())
    each = lines.values() if isinstance(lines, dict) else lines
    return [file for file in each if isinstance(file, dict) and file.get("file")]


async def show_receipt(visit: Visit) -> Response:
    """To be shown to anybody: no price in it, and nothing that opens one."""
    kept, code = await _kept_by_bidder(visit)
    return await as_file(visit, kept, f"tanda-terima-{code}", form_of(visit))


async def show_record(visit: Visit) -> Response:
    """The record, too, whose hash stands in the receipt: with prices and nonce, secret until the opening."""
    kept, code = await _kept_by_bidder(visit)
    return await as_file(visit, kept, f"catatan-penawaran-rahasia-{code}", "json", with_record=True)


async def _kept_by_bidder(visit: Visit) -> tuple[Any, str]:
    kept = await visit.get("tender", f"/bids/{visit.path('id')}/receipt")
    return kept, str(payload_of(kept["receipt"])["code"])


ROLES: Final = roles_of("bids")
PAGES: Final = (
    Page("/penawaran", "provider/bids.html", show_list, roles=ROLES),
    Page("/penawaran/{id:str}", TEMPLATE, show_bid, act_on_bid, ROLES),
    *(Page(f"/penawaran/{{id:str}}/tanda-terima.{form}", TEMPLATE, show_receipt, roles=ROLES) for form in FORMS),
    Page("/penawaran/{id:str}/catatan.json", TEMPLATE, show_record, roles=ROLES),
)
