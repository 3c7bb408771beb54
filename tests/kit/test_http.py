"""Every refusal is a problem document; no route goes without a policy; a missing backend is said as such."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi import APIRouter
from sqlalchemy import text

from kit.http import encode_problem
from kit.problems import Reason, RuleViolation
from kit.service import Service
from tests.conftest import MakeSettings
from tests.kit import probe

KEY = {"Idempotency-Key": "key-0001"}


async def test_a_refusal_says_what_why_and_what_next(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/notes", json={"text": "conflict"}, headers=KEY)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:lpse:problem:conflict",
        "title": "Not in the present state",
        "status": 409,
        "detail": "Not now.",
        "code": "conflict",
        "article": "Pasal 1",
        "remedy": "Later.",
    }


def test_the_values_stand_beside_the_sentence() -> None:
    problem = RuleViolation("late", "It closed at {closes_at}.", closes_at="09.00", extra={"receipt": "r"})
    assert b'"detail": "It closed at 09.00."' in encode_problem(problem)
    assert problem.document()["params"] == {"closes_at": "09.00"}
    assert problem.document()["receipt"] == "r"


def test_a_reason_fills_a_place_and_stands_beside_the_sentence() -> None:
    why = Reason("too_long", "it has {length} letters", length=300)
    told = RuleViolation("name_refused", "Not this name: {why}.", why=why).document()
    assert told["detail"] == "Not this name: it has 300 letters."
    assert told["params"] == {"why": "it has 300 letters"}
    assert told["reasons"] == {
        "why": [{"code": "too_long", "detail": "it has 300 letters", "params": {"length": "300"}}]
    }
    both = RuleViolation("name_refused", "Not this name: {why}.", why=(why, why)).document()
    assert both["detail"] == "Not this name: it has 300 letters it has 300 letters."
    assert len(both["reasons"]["why"]) == 2


async def test_a_wrong_form_names_the_places_and_repeats_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/notes", json={"txt": "{secret}"}, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert {error["at"] for error in answer.json()["errors"]} == {"body/text", "body/txt"}
    assert {error["type"] for error in answer.json()["errors"]} == {"missing", "extra_forbidden"}
    assert "secret" not in answer.text


async def test_no_such_path_and_no_such_method(client: httpx2.AsyncClient) -> None:
    missing, method = await client.get("/nothing"), await client.delete("/notes")
    assert (missing.status_code, missing.json()["code"]) == (404, "http_404")
    assert (method.status_code, method.json()["code"]) == (405, "http_405")
    assert set(method.headers["Allow"].split(", ")) & {"GET", "POST"}


async def test_a_defect_of_ours_gives_a_number_and_no_more(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/broken", params={"number": 0})
    assert answer.status_code == 500
    assert answer.json()["code"] == "unexpected"
    assert int(answer.json()["params"]["trace_id"], 16) > 0
    assert "division" not in answer.text


async def test_a_database_that_is_away_is_said_so(probe_package: Path, make_settings: MakeSettings) -> None:
    settings = await make_settings("probe", database="postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    service = probe.build(settings)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=service.app), base_url="http://probe") as client:
        for answer in (await client.get("/notes"), await client.get("/health/ready")):
            assert answer.status_code == 503
            assert answer.json()["code"] == "temporarily_unavailable"
            assert answer.headers["Retry-After"] == "1"
        assert (await client.get("/health/live")).status_code == 200
    await service.database.close()


async def test_who_lost_a_wait_for_a_lock_is_asked_to_repeat(service: Service, client: httpx2.AsyncClient) -> None:
    """Also the loser of a deadlock: nothing was stored, so it is no defect and no reason to give up."""
    holder = await asyncpg.connect(service.database.dsn)
    name = await holder.fetchval("select current_database()")
    await holder.execute(f"alter database {name} set lock_timeout = '100ms'")
    await holder.execute("begin; lock table note in exclusive mode")
    answer = await client.post("/notes", json={"text": "waits"}, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable")
    await holder.close()
    assert (await client.post("/notes", json={"text": "waits"}, headers=KEY)).status_code == 201


async def test_ready_means_the_right_schema(service: Service, client: httpx2.AsyncClient) -> None:
    assert (await client.get("/health/ready")).status_code == 200
    async with service.database.transaction() as db:
        await db.execute(text("update alembic_version set version_num = '0000'"))
    assert (await client.get("/health/ready")).status_code >= 500


async def test_ready_while_requests_have_every_connection(service: Service, client: httpx2.AsyncClient) -> None:
    async with AsyncExitStack() as busy:
        for _ in range(service.settings.database_pool):
            await (await busy.enter_async_context(service.database.reading())).execute(text("select 1"))
        waiting = asyncio.create_task(client.post("/notes", json={"text": "waits"}, headers=KEY))
        async with asyncio.timeout(5):  # as long as an orchestrator waits
            assert (await client.get("/health/ready")).status_code == 200
        assert not waiting.done()
    assert (await waiting).status_code == 201


async def test_a_route_without_a_policy_does_not_start(probe_package: Path, make_settings: MakeSettings) -> None:
    router = APIRouter()

    @router.get("/open-to-all")
    async def forgotten() -> dict[str, Any]:
        return {}

    with pytest.raises(RuntimeError, match="GET /open-to-all has no policy"):
        Service(name="probe", settings=await make_settings("probe"), router=router, metadata=probe.Base.metadata)
