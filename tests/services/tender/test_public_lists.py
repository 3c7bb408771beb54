"""The public list in its two orders and the figures of a year: right, and quick with many tenders."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from kit.service import Service
from tests.services.tender.office import POKJA, PPK, START, STRANGER, Office, firm


async def listed(office: Office, **asked: Any) -> list[str]:
    return [row["code"] for row in (await office.see(None, "/public/tenders", **asked))["items"]]


async def test_what_closes_next_comes_first_and_what_is_closed_not_at_all(office: Office) -> None:
    first = await office.announced()
    await office.stop(START + timedelta(days=1))
    second = await office.announced()
    assert first.closes_at < second.closes_at
    assert await listed(office, sort="closing") == [first.code, second.code]
    assert await listed(office) == await listed(office, sort="newest") == [second.code, first.code]
    page = await office.see(None, "/public/tenders", sort="closing", limit=1)
    assert await listed(office, sort="closing", limit=1, cursor=page["next"]) == [second.code]
    await office.stop(first.closes_at)
    assert await listed(office, sort="closing") == [first.code, second.code], "its last instant is in time"
    await office.stop(first.closes_at + timedelta(milliseconds=1))
    assert await listed(office, sort="closing") == [second.code]
    assert await listed(office, sort="closing", category="konstruksi") == []
    assert (await office.get(None, "/public/tenders", sort="evil")).status_code == 422


async def test_a_failed_tender_takes_no_bids(office: Office) -> None:
    tender = await office.announced()
    await tender.close()
    await office.do(POKJA[0], f"/tenders/{tender.id}/failure", {"ground": "F2"})
    async with (
        office.service.database.transaction() as db
    ):  # its deadline ahead again, as after a change of the schedule
        await db.execute(text("update tender set closes_at = closes_at + interval '1 year'"))
    assert await listed(office, sort="closing") == []


async def test_the_figures_count_by_months_of_wib_and_by_what_became_of_it(office: Office) -> None:
    await office.draft()
    empty = await office.see(None, "/public/figures")
    assert (empty["year"], empty["total"]) == (2026, {"tenders": 0, "hps": "0.00"})
    tenders = [await office.announced() for _ in range(3)]
    instants = {"2025-12-31T17:00:00Z": "running", "2026-01-31T17:00:00Z": "failed", "2026-12-31T17:00:00Z": "running"}
    async with office.service.database.transaction() as db:
        for tender, (at, status) in zip(tenders, instants.items(), strict=True):
            said = f"update tender set announced_at = '{at}', status = '{status}' where code = '{tender.code}'"  # noqa: S608
            await db.execute(text(said))
    figures = await office.see(None, "/public/figures", year=2026)
    one = {"tenders": 1, "hps": "25530000.00"}
    none = {"tenders": 0, "hps": "0.00"}
    assert figures["total"] == {"tenders": 2, "hps": "51060000.00"}
    assert figures["months"] == [{"month": n, **(one if n in {1, 2} else none)} for n in range(1, 13)]
    assert figures["statuses"] == [
        {"status": "running", **one}, {"status": "finished", **none}, {"status": "failed", **one}
    ]  # fmt: skip
    assert (await office.see(None, "/public/figures", year=2027))["months"][0] == {"month": 1, **one}
    assert (await office.get(None, "/public/figures", year=1)).status_code == 422


async def test_a_reader_is_told_what_they_are_to_the_tender(office: Office) -> None:
    tender, bidder = await office.announced(), firm("satu")
    await tender.join(bidder)
    people = {POKJA[1]: "committee", PPK: "buyer", bidder: "participant", STRANGER: None, firm("dua"): None}
    for who, relation in people.items():
        assert (await office.see(who, f"/tenders/{tender.id}"))["relation"] == relation, who.name


MANY = """
insert into tender (id, code, package_id, committee, name, skpd, category, year, pagu, hps, template, contract_type,
    qualification_requirements, regime_sha256, status, active, created_by, created_at, announced_at, closes_at, reserves,
    sequence)
select gen_random_uuid(), '27' || lpad(n::text, 9, '0'), package_id, committee, 'Pengadaan ' || n, skpd, category, year,
    pagu, hps, template, contract_type, qualification_requirements, regime_sha256, status, active, created_by, created_at,
    announced_at - n * interval '1 hour', closes_at + n * interval '1 minute', reserves, sequence
from tender, generate_series(1, :tenders) n;
"""
STAGES = """
insert into stage (tender_id, code, no, starts_at, ends_at, changes)
select t.id, s.code, s.no, s.starts_at, s.ends_at, s.changes from tender t, stage s
where not exists (select from stage where tender_id = t.id)
"""


async def many(office: Office, tenders: int) -> None:
    """As many more, announced one by one before the one there is."""
    await office.announced()
    async with office.service.database.transaction() as db:
        await db.execute(text(MANY), {"tenders": tenders})
        await db.execute(text(STAGES))
    async with office.service.database.transaction() as db:
        await db.execute(text("analyze"))


@contextmanager
def counted(service: Service) -> Iterator[list[str]]:
    said: list[str] = []

    def remember(_conn: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        said.append(statement)

    engine = service.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", remember)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", remember)


@pytest.mark.parametrize(
    ("path", "asked", "most"),
    [
        ("/public/tenders", {}, 4),
        ("/public/tenders", {"sort": "closing"}, 5),
        ("/public/tenders", {"q": "pengadaan", "category": "barang", "year": "2026", "skpd": "1.01.01"}, 4),
        ("/public/figures", {"year": "2026"}, 1),
    ],
)
async def test_the_number_of_questions_does_not_grow_with_the_list(
    office: Office, path: str, asked: dict[str, str], most: int
) -> None:
    """Tenders, clock, stages, units; a second look at the clock for what is open. One for the figures."""
    await many(office, 200)
    await office.see(None, path, **asked)  # the regime is read once
    with counted(office.service) as said:
        await office.see(None, path, **asked)
    questions = [statement for statement in said if statement.lstrip().lower().startswith("select")]
    assert 0 < len(questions) <= most, "\n".join(questions)
