"""One document of what may be done here, without what may not."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from gateway.openapi import Merged
from gateway.upstream import InProcess
from kit.auth import allow, internal, public
from tests.gateway.conftest import Portal
from tests.gateway.standins import Answers


class Inner(BaseModel):
    n: int


class Thing(BaseModel):
    inner: list[Inner]


class Secret(BaseModel):
    token: str


def service(title: str) -> FastAPI:
    router = APIRouter()

    @router.get("/things/{id}", **public())
    async def read(id: int) -> Thing:
        raise NotImplementedError

    @router.post("/things", **allow("ppk"))
    async def write(thing: Thing) -> Thing:
        raise NotImplementedError

    @router.post("/internal/tokens", **internal())
    async def tokens(secret: Secret) -> Secret:
        raise NotImplementedError

    @router.get("/health/ready", **public())
    async def ready() -> None:
        raise NotImplementedError

    app = FastAPI(title=title)
    app.include_router(router)
    return app


@pytest.fixture
async def merged(portal: Portal) -> dict[str, Any]:
    async with portal(tender=service("tender"), helpdesk=service("helpdesk")) as http:
        answer = await http.get("/api/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


async def test_every_public_path_stands_under_its_service(merged: dict[str, Any]) -> None:
    assert merged["openapi"].startswith("3.1")
    assert set(merged["paths"]) == {
        "/session",
        *(f"/api/{name}/things{rest}" for name in ("tender", "helpdesk") for rest in ("", "/{id}")),
    }
    assert "internal" not in str(merged["paths"])


async def test_components_are_apart_and_only_what_is_needed(merged: dict[str, Any]) -> None:
    schemas = merged["components"]["schemas"]
    assert {"tender_Thing", "tender_Inner", "helpdesk_Thing", "Problem"} <= set(schemas)
    assert not [name for name in schemas if "Secret" in name]
    for reference in references(merged):
        assert reference.removeprefix("#/components/schemas/") in schemas
    assert schemas["tender_Thing"]["properties"]["inner"]["items"] == {"$ref": "#/components/schemas/tender_Inner"}


async def test_operations_are_unique_and_keep_their_policy(merged: dict[str, Any]) -> None:
    operations = [operation for item in merged["paths"].values() for operation in item.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)) == 6
    assert merged["paths"]["/api/tender/things"]["post"]["x-policy"] == ["ppk"]
    assert "security" not in merged["paths"]["/api/tender/things"]["post"]
    assert merged["paths"]["/api/tender/things/{id}"]["get"]["security"] == []
    assert set(merged["components"]["securitySchemes"]) == {"session", "cookie"}
    assert all("default" in operation["responses"] for operation in operations)


async def test_a_service_that_does_not_answer_is_named(merged: dict[str, Any]) -> None:
    assert merged["x-unavailable"] == ["audit", "documents", "registry"]


async def test_it_is_asked_for_once_a_minute_and_sooner_while_incomplete() -> None:
    now = 0.0
    answers = Answers()
    merged = Merged({"tender": InProcess(answers)}, clock=lambda: now)
    assert (await merged.document())["x-unavailable"] == ["tender"]
    answers.answers["/openapi.json"] = service("tender").openapi()
    now = 4.0
    assert (await merged.document())["x-unavailable"] == ["tender"]
    now = 6.0
    assert (await merged.document())["x-unavailable"] == []
    now = 60.0
    await merged.document()
    assert len(answers.asked) == 2
    now = 67.0
    await merged.document()
    assert len(answers.asked) == 3
