"""What people type, and who may send it."""

import re
from urllib.parse import urlencode

import httpx2
import pytest

from gateway.pages.forms import Form, WrongField, rupiah
from tests.gateway import sample
from tests.gateway.conftest import Portal
from tests.gateway.standins import Answers, Registry

BROWSER = {"accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin", **BROWSER}


async def token_of(http: httpx2.AsyncClient, path: str) -> str:
    found = re.search(r'name="_token" value="([0-9a-f]{64})"', (await http.get(path, headers=BROWSER)).text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1250000", "1250000.00"),
        ("1.250.000", "1250000.00"),
        ("Rp 1.250.000,5", "1250000.50"),
        ("1250000.50", "1250000.50"),
        ("1 250 000,-", "1250000.00"),
        ("0", "0.00"),
    ],
)
def test_an_amount_is_read_as_it_is_written_here(typed: str, read: str) -> None:
    assert rupiah(typed) == read


@pytest.mark.parametrize("typed", ["satu juta", "1,250,000", "1.25.000", "-5", "1e9", "1.250.000,123", "٣"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(WrongField):
        rupiah(typed, "pagu")


def test_the_names_of_the_fields_are_the_places_of_the_body() -> None:
    sent = [
        ("name", "Meja"),
        ("rows.1.unit", "buah"),
        ("rows.0.unit", "set"),
        ("rows.0.price", "1.500"),
        ("rows.2.unit", ""),
    ]
    form = Form.parse(urlencode([*sent, ("other", "x"), ("starts", "2026-11-30T09:00")]).encode())
    assert form.count("rows") == 3
    assert form.body("name", "rows", "starts", money=["price"], instants=["starts"]) == {
        "name": "Meja",
        "rows": [{"unit": "set", "price": "1500.00"}, {"unit": "buah"}],
        "starts": "2026-11-30T09:00:00+07:00",
    }


async def test_a_login_needs_a_form_of_this_browser(portal: Portal) -> None:
    login = {"user_id": "sari", "password": "benar sekali", "kembali": "/log"}
    async with portal(tender=Answers(sample.TENDER)) as http:
        for token in ("", "0" * 64):
            answer = await http.post("/masuk", content=urlencode({**login, "_token": token}), headers=FORM)
            assert (answer.status_code, "sari" in answer.text, "benar sekali" in answer.text) == (403, True, False)
        token = await token_of(http, "/masuk")
        foreign = {**FORM, "sec-fetch-site": "cross-site"}
        answer = await http.post("/masuk", content=urlencode({**login, "_token": token}), headers=foreign)
        assert answer.status_code == 403
        answer = await http.post("/masuk", content=urlencode({**login, "_token": token}), headers=FORM)
        assert (answer.status_code, answer.headers["location"]) == (303, "/log")
        assert "lpse_session" in answer.headers["set-cookie"]


async def test_a_token_is_written_in_another_way_each_time(portal: Portal) -> None:
    """So that the length of a compressed page tells nothing about it; all of them are good."""
    async with portal(tender=Answers(sample.TENDER)) as http:
        first, second = await token_of(http, "/masuk"), await token_of(http, "/masuk")
        assert first != second
        for token in (first, second):
            login = {"user_id": "sari", "password": "benar sekali", "_token": token}
            assert (await http.post("/masuk", content=urlencode(login), headers=FORM)).status_code == 303
            http.cookies.delete("lpse_session")


@pytest.mark.parametrize(
    "back", ["https://jahat.example/", "//jahat.example", "/\\jahat.example", "javascript:alert(1)", ""]
)
async def test_a_login_leads_nowhere_else(portal: Portal, back: str) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        sent = {
            "user_id": "sari",
            "password": "benar sekali",
            "kembali": back,
            "_token": await token_of(http, "/masuk"),
        }
        answer = await http.post("/masuk", content=urlencode(sent), headers=FORM)
        assert answer.headers["location"] == "/beranda"


async def test_a_refused_login_keeps_what_was_typed_but_the_password(portal: Portal) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        sent = {"user_id": "sari", "password": "salah sekali", "_token": await token_of(http, "/masuk")}
        answer = await http.post("/masuk", content=urlencode(sent), headers=FORM)
        assert (answer.status_code, 'value="sari"' in answer.text, "salah sekali" in answer.text) == (401, True, False)
        assert 'role="alert"' in answer.text


async def test_a_page_for_people_who_are_logged_in_leads_to_the_login_and_back(
    portal: Portal, registry: Registry
) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        answer = await http.get("/akun?x=1", headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/masuk?kembali=%2Fakun%3Fx%3D1")
        http.cookies.set("lpse_session", registry.open())
        answer = await http.get("/masuk?kembali=%2Fakun%3Fx%3D1", headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/akun?x=1")


async def test_a_form_of_one_session_is_none_of_another(portal: Portal, registry: Registry) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", registry.open())
        token = await token_of(http, "/keluar")
        http.cookies.clear()
        http.cookies.set("lpse_session", registry.open())
        answer = await http.post("/keluar", content=urlencode({"_token": token}), headers=FORM)
        assert answer.status_code == 403
        answer = await http.post(
            "/keluar", content=urlencode({"_token": await token_of(http, "/keluar")}), headers=FORM
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert 'lpse_session=""' in answer.headers["set-cookie"]


@pytest.mark.parametrize("body", [b"a", b"=%ff&a=%ff", b"&".join(b"a=1" for _ in range(20_001))])
async def test_what_is_no_form_is_refused(portal: Portal, body: bytes) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        answer = await http.post("/masuk", content=body, headers=FORM)
        assert answer.status_code in {400, 413}
        answer = await http.post("/masuk", content=b"{}", headers={**FORM, "content-type": "application/json"})
        assert answer.status_code == 415
