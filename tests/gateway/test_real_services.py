"""The five services themselves behind the gateway, on their own databases."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, cast

import httpx2
import pytest

from kit.bus import Bus
from services import SERVICES, build
from tests.conftest import MakeSettings
from tests.gateway.conftest import Portal

NO_BUS = cast("Bus", None)  # without workers nothing is published
OBJECTS = {"objects": "http://127.0.0.1:9", "objects_key": "k", "objects_secret": "s"}

PROVIDER: dict[str, Any] = {
    "user_id": "cv-contoh",
    "password": "kata sandi yang panjang",
    "email": "cv@contoh.example",
    "kind": "badan_usaha",
    "name": "CV Contoh",
    "npwp": "013000104609000",
    "address": "Jalan Contoh 1",
    "phone": "0321000000",
    "responsible_name": "Penanggung Jawab",
}


@pytest.fixture
async def http(make_settings: MakeSettings, portal: Portal) -> AsyncIterator[httpx2.AsyncClient]:
    async with AsyncExitStack() as stack:
        apps = {}
        for name in SERVICES:
            service = build(name, await make_settings(name, **OBJECTS))
            apps[name] = (await stack.enter_async_context(service.running(NO_BUS, worker=False))).app
        yield await stack.enter_async_context(portal(**apps))


async def test_a_provider_registers_logs_in_is_known_and_logs_out(http: httpx2.AsyncClient) -> None:
    registered = await http.post(
        "/api/registry/registrations", json=PROVIDER, headers={"idempotency-key": "daftar-cv-contoh"}
    )
    assert registered.status_code == 201, registered.text
    login = {name: PROVIDER[name] for name in ("user_id", "password")}
    opened = await http.post("/session", json=login)
    assert opened.status_code == 201, opened.text
    secret = http.cookies["lpse_session"]
    mine = await http.get("/api/registry/me")
    assert mine.json()["id"] == registered.json()["account"] == opened.json()["account"]["id"]
    assert (await http.get("/api/registry/sessions")).json()["items"][0]["current"] is True
    closed = await http.delete("/session", headers={"sec-fetch-site": "same-origin"})
    assert closed.status_code == 204
    assert (await http.get("/api/registry/me")).status_code == 401
    again = await http.get("/api/registry/me", headers={"authorization": f"Bearer {secret}"})
    assert (again.status_code, again.json()["code"]) == (401, "session_ended")


async def test_what_is_refused_is_told_in_registrys_words_and_its_own_route_is_hidden(http: httpx2.AsyncClient) -> None:
    refused = await http.post("/session", json={"user_id": "nobody", "password": "salah"})
    assert (refused.status_code, refused.json()["code"]) == (401, "login_refused")
    assert (await http.post("/api/registry/internal/tokens", json={"session": "x" * 43})).status_code == 404


async def test_every_service_is_in_the_merged_document(http: httpx2.AsyncClient) -> None:
    merged = (await http.get("/api/openapi.json")).json()
    assert merged["x-unavailable"] == []
    for name in SERVICES:
        assert [path for path in merged["paths"] if path.startswith(f"/api/{name}/")], name
    operations = [
        operation for item in merged["paths"].values() for operation in item.values() if isinstance(operation, dict)
    ]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["x-policy"] != ["internal"] for operation in operations)
    assert not [path for path in merged["paths"] if "/internal/" in path or "/health/" in path]


async def test_the_pages_show_an_empty_installation(http: httpx2.AsyncClient) -> None:
    pages = {
        "/": "Sekarang tidak ada tender yang menerima penawaran.",
        "/tender": "Belum ada tender",
        "/pengumuman-lpse": "Belum ada pengumuman",
        "/log": "Belum ada catatan",
        "/tender/26119999999": "Tidak ditemukan",
    }
    for path, words in pages.items():
        assert words in (await http.get(path, headers={"accept": "text/html"})).text
