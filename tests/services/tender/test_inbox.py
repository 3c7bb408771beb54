"""What a firm is told about its tenders, and which it may still join: from the rows that hold it, and nothing too early."""

from datetime import timedelta
from typing import Any

from tests.services.tender.office import POKJA, PPK, Office, firm

ONE, TWO, THREE, AWAY = firm("satu"), firm("dua"), firm("tiga"), firm("jauh")


async def news(office: Office, who: Any, **params: Any) -> list[tuple[str, str | None]]:
    return [(item["kind"], item["stage"]) for item in (await office.see(who, "/inbox", **params))["items"]]


async def test_each_thing_is_told_when_it_happens_to_those_who_take_part(office: Office) -> None:
    tender = await office.announced()
    await office.verify(AWAY)
    assert await news(office, ONE) == []
    await tender.join(ONE)
    begun = await news(office, ONE)
    assert ("stage", "pengumuman_pascakualifikasi") in begun
    assert ("stage", "upload_penawaran") not in begun

    await tender.begin("pemberian_penjelasan")
    asked = await office.do(ONE, f"/tenders/{tender.id}/questions", {"chapter": "IKP", "text": "Kapan?"})
    assert "question_answered" not in dict(await news(office, ONE))
    await office.stop(await office.now() + timedelta(minutes=1))
    await office.do(POKJA[0], f"/questions/{asked['id']}/answer", {"text": "Besok."})
    first = (await office.see(ONE, "/inbox"))["items"][0]
    assert (first["kind"], first["own"], first["code"]) == ("question_answered", True, tender.code)

    prices = ("1400000.00", "1900000.00")
    await tender.enter({TWO: prices, THREE: prices, ONE: prices})
    kinds = dict(await news(office, TWO))
    assert "bid_received" in kinds
    assert "opened" not in kinds
    others = [item for item in (await office.see(TWO, "/inbox"))["items"] if item["kind"] == "question_answered"]
    assert [item["own"] for item in others] == [False]
    assert len([kind for kind, _ in await news(office, TWO) if kind == "bid_received"]) == 1, "its own alone"
    await tender.open()
    assert "opened" in dict(await news(office, TWO))
    assert await news(office, AWAY) == []
    assert (await office.get(POKJA[0], "/inbox")).status_code == (await office.get(PPK, "/inbox")).status_code == 403


async def test_a_late_bid_is_told_as_refused(office: Office) -> None:
    tender = await office.announced()
    await tender.join(ONE)
    await tender.begin("upload_penawaran")
    draft = await tender.draft(ONE)
    await office.stop(tender.closes_at + timedelta(milliseconds=1))
    late = await office.post(ONE, f"/bids/{draft.id}/consent", tender.consent_body(draft))
    assert late.status_code == 409
    first = (await office.see(ONE, "/inbox"))["items"][0]
    assert (first["kind"], first["bid"]) == ("bid_refused", draft.id)


async def test_stages_that_a_failure_cut_off_are_not_told(office: Office) -> None:
    tender = await office.announced()
    await tender.join(ONE)
    await tender.close()
    await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"})
    await tender.begin("masa_sanggah")
    told = await news(office, ONE)
    assert ("failed", None) in told
    assert ("stage", "masa_sanggah") not in told


async def test_maintenance_is_told_where_it_touches_a_tender(office: Office) -> None:
    tender, other = await office.announced(), await office.announced()
    await tender.join(ONE)
    await office.maintenance(other.code)
    assert "maintenance" not in dict(await news(office, ONE))
    await office.maintenance(tender.code)
    (window,) = [item for item in (await office.see(ONE, "/inbox"))["items"] if item["kind"] == "maintenance"]
    assert window["until"] > window["at"]


async def test_pages_go_on_where_the_one_before_ended(office: Office) -> None:
    tenders = [await office.announced() for _ in range(3)]
    for tender in tenders:
        await tender.join(ONE)
    await tenders[-1].begin("upload_penawaran")
    whole = (await office.see(ONE, "/inbox", limit=100))["items"]
    pieces, cursor = [], None
    while True:
        piece = await office.see(ONE, "/inbox", limit=2, **({"cursor": cursor} if cursor else {}))
        pieces += piece["items"]
        cursor = piece["next"]
        if cursor is None:
            break
    assert len(whole) > 6
    assert pieces == whole
    assert len({item["key"] for item in whole}) == len(whole)
    assert (await office.get(ONE, "/inbox", cursor="unsinn")).status_code == 400


async def test_tenders_that_may_still_be_joined(office: Office) -> None:
    draft, tender, other = await office.draft(), await office.announced(), await office.announced()

    async def open_to(who: Any) -> set[str]:
        return {row["id"] for row in (await office.see(who, "/tenders/open"))["items"]}

    assert draft["id"] not in await open_to(ONE)
    await tender.join(ONE)
    assert tender.id not in await open_to(ONE)
    assert {tender.id, other.id} <= await open_to(TWO)
    assert (await office.see(ONE, f"/tenders/{tender.id}"))["joined_at"]
    assert (await office.see(TWO, f"/tenders/{tender.id}"))["joined_at"] is None
    await office.stop(other.closes_at + timedelta(milliseconds=1))
    assert await open_to(TWO) == set()


async def test_a_bidder_gets_the_grants_of_its_files_again_and_nobody_else_does(office: Office) -> None:
    tender = await office.announced()
    prices = ("1400000.00", "1900000.00")
    bids = await tender.enter({ONE: prices, TWO: prices, THREE: prices})
    draft = await tender.draft(ONE)
    own = await office.see(ONE, f"/bids/{draft.id}")
    (row,) = await office.rows('select "grant" from bid_file where id = :id', id=draft.granted["id"])
    assert [file["grant"] for file in own["files"]] == [str(row.grant)]
    mine = (await office.see(ONE, "/bids/mine", tender=tender.id))["items"]
    assert [bid["id"] for bid in mine] == [draft.id, bids[ONE]["id"]]
    assert (await office.see(ONE, "/bids/mine", tender=str(row.grant)))["items"] == []
    await tender.open()
    opened = await office.see(POKJA[0], f"/tenders/{tender.id}/bids")
    assert all("grant" not in file for bid in opened for file in bid["files"])
