"""Nobody's flood is anybody else's drought."""

import asyncio

import pytest

from gateway.clients import address_of
from gateway.limits import Buckets, InFlight, TooMany
from tests.gateway.conftest import MakeApp, Portal
from tests.gateway.standins import Registry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    clock = Clock()
    buckets = Buckets("x", "x", per_minute=60, burst=3, clock=clock)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(TooMany) as refused:
        buckets.take("a")
    assert refused.value.extra["retry_after"] == 1
    buckets.take("b")
    clock.now = 1.0
    buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")
    clock.now = 1000.0
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")


def test_what_is_given_back_never_overfills() -> None:
    buckets = Buckets("x", "x", per_minute=60, burst=1, clock=Clock())
    buckets.give_back("a")
    buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")


def test_requests_in_flight_are_counted_per_key() -> None:
    flight = InFlight(1)
    with flight.one("a"), flight.one("b"), pytest.raises(TooMany), flight.one("a"):
        pass
    with flight.one("a"):
        pass


@pytest.mark.parametrize(
    ("host", "key"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")],
)
def test_an_ipv6_network_is_one_address(host: str, key: str) -> None:
    assert address_of({"client": (host, 1)}) == key


async def test_one_account_flooding_slows_no_other_not_even_from_its_address(
    portal: Portal, registry: Registry
) -> None:
    flooder, quiet = registry.open(), registry.open()
    async with portal(limits={"requests_per_account": 20}) as http:

        async def ask(secret: str) -> int:
            return (await http.get("/api/tender/x", headers={"authorization": f"Bearer {secret}"})).status_code

        assert [await ask(flooder), await ask(quiet)] == [200, 200]
        flood = await asyncio.gather(*(ask(flooder) for _ in range(40)))
        assert flood.count(429) >= 18
        assert await ask(quiet) == 200
        refused = await http.get("/api/tender/x", headers={"authorization": f"Bearer {flooder}"})
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 3


async def test_guessed_sessions_count_against_the_address(portal: Portal, registry: Registry) -> None:
    async with portal(limits={"requests_per_address": 10}) as http:
        statuses = [
            (await http.get("/api/tender/x", headers={"authorization": f"Bearer {'guess' * 5}{n}"})).status_code
            for n in range(15)
        ]
    assert statuses.count(401) in {10, 11}
    assert statuses[-1] == 429
    assert len(registry.traded) <= 11


async def test_failed_logins_are_limited_per_address_and_good_ones_are_free(portal: Portal, make_app: MakeApp) -> None:
    app = make_app(limits={"failed_logins_burst": 60})

    async def tries(path: str, password: str, address: str, many: int) -> list[int]:
        async with portal(app=app, client=(address, 1)) as http:
            login = {"user_id": "siti", "password": password}
            return [(await http.post(path, json=login)).status_code for _ in range(many)]

    assert set(await tries("/session", "benar sekali", "192.0.2.1", 70)) == {201}
    wrong = await tries("/session", "salah", "192.0.2.1", 40)
    wrong += await tries("/api/registry/sessions", "salah", "192.0.2.1", 40)
    assert wrong[:60] == [401] * 60
    assert 429 in wrong[60:]
    assert set(await tries("/api/registry/sessions", "benar sekali", "192.0.2.2", 3)) == {201}
