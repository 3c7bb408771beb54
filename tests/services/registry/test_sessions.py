"""Logging in: one refusal for all reasons, codes that work once, a limit that comes before the hashing."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyotp
import pytest

from kit.grants import Claims
from services.registry import credentials
from tests.services.registry.office import SECRETS, Office, anybody, ok, problem, registration


async def test_an_official_logs_in_with_both_factors(office: Office) -> None:
    session = await office.enter("ppk")
    account = session["account"]
    assert (account["user_id"], account["roles"], account["provider"]) == ("ppk", ["ppk"], None)
    assert account["letters"] == [{"role": "ppk", "skpd": "1.01.01", "until": "2028-12-31T17:00:00.000Z"}]
    assert ok(await office.get("/me", as_="ppk")) == account


async def test_every_failure_looks_the_same(office: Office) -> None:
    code = pyotp.TOTP(SECRETS["ppk"][1]).now()
    wrong_code = f"{(int(code) + 1) % 1_000_000:06d}"
    failures = [
        await office.log_in("ppk", "salah-sekali", code),
        await office.log_in("nobody", "salah-sekali", code),
        await office.log_in("ppk", totp="000000" if wrong_code == "000000" else wrong_code),
    ]
    documents = [problem(failure, 401, "login_refused") for failure in failures]
    assert documents[0] == documents[1] == documents[2]


async def test_the_second_factor_is_asked_for_after_the_right_password_only(office: Office) -> None:
    problem(await office.log_in("ppk", "salah-sekali"), 401, "login_refused")
    problem(await office.log_in("ppk"), 401, "second_factor_required")


async def test_a_code_opens_one_session(office: Office) -> None:
    code = pyotp.TOTP(SECRETS["ppk"][1]).now()
    answers = await asyncio.gather(*(office.log_in("ppk", totp=code) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]
    problem(await office.log_in("ppk", totp=code), 401, "login_refused")


@pytest.mark.parametrize("code", ["１２３４５６", "", "enam angka"])
async def test_a_code_of_other_letters_is_only_wrong(office: Office, code: str) -> None:
    problem(await office.log_in("ppk", totp=code), 401, "login_refused")


async def test_a_provider_needs_no_second_factor_and_no_capitals(office: Office) -> None:
    answer = await office.register("MajuJaya")
    assert answer["user_id"] == "majujaya"
    session = ok(await office.log_in("MAJUJAYA", "kata-sandi-panjang"), 201)
    assert session["account"]["provider"] == answer["provider"]
    assert session["account"]["roles"] == ["penyedia"]


@pytest.mark.parametrize("user_id", ["ppk", "nobody"])
async def test_five_failures_close_the_account_before_any_hashing(
    office: Office, user_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        problem(await office.log_in(user_id, "salah-sekali"), 401, "login_refused")
    hashed: list[Any] = []
    monkeypatch.setattr(credentials.HASHER.__class__, "verify", lambda *given: hashed.append(given))
    code = pyotp.TOTP(SECRETS["ppk"][1]).now()
    locked = await office.log_in(user_id, SECRETS["ppk"][0], code)
    assert 800 < problem(locked, 429, "locked_out")["retry_after"] <= 900
    assert locked.headers["retry-after"] == str(locked.json()["retry_after"])
    assert hashed == []


async def test_an_unknown_user_id_costs_a_hash_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    real = credentials._verify

    def watched(password_hash: str, password: str) -> bool:
        hashed.append((password_hash, password))
        return real(password_hash, password)

    monkeypatch.setattr(credentials, "_verify", watched)
    problem(await office.log_in("nobody", "salah-sekali"), 401, "login_refused")
    assert hashed == [(credentials.decoy(), "salah-sekali")]


async def test_guesses_made_at_once_are_no_way_around(office: Office) -> None:
    answers = await asyncio.gather(*(office.log_in("ppk", f"tebakan-ke-{n}") for n in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 7


async def test_the_account_opens_again_after_a_quarter_of_an_hour(office: Office) -> None:
    for _ in range(5):
        await office.log_in("ppk", "salah-sekali")
    await office.later("update login_attempt set at = at - interval '15 minutes'")
    await office.enter("ppk")


async def test_half_a_login_neither_counts_nor_forgives(office: Office) -> None:
    for _ in range(4):
        problem(await office.log_in("ppk", totp="000000"), 401, "login_refused")
    for _ in range(3):
        problem(await office.log_in("ppk"), 401, "second_factor_required")
    problem(await office.log_in("ppk", totp="000000"), 401, "login_refused")
    problem(await office.log_in("ppk"), 429, "locked_out")


async def test_a_login_forgets_the_failures_before_it(office: Office) -> None:
    for _ in range(4):
        await office.log_in("ppk", "salah-sekali")
    await office.enter("ppk")
    for _ in range(4):
        problem(await office.log_in("ppk", "salah-sekali"), 401, "login_refused")


async def test_neither_password_nor_session_is_kept(office: Office) -> None:
    session = (await office.enter("ppk"))["session"]
    await office.register("majujaya")
    tables = ("session", "credential", "account", "login_attempt", "idempotency", "outbox")
    cells = [cell for row in await office.rows(*tables) for cell in row]
    everything = "".join(cell.decode("latin1") if isinstance(cell, bytes) else str(cell) for cell in cells)
    assert session not in everything
    assert SECRETS["ppk"][0] not in everything
    assert "kata-sandi-panjang" not in everything


async def test_a_repeated_registration_is_one_and_keeps_no_hash_of_the_password(office: Office) -> None:
    first = await office.post("/registrations", registration("majujaya"), key="kunci-sama")
    again = await office.post("/registrations", registration("majujaya"), key="kunci-sama")
    assert again.headers["idempotent-replayed"] == "true"
    assert ok(again, 201) == ok(first, 201)
    problem(
        await office.post("/registrations", registration("lainnya"), key="kunci-sama"), 409, "idempotency_key_reused"
    )
    (row,) = await office.rows("idempotency")
    assert sha256(first.request.content).digest() not in row


async def test_the_gateway_trades_a_session_for_a_token(office: Office) -> None:
    session = await office.enter("pokja1")
    answer = ok(await office.token(session["session"]))
    claims = Claims.verify(answer["token"], office.service.ring, datetime.now(UTC))
    assert answer["account"] == session["account"]
    assert (str(claims.account), claims.name) == (session["account"]["id"], "pokja1")
    assert [(role.role, role.until.isoformat()) for role in claims.roles] == [("pokja", "2028-12-31T17:00:00+00:00")]


async def test_only_the_gateway_gets_tokens(office: Office) -> None:
    session = (await office.enter("ppk"))["session"]
    body = {"session": session}
    problem(await office.client.post("/internal/tokens", json=body), 401, "service_token_refused")
    headers = {"lpse-service": office.tokens["ppk"], "authorization": f"Bearer {office.tokens['ppk']}"}
    problem(await office.client.post("/internal/tokens", json=body, headers=headers), 401, "service_token_refused")


@pytest.mark.parametrize(
    "passed",
    [
        "expires_at = clock_timestamp()",
        "last_used_at = clock_timestamp() - interval '2 hours'",
        "ended_at = clock_timestamp()",
        "secret_sha256 = '\\x00'",
    ],
)
async def test_a_session_that_is_over_gives_no_token(office: Office, passed: str) -> None:
    session = await office.enter("ppk")
    await office.later(f"update session set {passed}")  # noqa: S608
    problem(await office.token(session["session"]), 401, "session_ended")


async def test_use_keeps_a_session_from_being_idle(office: Office) -> None:
    session = await office.enter("ppk")
    for _ in range(3):
        await office.later("update session set last_used_at = last_used_at - interval '110 minutes'")
        ok(await office.token(session["session"]))


async def test_own_sessions_are_listed_and_ended(office: Office) -> None:
    first = await office.enter("ppk")
    second = await office.enter_again("ppk")
    listed = ok(await office.get("/sessions", as_="ppk"))["items"]
    assert [one["current"] for one in listed] == [True, False]
    ok(await office.delete(f"/sessions/{listed[1]['id']}", as_="ppk"))
    problem(await office.token(first["session"]), 401, "session_ended")
    ok(await office.delete("/sessions/current", as_="ppk"))
    problem(await office.token(second["session"]), 401, "session_ended")
    assert ok(await office.get("/sessions", as_="ppk"))["items"] == []


async def test_the_access_log_keeps_every_login_with_what_became_of_it(office: Office) -> None:
    await office.enter("helpdesk")
    await office.enter("ppk")
    for over in (
        "update session set ended_at = expires_at where id::text = (select max(id::text) from session)",
        "update session set expires_at = last_used_at where id::text = (select max(id::text) from session)",
        "update session set last_used_at = last_used_at - interval '2 hours' "
        "where id::text = (select max(id::text) from session)",
    ):
        await office.enter_again("ppk")
        await office.later(over)
    await office.enter_again("ppk")
    log, cursor = [], None
    while True:
        told = ok(await office.get("/logins", as_="ppk", limit=2, **({"cursor": cursor} if cursor else {})))
        log += told["items"]
        if (cursor := told["next"]) is None:
            break
    assert [one["state"] for one in log] == ["open", "expired", "expired", "ended", "open"]
    assert [one["current"] for one in log] == [True, False, False, False, False]
    assert [bool(one["ended_at"]) for one in log] == [False, False, False, True, False]
    open_ = ok(await office.get("/sessions", as_="ppk"))["items"]
    assert open_ == [one for one in log if one["state"] == "open"]
    problem(await office.get("/logins"), 401, "login_required")


async def test_nobody_ends_anothers_session(office: Office) -> None:
    await office.enter("ppk")
    await office.enter("helpdesk")
    mine = ok(await office.get("/sessions", as_="ppk"))["items"][0]["id"]
    problem(await office.delete(f"/sessions/{mine}", as_="helpdesk"), 404, "not_found")
    problem(await office.delete(f"/sessions/{anybody()}", as_="helpdesk"), 404, "not_found")
    problem(await office.get("/sessions"), 401, "login_required")
