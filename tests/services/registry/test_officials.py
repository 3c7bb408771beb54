"""Letters, separation of duties, work units and committees (Pasal 5, 7, 9(1)b)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pyotp
import pytest
from sqlalchemy import event as listening

from services.registry.commands.officials import add_assignment
from services.registry.schemas.officials import NewAssignment
from services.registry.training import TRAINING_SKPD, TRAINING_USERS
from tests.locks import until_waiting
from tests.services.registry.office import Office, anybody, letter, ok, problem


async def official(office: Office, user_id: str) -> str:
    """A new account without letters, by an Admin Agency who is logged in."""
    body = {"user_id": user_id, "name": user_id.title(), "email": f"{user_id}@kota.example"}
    return str(ok(await office.post("/accounts", body, as_="admin_agency"), 201)["id"])


async def account_of(office: Office, user_id: str) -> str:
    listed = ok(await office.get("/assignments", as_="admin_agency", limit=100))["items"]
    return next(str(one["account"]) for one in listed if one["user_id"] == user_id)


@pytest.fixture
async def desk(office: Office) -> Office:
    await office.enter("admin_agency")
    return office


async def test_an_account_gets_its_secrets_once_and_its_rights_by_letter(desk: Office) -> None:
    body = {"user_id": "ppk2", "name": "Joko", "email": "joko@kota.example", "nip": "19850304 200912 1 003"}
    first = ok(await desk.post("/accounts", body, as_="admin_agency", key="akun-baru"), 201)
    again = ok(await desk.post("/accounts", body, as_="admin_agency", key="akun-baru"), 201)
    assert again == first | {"password": None, "totp_secret": None}

    async def roles() -> list[str]:
        await desk.later("update credential set totp_step = 0")
        code = pyotp.TOTP(first["totp_secret"]).now()
        session = ok(await desk.log_in("ppk2", first["password"], code), 201)
        return list(session["account"]["roles"])

    assert await roles() == []
    ok(await desk.post("/assignments", letter(first["id"], "ppk", skpd="1.01.01"), as_="admin_agency"), 201)
    assert await roles() == ["ppk"]
    (*_, event) = await desk.events("registry.user.assigned.v1")
    assert (event["account"], event["role"], event["skpd"]) == (first["id"], "ppk", "1.01.01")


async def test_one_person_has_one_account(desk: Office) -> None:
    body = {"user_id": "joko", "name": "Joko", "email": "joko@kota.example", "nip": "198503042009121003"}
    ok(await desk.post("/accounts", body, as_="admin_agency"), 201)
    twin = body | {"user_id": "joko2"}
    problem(await desk.post("/accounts", twin, as_="admin_agency"), 409, "person_has_account")
    problem(await desk.post("/accounts", body | {"nip": None}, as_="admin_agency"), 409, "user_id_taken")
    wrong = body | {"user_id": "joko3", "nip": "198513042009121003"}
    problem(await desk.post("/accounts", wrong, as_="admin_agency"), 422, "nip_invalid")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"original_seen": False}, "original_not_seen"),
        ({"role": "ppk"}, "skpd_required"),
        ({"role": "penyedia"}, "provider_not_official"),
        ({"valid_to": "2020-01-01T00:00:00Z"}, "letter_not_in_date"),
        ({"valid_from": "2099-01-01T00:00:00Z"}, "letter_not_in_date"),
        ({"skpd": "9.99"}, "not_found"),
        ({"valid_from": "2026-01-01T00:00:00"}, "invalid_request"),
    ],
)
async def test_letters_that_are_refused(desk: Office, change: dict[str, Any], code: str) -> None:
    account = await official(desk, "joko")
    refused = await desk.post("/assignments", letter(account, "helpdesk", **change), as_="admin_agency")
    problem(refused, 404 if code == "not_found" else 422, code)


async def test_nobody_gives_himself_a_role(desk: Office) -> None:
    me = await account_of(desk, "admin_agency")
    problem(await desk.post("/assignments", letter(me, "helpdesk"), as_="admin_agency"), 422, "own_letter")


async def test_a_provider_gets_no_letter_and_an_unknown_account_none(desk: Office) -> None:
    provider = await desk.register("majujaya")
    body = letter(provider["account"], "helpdesk")
    problem(await desk.post("/assignments", body, as_="admin_agency"), 422, "provider_not_official")
    body = letter(str(anybody()), "helpdesk")
    problem(await desk.post("/assignments", body, as_="admin_agency"), 404, "not_found")


@pytest.mark.parametrize(
    ("held", "asked"), [("ppk", "pokja"), ("pokja1", "verifikator"), ("pokja1", "admin_ppe"), ("auditor", "pokja")]
)
async def test_duties_stay_separate(desk: Office, held: str, asked: str) -> None:
    body = letter(await account_of(desk, held), asked)
    refused = problem(await desk.post("/assignments", body, as_="admin_agency"), 422, "duties_not_separate")
    assert refused["held"] == [next(role for user_id, _, role, _ in TRAINING_USERS if user_id == held)]


async def test_of_two_contrary_letters_at_once_one_is_registered(desk: Office) -> None:
    """The second waits until the first is there to be seen."""
    account = await official(desk, "joko")
    async with desk.service.database.transaction() as db:
        await add_assignment(db, NewAssignment.model_validate(letter(account, "pokja")), by=None)
        second = asyncio.create_task(desk.post("/assignments", letter(account, "verifikator"), as_="admin_agency"))
        await until_waiting(desk.service.database, second)
    problem(await second, 422, "duties_not_separate")


async def test_only_the_admin_agency_registers_letters(desk: Office) -> None:
    account = await official(desk, "joko")
    for user_id in ("admin_ppe", "verifikator", "ketua_lpse"):
        await desk.enter(user_id)
        refused = await desk.post("/assignments", letter(account, "helpdesk"), as_=user_id)
        problem(refused, 403, "role_required")
    problem(await desk.get("/assignments", as_="verifikator"), 403, "role_required")


async def test_skpd_are_public_and_have_one_code_each(desk: Office) -> None:
    listed = ok(await desk.get("/skpd"))["items"]
    assert [one["code"] for one in listed] == sorted(code for code, *_ in TRAINING_SKPD)
    new = {"code": "1.02.01.03", "name": "Puskesmas Mentikan", "parent": "1.02.01", "valid_from": "2017-01-01"}
    ok(await desk.post("/skpd", new, as_="admin_agency"), 201)
    (*_, event) = await desk.events("registry.skpd.registered.v1")
    assert (event["code"], event["parent"]) == ("1.02.01.03", "1.02.01")
    problem(await desk.post("/skpd", new, as_="admin_agency"), 409, "skpd_code_taken")
    orphan = new | {"code": "1.02.01.04", "parent": "9.99"}
    problem(await desk.post("/skpd", orphan, as_="admin_agency"), 404, "not_found")
    await desk.enter("ppk")
    problem(await desk.post("/skpd", new, as_="ppk"), 403, "role_required")


def decree(members: list[str], **others: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "name": "Pokja 2",
        "decree_number": "188.45/2/2026",
        "members": members,
        "valid_from": now.isoformat(),
        "valid_to": (now + timedelta(days=100)).isoformat(),
    } | others


async def test_a_committee_is_formed(desk: Office) -> None:
    members = [await account_of(desk, f"pokja{n}") for n in (1, 2, 3)]
    formed = ok(await desk.post("/committees", decree(members), as_="admin_agency"), 201)
    assert {one["account"] for one in formed["members"]} == set(members)
    (*_, event) = await desk.events("registry.committee.formed.v1")
    assert (event["committee"], event["members"]) == (formed["id"], members)
    await desk.register("majujaya")
    assert ok(await desk.get("/committees", as_="majujaya"))["items"][0] == formed
    problem(await desk.get("/committees"), 401, "login_required")
    problem(await desk.post("/committees", decree(members), as_="admin_agency"), 409, "decree_used")


async def test_committees_are_read_one_by_one_or_those_in_force(desk: Office) -> None:
    members = [await account_of(desk, f"pokja{n}") for n in (1, 2, 3)]
    turn = (datetime.now(UTC) + timedelta(days=50)).isoformat()
    terms: dict[str, dict[str, str]] = {"now": {}, "later": {"valid_from": turn}, "over": {}}
    formed = {
        name: ok(await desk.post("/committees", decree(members, decree_number=name, **term), as_="admin_agency"), 201)
        for name, term in terms.items()
    }
    for one in formed.values():
        assert ok(await desk.get(f"/committees/{one['id']}", as_="admin_agency")) == one
    problem(await desk.get(f"/committees/{uuid4()}", as_="admin_agency"), 404, "not_found")
    await desk.later("update committee set valid_to = business_now() where decree_number = 'over'")
    found = ok(await desk.get("/committees", as_="admin_agency", in_force=True))["items"]
    assert {one["decree_number"] for one in found}.isdisjoint({"later", "over"})
    assert formed["now"] in found


async def test_a_page_of_committees_takes_as_many_queries_as_one(desk: Office) -> None:
    members = [await account_of(desk, f"pokja{n}") for n in (1, 2, 3)]
    for number in ("188/5", "188/6", "188/7"):
        ok(await desk.post("/committees", decree(members, decree_number=number), as_="admin_agency"), 201)
    asked: list[int] = []
    for limit in (1, 3):
        with counted(desk) as statements:
            assert len(ok(await desk.get("/committees", as_="admin_agency", limit=limit))["items"]) == limit
        asked.append(len(statements))
    assert asked[0] == asked[1]


@contextmanager
def counted(desk: Office) -> Iterator[list[str]]:
    """The statements about members of committees."""
    engine, found = desk.service.database.engine.sync_engine, list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "committee_member" in statement:
            found.append(statement)

    listening.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        listening.remove(engine, "before_cursor_execute", note)


async def test_a_committee_is_odd_of_different_people_with_letters(desk: Office) -> None:
    one, two, three = [await account_of(desk, f"pokja{n}") for n in (1, 2, 3)]
    for members in ([one, two], [one], [], [one, two, two]):
        problem(await desk.post("/committees", decree(members), as_="admin_agency"), 422, "committee_number")
    verifier = await account_of(desk, "verifikator")
    refused = await desk.post("/committees", decree([one, two, verifier]), as_="admin_agency")
    assert problem(refused, 422, "member_without_letter")["members"] == [verifier]
    ended = decree([one, two, three], valid_to="2026-01-02T00:00:00Z", valid_from="2026-01-01T00:00:00Z")
    problem(await desk.post("/committees", ended, as_="admin_agency"), 422, "letter_not_in_date")


async def test_a_member_has_no_other_side_while_the_committee_lasts(desk: Office) -> None:
    """The letter as auditor begins when that as Pokja has ended, but the committee would still be there."""
    now = datetime.now(UTC)
    account = await official(desk, "joko")
    turn = (now + timedelta(days=50)).isoformat()
    for body in (letter(account, "pokja", valid_to=turn), letter(account, "auditor", valid_from=turn)):
        ok(await desk.post("/assignments", body, as_="admin_agency"), 201)
    members = [account, await account_of(desk, "pokja1"), await account_of(desk, "pokja2")]
    problem(await desk.post("/committees", decree(members), as_="admin_agency"), 422, "duties_not_separate")
    ok(await desk.post("/committees", decree(members, valid_to=turn), as_="admin_agency"), 201)


async def test_accounts_are_listed_with_their_letters_in_force_and_found_by_name_or_user_id(desk: Office) -> None:
    await official(desk, "zulaikha_1")
    await desk.register("majujaya")

    async def found(**asked: Any) -> list[str]:
        page = ok(await desk.get("/accounts", as_="admin_agency", limit=100, **asked))
        return [one["user_id"] for one in page["items"]]

    assert await found() == sorted([user for user, *_ in TRAINING_USERS] + ["zulaikha_1"]), "providers are not listed"
    assert await found(q="latihan pokja") == ["pokja1", "pokja2", "pokja3"]
    assert await found(q="ZULAIKHA_") == ["zulaikha_1"]
    assert await found(q="%") == []
    assert await found(role="pokja") == ["pokja1", "pokja2", "pokja3"]
    [ppk] = ok(await desk.get("/accounts", as_="admin_agency", q="ppk latihan"))["items"]
    assert [(letter["role"], letter["skpd"]) for letter in ppk["letters"]] == [("ppk", "1.01.01")]
    assert "nip" not in ppk
    await desk.later("update assignment set valid_to = business_now() where role = 'pokja'")
    assert await found(role="pokja") == []
    first = ok(await desk.get("/accounts", as_="admin_agency", limit=2))
    second = ok(await desk.get("/accounts", as_="admin_agency", limit=2, cursor=first["next"]))
    assert [one["user_id"] for one in first["items"] + second["items"]] == (await found())[:4]
