"""Sessions: traded once, kept for a while, ended at once; and nobody else's page writes in their name."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.datastructures import Headers

from gateway.breaker import Guarded, Unavailable
from gateway.session import Credential, ServiceTokens, Sessions, cookie_name
from gateway.upstream import InProcess
from kit.problems import Problem
from tests.gateway.conftest import Portal
from tests.gateway.standins import Registry

OURS = {"sec-fetch-site": "same-origin"}


class Clock:
    ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(registry: Registry, key_home: Path, clock: Clock) -> Sessions:
    # The service token is about real time whatever the test's clock says.
    return Sessions(Guarded("registry", InProcess(registry.app)), ServiceTokens(key_home / "gateway"), clock)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def cookie(secret: str) -> dict[str, str]:
    return {"cookie": f"lpse_session={secret}"}


async def test_a_session_becomes_a_token_and_the_secret_stays_here(portal: Portal, registry: Registry) -> None:
    secret = registry.open()
    async with portal() as http:
        for sent in (bearer(secret), cookie(secret)):
            told = (await http.get("/api/tender/x", headers=sent)).json()["headers"]
            assert told["authorization"].startswith("Bearer ey")
            assert secret not in str(told)
        assert (await http.get("/api/registry/me", headers=bearer(secret))).json() == {
            "account": str(registry.accounts[secret])
        }
    assert registry.traded == [secret]


async def test_one_trade_at_a_time_per_session(sessions: Sessions, registry: Registry) -> None:
    credential = Credential(registry.open(), "bearer")
    passes = await asyncio.gather(*(sessions.trade(credential) for _ in range(50)))
    assert len({passed.token for passed in passes}) == 1
    assert len(registry.traded) == 1


async def test_a_token_is_renewed_before_it_ends(sessions: Sessions, registry: Registry, clock: Clock) -> None:
    credential = Credential(registry.open(), "bearer")
    first = await sessions.trade(credential)
    clock.ahead = timedelta(minutes=8, seconds=50)
    assert await sessions.trade(credential) is first
    clock.ahead = timedelta(minutes=9, seconds=1)
    await sessions.trade(credential)
    assert len(registry.traded) == 2


async def test_without_registry_the_last_token_goes_on_only_while_it_is_valid(
    sessions: Sessions, registry: Registry, clock: Clock
) -> None:
    credential = Credential(registry.open(), "bearer")
    first = await sessions.trade(credential)
    registry.down = True
    clock.ahead = timedelta(minutes=9, seconds=30)
    assert await sessions.trade(credential) is first
    clock.ahead = timedelta(minutes=10)
    with pytest.raises(Unavailable):
        await sessions.trade(credential)


async def test_what_registry_refused_is_not_asked_again_at_once(
    sessions: Sessions, registry: Registry, clock: Clock
) -> None:
    credential = Credential("unknown-secret-unknown-secret", "bearer")
    for _ in range(3):
        with pytest.raises(Problem) as refused:
            await sessions.trade(credential)
        assert (refused.value.status, refused.value.code) == (401, "session_ended")
    assert len(registry.traded) == 1
    clock.ahead = timedelta(seconds=6)
    registry.open(credential.secret)
    assert (await sessions.trade(credential)).account


async def test_a_wrong_header_is_401_and_a_wrong_cookie_is_nobody(portal: Portal, registry: Registry) -> None:
    unknown = "unknown-secret-unknown-secret"
    async with portal() as http:
        for sent in (bearer(unknown), bearer("a.b.c"), {"authorization": "Basic YTpi"}):
            answer = await http.get("/api/tender/x", headers=sent)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        answer = await http.get("/api/tender/x", headers=cookie(unknown))
        assert (answer.status_code, "authorization" in answer.json()["headers"]) == (200, False)
        registry.down = True
        away = await http.get("/api/tender/x", headers=cookie(registry.open()))
    assert away.status_code == 502


async def log_in(http: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    return await http.post("/session", json={"user_id": "siti", "password": "benar sekali"}, headers=headers)


async def test_a_browser_logs_in_and_out(portal: Portal, registry: Registry) -> None:
    async with portal() as http:
        opened = await log_in(http, origin="http://portal.test", **OURS)
        assert opened.status_code == 201
        assert opened.json()["account"]["user_id"] == "siti"
        (secret,) = registry.accounts
        assert secret not in opened.text
        told = opened.headers["set-cookie"]
        assert told.startswith(f"lpse_session={secret};")
        for part in ("HttpOnly", "SameSite=lax", "Path=/"):
            assert part in told
        assert (await http.get("/api/registry/me")).status_code == 200
        closed = await http.delete("/session", headers=OURS)
        assert closed.status_code == 204
        assert 'lpse_session=""' in closed.headers["set-cookie"]
        assert registry.accounts == {}
        again = await http.get("/api/tender/x", headers=bearer(secret))
    assert again.status_code == 401


async def test_in_production_the_cookie_is_bound_to_host_and_tls(portal: Portal) -> None:
    async with portal(base_url="https://portal.test", public_url="https://portal.test", profile="production") as http:
        told = (await log_in(http)).headers["set-cookie"]
    assert told.startswith(f"{cookie_name(secure=True)}=")
    assert told.startswith("__Host-")
    assert "Secure" in told


async def test_a_refused_login_says_what_registry_says_and_sets_nothing(portal: Portal) -> None:
    async with portal() as http:
        refused = await http.post("/session", json={"user_id": "siti", "password": "salah"})
        garbled = await http.post("/session", content=b"[" * 4_000)
    assert (refused.status_code, refused.json()["code"]) == (401, "login_refused")
    assert "set-cookie" not in refused.headers
    assert (garbled.status_code, garbled.json()["code"]) == (422, "login_unreadable")


async def test_logout_with_registry_away_still_empties_this_browser(portal: Portal, registry: Registry) -> None:
    async with portal() as http:
        await log_in(http)
        await http.get("/api/registry/me")
        registry.down = True
        closed = await http.delete("/session", headers=OURS)
    assert closed.status_code == 502
    assert 'lpse_session=""' in closed.headers["set-cookie"]


async def test_a_session_ended_through_the_api_is_forgotten_here(portal: Portal, registry: Registry) -> None:
    secret = registry.open()
    async with portal() as http:
        assert (await http.get("/api/registry/me", headers=bearer(secret))).status_code == 200
        assert (await http.delete("/api/registry/sessions/current", headers=bearer(secret))).status_code == 200
        assert (await http.get("/api/registry/me", headers=bearer(secret))).status_code == 401


FOREIGN: list[dict[str, str]] = [
    {},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "http://evil.test"},
    {"origin": "https://portal.test"},
    {"origin": "null"},
    {"origin": "http://portal.test:81"},
    {"sec-fetch-site": "same-origin", "origin": "http://evil.test"},
]


@pytest.mark.parametrize("said", FOREIGN)
async def test_a_cookie_alone_writes_nothing_for_another_site(
    portal: Portal, registry: Registry, said: dict[str, str]
) -> None:
    secret = registry.open()
    async with portal() as http:
        refused = await http.post("/api/tender/x", headers=cookie(secret) | said)
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign_write")
        assert (await http.delete("/session", headers=cookie(secret) | said)).status_code == 403
        assert (await http.get("/api/tender/x", headers=cookie(secret) | said)).status_code == 200
        assert (await http.post("/api/tender/x", headers=bearer(secret) | said)).status_code == 200
    assert secret in registry.accounts


@pytest.mark.parametrize("said", [OURS, {"origin": "http://portal.test"}, {**OURS, "origin": "http://portal.test"}])
async def test_our_own_page_writes(portal: Portal, registry: Registry, said: dict[str, str]) -> None:
    async with portal() as http:
        assert (await http.post("/api/tender/x", headers=cookie(registry.open()) | said)).status_code == 200


async def test_another_site_cannot_log_a_browser_in(portal: Portal) -> None:
    async with portal() as http:
        assert (await log_in(http, origin="http://evil.test")).status_code == 403


async def test_the_gateway_keeps_no_secret(sessions: Sessions, registry: Registry) -> None:
    secret = registry.open()
    credential = Credential.of(Headers(bearer(secret)), "lpse_session")
    assert credential is not None
    await sessions.trade(credential)
    assert secret not in repr(vars(sessions)) + repr(credential)
