"""What people type, and who may send it."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest

from gateway.pages import render
from gateway.pages.forms import Form, WrongField, rupiah
from gateway.pages.language import LANGUAGES, Catalogue, load
from gateway.pages.page import Page
from gateway.pages.refusals import named
from gateway.pages.typed import CHOICES
from gateway.pages.visit import NOTICE, Visit
from gateway.session import Person
from kit.problems import Problem, RuleViolation
from tests.gateway import sample, test_pages
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


@pytest.mark.parametrize(("status", "same"), [(409, False), (422, False), (502, True), (503, True), (504, True)])
def test_what_may_have_been_carried_out_is_sent_again_under_its_key(status: int, same: bool) -> None:
    form = Form.parse(b"_key=key-0001&name=Meja")
    again = form.refused(Problem("x", "No.", status=status))
    assert (again.key == form.key) is same
    assert again["name"] == "Meja"


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
        for token in ("", "0" * 64, "é"):
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


def test_mistakes_come_in_the_order_of_the_form() -> None:
    form = Form.parse(b"name=&rows.0.unit=&rows.0.price=x&email=")
    found = [{"at": f"body/{at}", "why": ""} for at in ("agreed", "email", "rows", "name")]
    problem = Problem("invalid_request", "No.", status=422, extra={"errors": found})
    assert list(form.refused(problem).errors) == ["name", "rows", "email", "agreed"]


@pytest.mark.parametrize(
    "body",
    [
        b"a",
        b"=%ff&a=%ff",
        b"&".join(b"a=" for _ in range(20_001)),
        b"rows=x&rows.0.unit=y",
        b"rows.00001.a=1",
        b"../x=1",
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        Form.parse(body).body("a", "rows")


async def test_a_page_takes_forms_only(portal: Portal) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        answer = await http.post("/masuk", content=b"{}", headers={**FORM, "content-type": "application/json"})
        assert answer.status_code == 415


def test_what_a_service_says_of_a_line_stands_beside_that_line_though_others_are_blank() -> None:
    form = Form.parse(b"rows.0.unit=&rows.3.unit=set&rows.7.unit=x")
    wrong = RuleViolation("wrong", "Wrong.", extra={"errors": [{"at": "body/rows/1/unit", "why": "no"}]})
    assert list(form.refused(wrong).errors) == ["rows.7.unit"]


def test_a_form_keeps_its_key_where_nobody_knows_what_became_of_it() -> None:
    form = Form.parse(b"_key=0123456789&a=1")
    assert form.key == "0123456789"
    assert form.refused(Problem("upstream_slow", "No answer.", status=504)).key == "0123456789"
    assert form.refused(Problem("wrong", "Wrong.", status=422)).key != "0123456789"
    assert Form.parse(b"_key=a%0Ab%0Ac%0Ad%0Ae").key != "a\nb\nc\nd\ne"


def test_a_password_is_taken_as_it_is() -> None:
    assert Form.parse(b"password=+a+&user_id=+a+").values == {"password": [" a "], "user_id": ["a"]}


async def test_what_was_typed_survives_a_service_that_is_away(portal: Portal, registry: Registry) -> None:
    """Nothing of it is lost, the key is the same, and the password is not shown."""
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", registry.open())
        sent = {
            "_token": await token_of(http, "/keluar"),
            "_key": "0123456789",
            "session": "kata-kata",
            "password": "x y z",
        }
        registry.down = True
        answer = await http.post("/akun", content=urlencode(sent), headers=FORM)
        assert answer.status_code >= 500
        assert 'name="session" value="kata-kata"' in answer.text
        assert 'name="_key" value="0123456789"' in answer.text
        assert "x y z" not in answer.text


async def test_what_was_typed_survives_the_end_of_a_session(portal: Portal) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", "k" * 43)
        answer = await http.post("/akun?a=1&b=2", content=urlencode({"session": "kata-kata"}), headers=FORM)
        assert answer.status_code == 401
        assert 'name="session" value="kata-kata"' in answer.text
        assert 'href="/masuk?kembali=/akun%3Fa%3D1%26b%3D2"' in answer.text


async def test_what_could_not_be_sent_is_shown_by_its_names_and_words(portal: Portal) -> None:
    sent = {
        "name": "Meja", "category": "jasa_lainnya", "committee": "019f0000-0000-7000-8000-000000000001",
        "hps_rows.0.unit_price": "1.250.000", "offer.rows.2.unit_price": "7", "consent_version": "1",
    }  # fmt: skip
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", "k" * 43)
        answer = await http.post("/paket/baru", content=urlencode(sent), headers=FORM)
    for name, value in sent.items():
        assert f'name="{name}" value="{value}"' in answer.text
    shown = test_pages.Page(answer.text).words
    for words in (
        "Nama Meja", "Kategori Jasa Lainnya", "Baris 1: harga satuan 1.250.000", "Harga satuan, baris 3 7",
    ):  # fmt: skip
        assert words in shown, words
    for raw in ("jasa_lainnya", "019f", "unit_price", "consent"):
        assert raw not in shown, raw


TEMPLATES = Path(render.__file__).parents[1] / "templates"
FIELDS = {
    (macro, name)
    for path in TEMPLATES.rglob("*.html")
    if path.name not in {"parts.html", "components.html"}
    for macro, name in re.findall(r'\b(field|text|choose|radios|ticks?)\("([\w.]+)"', path.read_text())
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_name(language: str) -> None:
    lines = {"offer.rows.0.unit_price", "hps_rows.0.quantity", "stages.0.starts_at"}
    assert [name for name in {name for _, name in FIELDS} | lines if not named(load(language), name)] == []


def test_what_is_chosen_is_known() -> None:
    assert {name for macro, name in FIELDS if macro not in {"field", "text"}} == set(CHOICES)


async def test_who_could_not_be_logged_out_everywhere_is_told(portal: Portal, registry: Registry) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", registry.open())
        token = await token_of(http, "/keluar")
        registry.fails = True
        answer = await http.post("/keluar", content=urlencode({"_token": token}), headers=FORM)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert answer.cookies[NOTICE] == "left_open"
        assert 'lpse_session=""' in answer.headers["set-cookie"]


async def test_a_session_ended_on_the_page_is_forgotten_here(portal: Portal, registry: Registry) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", registry.open())
        token = await token_of(http, "/keluar")
        traded = len(registry.traded)
        await http.post("/akun", content=urlencode({"_token": token, "session": "another"}), headers=FORM)
        answer = await http.get("/keluar", headers=BROWSER)
        assert len(registry.traded) == traded + 1, "registry is asked anew"
        assert answer.headers["location"] == "/"


async def test_a_refused_form_does_not_say_that_something_was_done(portal: Portal) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        sent = {"user_id": "sari", "password": "salah sekali", "_token": await token_of(http, "/masuk")}
        http.cookies.set(NOTICE, "session_ended")
        answer = await http.post("/masuk", content=urlencode(sent), headers=FORM)
        assert 'role="status"' not in answer.text


async def test_what_was_done_is_said_once_and_by_no_link(portal: Portal, registry: Registry) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        for link in ("/masuk?pesan=session_ended", f"/masuk?{NOTICE}=session_ended"):
            assert 'role="status"' not in (await http.get(link, headers=BROWSER)).text
        http.cookies.set("lpse_session", registry.open())
        token = await token_of(http, "/keluar")
        registry.fails = True
        left = await http.post("/keluar", content=urlencode({"_token": token}), headers=FORM)
        cookie = next(set_ for set_ in left.headers.get_list("set-cookie") if set_.startswith(NOTICE))
        assert {"HttpOnly", "Max-Age=60", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        told, again = [await http.get("/", headers=BROWSER) for _ in range(2)]
        assert 'role="status"' in told.text
        assert told.headers["cache-control"] == "no-store"
        assert 'role="status"' not in again.text


async def test_logging_out_empties_what_the_browser_kept(portal: Portal, registry: Registry) -> None:
    """The prices of a bid that was not sent yet, on a computer that others use."""
    async with portal(tender=Answers(sample.TENDER)) as http:
        for ended in (True, False):
            http.cookies.set("lpse_session", registry.open())
            token = await token_of(http, "/keluar")
            registry.fails = not ended
            left = await http.post("/keluar", content=urlencode({"_token": token}), headers=FORM)
            assert left.headers["clear-site-data"] == '"storage"'
        registry.fails = False
        http.cookies.set("lpse_session", registry.open())
        closed = await http.delete("/session", headers={"sec-fetch-site": "same-origin"})
        assert (closed.status_code, closed.headers["clear-site-data"]) == (204, '"storage"')


async def test_a_public_page_does_not_wait_for_registry(portal: Portal, registry: Registry) -> None:
    registry.hangs = True
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", registry.open())
        async with asyncio.timeout(10):
            assert (await http.get("/komponen", headers=BROWSER)).status_code == 200


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("another", 403), ("helpdesk", 200)])
async def test_a_page_for_one_role_is_not_shown_to_others(who: str, status: int) -> None:
    """The page itself asks nothing that could refuse."""

    async def show(_visit: Visit) -> dict[str, str]:
        return {}

    page = Page("/contoh", "unsent.html", show, roles=frozenset({"helpdesk"}))
    person = None if who == "nobody" else Person("1", who, who, frozenset({who}), None)
    try:
        page._admit(_Somebody(person))
        found = 200
    except Problem as refusal:
        found = refusal.status
    assert found == status


class _Somebody(Visit):
    def __init__(self, person: Person | None) -> None:
        self._somebody = person

    @property
    def person(self) -> Person | None:
        return self._somebody

    @property
    def t(self) -> Catalogue:
        return load("id")


async def test_a_refusal_greets_whom_it_refuses(portal: Portal, registry: Registry) -> None:
    """Whoever is logged in and may not see a page is not shown the way to the login."""
    async with portal(tender=Answers(sample.TENDER)) as http:
        http.cookies.set("lpse_session", registry.open())
        answer = await http.get("/sistem", headers=BROWSER)
        assert (answer.status_code, 'href="/keluar"' in answer.text, 'href="/masuk"' in answer.text) == (
            403,
            True,
            False,
        )
