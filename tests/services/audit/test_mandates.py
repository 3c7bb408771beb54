"""Mandates as they are given and ended, and what of the log they open: each opening is an event, and each refusal."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text

from contracts.tender import TenderFailed
from integrity.checkpoint import Checkpoint
from integrity.entries import Opening, Place, verify_opening, verify_place
from integrity.merkle import leaf_hash, verify_inclusion
from integrity.note import Note
from integrity.policy import Policy
from kit.service import Service
from tests.services.audit.desk import CODE, LATER, NOW, OTHER_CODE, Desk
from tests.services.audit.source import Source, deliver, publish, sequence

HASH = bytes.fromhex


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


# Giving and ending


async def test_a_mandate_is_given_listed_and_told(desk: Desk) -> None:
    given = await desk.grant(CODE, OTHER_CODE, CODE)
    assert given.status_code == 201
    mandate = given.json()
    assert (mandate["tenders"], mandate["running"], mandate["ended_by"]) == ([CODE, OTHER_CODE], True, None)
    for who, role in ((desk.auditor, "auditor"), (uuid4(), "ketua_lpse"), (uuid4(), "inspektur")):
        listed = (await desk.ask(who, role, "/mandates")).json()["items"]
        assert [one["id"] for one in listed] == [mandate["id"]], role
    assert (await desk.ask(uuid4(), "auditor", "/mandates")).json()["items"] == []
    [event] = await desk.told("mandate.granted")
    assert (event["mandate"], event["account"], event["tenders"], event["actor"]) == (
        mandate["id"], str(desk.auditor), [CODE, OTHER_CODE], desk.inspektur,
    )  # fmt: skip


@pytest.mark.parametrize("role", ["admin_ppe", "auditor", "ppk", "pokja", "admin_agency"])
async def test_only_inspektur_and_ketua_lpse_give_one(desk: Desk, role: str) -> None:
    body = {"account": str(uuid4()), "number": "1", "tenders": [CODE], "valid_from": NOW.isoformat()}
    answer = await desk.post(uuid4(), role, "/mandates", body | {"valid_to": LATER.isoformat()})
    assert code_of(answer) == (403, "role_required")
    assert await desk.told("mandate.granted") == []


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"valid_to": NOW.isoformat(), "valid_from": (NOW - timedelta(days=1)).isoformat()}, (409, "mandate_over")),
        ({"valid_to": NOW.isoformat(), "valid_from": NOW.isoformat()}, (422, "mandate_term")),
        ({"tenders": ["10080009001"]}, (404, "not_found")),
        ({"tenders": []}, (422, "invalid")),
        ({"number": " "}, (422, "invalid")),
    ],
)
async def test_a_mandate_that_cannot_be(desk: Desk, changes: Mapping[str, Any], refused: tuple[int, str]) -> None:
    answer = await desk.grant(CODE, **changes)
    assert (answer.status_code, answer.json()["code"] if refused[1] != "invalid" else "invalid") == refused
    assert await desk.told("mandate.granted") == []


async def test_nobody_sends_himself(desk: Desk) -> None:
    assert code_of(await desk.grant(CODE, account=str(desk.inspektur))) == (422, "mandate_to_oneself")


async def test_a_mandate_ends_early_and_once(desk: Desk) -> None:
    mandate = (await desk.grant(CODE)).json()["id"]
    await desk.stop(NOW + timedelta(days=1))
    ended = await desk.post(desk.inspektur, "ketua_lpse", f"/mandates/{mandate}/end")
    assert (ended.json()["running"], ended.json()["ended_by"]) == (False, str(desk.inspektur))
    assert code_of(await desk.post(desk.inspektur, "inspektur", f"/mandates/{mandate}/end")) == (409, "mandate_over")
    assert code_of(await desk.post(desk.inspektur, "inspektur", f"/mandates/{uuid4()}/end")) == (404, "not_found")
    [event] = await desk.told("mandate.ended")
    assert event["valid_to"] == "2026-12-02T02:00:00.000Z"


async def test_the_end_of_its_letter_is_told_once_and_not_where_it_was_ended_before(desk: Desk) -> None:
    kept, ended = [(await desk.grant(CODE)).json()["id"] for _ in range(2)]
    await desk.post(desk.inspektur, "inspektur", f"/mandates/{ended}/end")
    await desk.pass_to(LATER - timedelta(milliseconds=1))
    assert await desk.told("access.expired") == []
    await desk.pass_to(LATER)
    await desk.pass_to(LATER + timedelta(days=1))
    assert [one["mandate"] for one in await desk.told("access.expired")] == [kept]


# The log


async def test_it_opens_what_it_names_and_each_opening_is_told(desk: Desk) -> None:
    bid, elsewhere = await desk.bid(desk.tender), await desk.bid(desk.other)
    await desk.open(desk.tender, CODE)
    await desk.open(desk.other, OTHER_CODE)
    mandate = (await desk.grant(CODE)).json()["id"]
    shown = await desk.ask(desk.auditor, "auditor", f"/log/1/entries/{bid.id}")
    assert shown.status_code == 200
    opening = Opening.from_json(shown.json()["opening"])
    verify_opening(shown.json()["entry"].encode(), opening, HASH(shown.json()["r"]))
    verify_place(opening, Place("tender", shown.json()["seq"]), HASH(shown.json()["place_r"]))
    refused = await desk.ask(desk.auditor, "auditor", f"/log/1/entries/{elsewhere.id}")
    assert code_of(refused) == (403, "outside_mandate")
    anothers = await desk.ask(uuid4(), "auditor", f"/log/1/entries/{bid.id}")
    assert code_of(anothers) == (403, "outside_mandate")
    [granted], [denied, _] = await desk.told("access.granted"), await desk.told("access.denied")
    assert granted == {
        "mandate": mandate, "tender": str(desk.tender), "what": "entry", "record": str(bid.id), "actor": desk.auditor,
    }  # fmt: skip
    assert (denied["record"], denied["reason"], denied["actor"]) == (str(elsewhere.id), "outside_mandate", desk.auditor)


async def test_after_its_end_it_opens_nothing(desk: Desk) -> None:
    bid = await desk.bid(desk.tender)
    await desk.open(desk.tender, CODE)
    await desk.grant(CODE)
    for at, status in ((LATER - timedelta(milliseconds=1), 200), (LATER, 403)):
        await desk.stop(at)
        for path in (f"/log/1/entries/{bid.id}", f"/dossiers/{CODE}/entries?size=1"):
            assert (await desk.ask(desk.auditor, "auditor", path)).status_code == status, (at, path)
    assert {one["reason"] for one in await desk.told("access.denied")} == {"mandate_not_in_force"}


@pytest.mark.parametrize("role", ["auditor", "inspektur"])
async def test_before_the_opening_of_the_bids_it_opens_nothing(desk: Desk, role: str) -> None:
    bid = await desk.bid(desk.tender)
    await sequence(desk.service)
    await desk.grant(CODE)
    path = f"/log/1/entries/{bid.id}"
    assert code_of(await desk.ask(desk.auditor, role, path)) == (409, "bids_sealed")
    assert [one["reason"] for one in await desk.told("access.denied")] == ["bids_sealed"]
    await desk.open(desk.tender, CODE)
    assert (await desk.ask(desk.auditor, role, path)).status_code == 200
    [told] = await desk.told("access.granted")
    assert (told["mandate"] is None) == (role == "inspektur")


async def test_a_tender_that_failed_hides_nothing_any_more(desk: Desk) -> None:
    bid = await desk.bid(desk.tender)
    await deliver(desk.service, desk.source.envelope(TenderFailed(tender=desk.tender, code=CODE, ground="F2")))
    await sequence(desk.service)
    await desk.grant(CODE)
    assert (await desk.ask(desk.auditor, "auditor", f"/log/1/entries/{bid.id}")).status_code == 200


async def test_what_belongs_to_no_tender_is_for_the_inspektur(desk: Desk) -> None:
    entry = desk.source.short_blind()
    await deliver(desk.service, entry)
    await sequence(desk.service)
    await desk.grant(CODE)
    path = f"/log/1/entries/{entry.id}"
    assert code_of(await desk.ask(desk.auditor, "auditor", path)) == (403, "entry_of_no_tender")
    assert (await desk.ask(desk.inspektur, "inspektur", path)).status_code == 200
    assert [len(await desk.told(f"access.{kind}")) for kind in ("granted", "denied")] == [1, 1]


async def test_who_opens_his_own_entry_is_not_told_of(desk: Desk) -> None:
    bid = await desk.bid(desk.tender)
    await sequence(desk.service)
    assert bid.actor is not None
    shown = await desk.ask(bid.actor, "penyedia", f"/log/1/entries/{bid.id}")
    assert (shown.status_code, shown.json()["seq"]) == (200, None)
    assert await desk.told("access.granted") == []


# The part of a dossier


async def test_the_entries_of_a_tender_with_all_that_proves_them(
    publishing: Service, client: httpx2.AsyncClient, key_home: Path
) -> None:
    desk = Desk(publishing, client, Source(), key_home)
    await desk.begin()
    mine = [await desk.bid(desk.tender) for _ in range(3)]
    await desk.bid(desk.other)
    await desk.open(desk.tender, CODE)
    await desk.grant(CODE)
    await publish(publishing)
    about = (await desk.ask(desk.auditor, "auditor", f"/dossiers/{CODE}")).json()
    note = Note.parse(about["note"].encode())
    seen = Policy.parse(about["policy"].encode()).check(note)
    assert (seen.checkpoint, about["tender"]) == (Checkpoint.parse(note.text), str(desk.tender))
    found: list[dict[str, Any]] = []
    start: int | None = 0
    while start is not None:
        path = f"/dossiers/{CODE}/entries"
        page = (await desk.ask(desk.auditor, "auditor", path, size=about["size"], start=start, count=2)).json()
        assert len(page["entries"]) <= 2
        found += page["entries"]
        start = page["next"]
    kinds = sorted(one["opening"]["kind"] for one in found)
    assert kinds == [*["bid.submitted"] * 3, "tender.announced", "tender.opened"]
    assert [one["index"] for one in found] == sorted(one["index"] for one in found)
    for one in found:
        opening = Opening.from_json(one["opening"])
        verify_opening(one["entry"].encode(), opening, HASH(one["r"]))
        verify_place(opening, Place(opening.src, one["seq"]), HASH(one["place_r"]))
        leaf, path = leaf_hash(one["entry"].encode()), [HASH(hash_) for hash_ in one["path"]]
        verify_inclusion(leaf, one["index"], about["size"], path, seen.checkpoint.root)
    bids = {one["opening"]["body"]["bid"] for one in found if one["opening"]["kind"] == "bid.submitted"}
    assert bids == {envelope.data["bid"] for envelope in mine}
    assert len(await desk.told("access.granted")) == 4


async def test_a_dossier_outside_the_mandate(desk: Desk) -> None:
    await desk.open(desk.other, OTHER_CODE)
    await desk.grant(CODE)
    for path in (f"/dossiers/{OTHER_CODE}", f"/dossiers/{OTHER_CODE}/entries?size=1"):
        assert code_of(await desk.ask(desk.auditor, "auditor", path)) == (403, "outside_mandate")
        assert code_of(await desk.ask(desk.inspektur, "inspektur", path)) == (403, "role_required")
    assert code_of(await desk.ask(desk.auditor, "auditor", "/dossiers/10080009001")) == (404, "not_found")
    assert len(await desk.told("access.denied")) == 2


async def test_what_was_logged_before_is_known_to_the_migration(desk: Desk) -> None:
    """The same statements as in the history, over a log that knows of no tender yet."""
    from importlib import import_module

    bid = await desk.bid(desk.tender)
    await desk.bid(desk.other)
    await desk.open(desk.tender, CODE)
    history = import_module("services.audit.migrations.0003_mandates")
    kept = "select event_id, tender from entry_secret where tender is not null order by 1"
    views = "select id, code, sealed from tender_view order by code"
    async with desk.service.database.transaction() as db:
        before = [(await db.execute(text(query))).all() for query in (kept, views)]
        assert bid.id in {row.event_id for row in before[0]}
        await db.execute(text("update entry_secret set tender = null"))
        await db.execute(text("delete from tender_view"))
        for statement in (history._HIDDEN, history._SHOWN, history._KNOWN):
            await db.execute(text(statement.replace("::", "\\:\\:")))
        assert [(await db.execute(text(query))).all() for query in (kept, views)] == before
