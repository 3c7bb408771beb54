"""Every route as everybody: one table says who may, and everything else is refused and changes nothing."""

import re
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.routing import Route

from gateway.pages.visit import FORM_COOKIE, form_token
from tests.access.requests import address, body_of, headers_of
from tests.access.table import Row, rows
from tests.access.world import Person, World

TABLE = rows()
PROBLEM = "application/problem+json"
NOBODY = "n" * 43
"""What binds the forms of somebody who is not logged in."""
SEEN = {200, 201, 204, 303, 409, 422}
"""What somebody is answered who is let through: done, or not in the present state of the record."""


def routes(world: World) -> set[tuple[str, str, str]]:
    """All there are, as services and gateway know them themselves."""
    found = {
        (name, method.upper(), path)
        for name, service in world.services.items()
        for path, operations in service.app.openapi()["paths"].items()
        for method in operations
    }
    own = (route for route in world.gateway.routes if isinstance(route, Route))
    plain = (
        (method, re.sub(r":\w+", "", route.path)) for route in own for method in (route.methods or set()) - {"HEAD"}
    )
    return found | {("gateway", method, path) for method, path in plain}


async def test_the_table_has_every_route_and_no_other(world: World) -> None:
    assert {row.route for row in TABLE} == routes(world)
    assert len(set(TABLE)) == len(TABLE)


async def test_the_code_lets_in_whom_the_table_does(world: World) -> None:
    """The policy a route declares is what its callers read in the API's description."""
    told: dict[tuple[str, str, str], set[str]] = {}
    for row in TABLE:
        told[row.route] = told.get(row.route, set()) | row.gate
    for (service, method, path), gate in told.items():
        if service != "gateway":
            declared = world.services[service].app.openapi()["paths"][path][method.lower()]["x-policy"]
            loosest = next(({word} for word in ("public", "logged in") if word in gate), gate)
            assert set(declared) == loosest, f"{service} {method} {path}"


async def test_the_merged_document_tells_of_every_route_outside_may_reach(world: World) -> None:
    merged = (await world.ask(None, "gateway", "GET", "/api/openapi.json")).json()
    told = {(method.upper(), path) for path, item in merged["paths"].items() for method in item}
    hidden = ("/health", "/internal")
    reachable = {row.route for row in TABLE if row.service != "gateway" and not row.path.startswith(hidden)}
    sessions = {("POST", "/session"), ("DELETE", "/session")}
    assert told == {(method, f"/api/{name}{path}") for name, method, path in reachable} | sessions


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_who_may_and_who_may_not(world: World, row: Row) -> None:
    everybody = {"nobody": None, **{name: who for name, who in world.people.items() if _comes(row, who)}}
    refusals = {name: row.refusal(who) for name, who in everybody.items()}
    body = await body_of(world, row)
    secrets = await world.sessions_of_all() if of_gateway(row) else {}
    before = await world.state(*_touched(world, row))
    for name, status in refusals.items():
        if status is not None:
            answer = await ask(world, row, world.people.get(name), body, secrets.get(name, NOBODY))
            assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
            assert answer.headers["content-type"] == PROBLEM
            assert answer.json()["status"] == status
    after = await world.state(*_touched(world, row))
    used = {"registry.session"} if of_gateway(row) else set()  # when each was last used
    if "auditor:mandated" in row.may:
        used |= {"tender.outbox", "tender.idempotency", "audit.outbox"}  # that an auditor was refused is told
    assert [table for table in after if after[table] != before[table] and table not in used] == []
    for name, status in refusals.items():
        if status is None:
            answer = await ask(world, row, world.people.get(name), body, secrets.get(name, NOBODY))
            assert answer.status_code in SEEN, f"{name}: {answer.status_code} {answer.text}"
    if row.method != "GET":
        world.sessions.clear()  # some ended with what was done


def _touched(world: World, row: Row) -> tuple[str, ...]:
    return tuple(world.services) if of_gateway(row) else (row.service,)


def _comes(row: Row, who: Person) -> bool:
    """A session has the letters its account has now, and the account of an ended letter holds another in force."""
    return who.in_force or not of_gateway(row)


def of_gateway(row: Row) -> bool:
    return row.service == "gateway"


async def ask(world: World, row: Row, who: Person | None, body: Any, secret: str) -> httpx2.Response:
    headers = headers_of(world, row)
    if secret is not NOBODY:
        headers["authorization"] = f"Bearer {secret}"
    if row.is_form:
        headers |= {"content_type": "application/x-www-form-urlencoded", "cookie": f"{FORM_COOKIE}={NOBODY}"}
        body = urlencode({"_token": form_token(secret), **body}).encode()
    return await world.ask(who, row.service, row.method, address(world, row), body, **headers)


async def test_the_gateway_hides_what_is_for_itself(world: World) -> None:
    """Not even a logged-in official is told that it is there."""
    people: list[Person | None] = [None, world.people["admin_ppe"]]
    for who in people:
        said = {"authorization": f"Bearer {await world.open_session(who)}"} if who else {}
        for name in world.services:
            for path in ("health/ready", "health/clock", "openapi.json", "internal/tokens", "%69nternal/tokens"):
                answer = await world.ask(None, "gateway", "GET", f"/api/{name}/{path}", **said)
                assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), path


async def test_internal_routes_take_the_gateways_token_for_this_service_alone(world: World) -> None:
    secret = await world.open_session(world.people["bidder"])
    for audience, status in (("registry", 200), ("tender", 401)):
        token = {"lpse_service": world.service_token(audience)}
        answer = await world.ask(None, "registry", "POST", "/internal/tokens", {"session": secret}, **token)
        assert answer.status_code == status, answer.text
