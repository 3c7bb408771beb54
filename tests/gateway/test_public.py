"""What citizens do without an account: look, ask, complain, follow, check; and what the pages show to whom."""

import json
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from contracts.values import rfc3339
from gateway.pages import kept, render
from gateway.pages.checker import standalone
from gateway.pages.language import LANGUAGES, load
from gateway.pages.visit import NOTICE
from tests.gateway import sample
from tests.gateway.conftest import Portal
from tests.gateway.standins import Answers, Registry
from tests.gateway.test_forms import FORM, token_of
from tests.gateway.test_pages import BROWSER, Page, get

CODE = sample.RUNNING["code"]
AT = f"/tender/{CODE}"


class Helpdesk(Answers):
    """Remembers what it was told: bodies and tracking codes."""

    def __init__(self, **others: Any) -> None:
        super().__init__({**sample.HELPDESK, **others})
        self.told: list[Any] = []
        self.codes: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if scope["method"] == "POST":
            self.told.append(await request.json())
        if code := request.headers.get("lpse-tracking"):
            self.codes.append(code)
        await super().__call__(scope, receive, send)


async def away(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ConnectionError


async def send(http: httpx2.AsyncClient, path: str, lang: str = "id", **values: str) -> httpx2.Response:
    body = urlencode({"_token": await token_of(http, path), "_key": "satu", **values})
    return await http.post(path, content=body, headers={**FORM, "accept-language": lang})


# Complaints and questions


@pytest.mark.parametrize("path", ["/pengaduan", "/tanya"])
async def test_a_tracking_code_is_shown_in_the_answer_alone(portal: Portal, path: str) -> None:
    async with portal(tender=Answers(sample.TENDER), helpdesk=Helpdesk()) as http:
        answer = await send(http, path, category="umum", subject="Tanya", text="Mohon diperiksa.")
        assert answer.status_code == 200
        assert sample.TRACKING in Page(answer.text).words
        assert answer.headers["cache-control"] == "no-store"
        assert sample.TRACKING not in str(answer.headers) + str(dict(http.cookies))
        assert sample.TRACKING not in (await http.get(path, headers=BROWSER)).text


@pytest.mark.parametrize(("ticked", "hidden"), [({"hide_reporter": "true"}, True), ({}, False)])
async def test_a_reporter_is_hidden_unless_they_say_otherwise(
    portal: Portal, ticked: dict[str, str], *, hidden: bool
) -> None:
    helpdesk = Helpdesk()
    async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
        form = await get(http, "/pengaduan?tender=26110000017")
        boxes = [box for box in form.all("input") if box.get("name") == "hide_reporter"]
        assert [("checked" in box, box["type"]) for box in boxes] == [(True, "checkbox")]
        assert "26110000017" in {field.get("value") for field in form.all("input")}
        await send(http, "/pengaduan", category="pokja", text="Mohon diperiksa.", contact="", **ticked)
    assert helpdesk.told == [{"category": "pokja", "text": "Mohon diperiksa.", "hide_reporter": hidden}]


@pytest.mark.parametrize("path", ["/pengaduan", "/tanya"])
async def test_what_was_typed_stays_when_it_is_refused(portal: Portal, path: str) -> None:
    helpdesk = Helpdesk()
    async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
        answer = await send(http, path, category="umum", subject="Tanya", text=" ", contact="0321 & <000>")
    page = Page(answer.text)
    assert (answer.status_code, helpdesk.told) == (422, [])
    assert "0321 & <000>" in {field.get("value") for field in page.all("input")}
    assert "#text" in {link["href"] for link in page.all("a")}


@pytest.mark.parametrize("typed", [sample.TRACKING, "01234567 89ABCDEF 01234567 89ABCDEF"])
@pytest.mark.parametrize("lang", LANGUAGES)
async def test_who_holds_a_code_sees_what_became_of_the_matter(portal: Portal, typed: str, lang: str) -> None:
    helpdesk = Helpdesk()
    async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
        for path, facts in {
            "/pengaduan/lacak": (sample.COMPLAINT["code"], "LPSE Pusat", sample.COMPLAINT["answer"]),
            "/tanya/lacak": (sample.TICKET["code"], sample.TICKET["text"], "Datanglah dengan KTP asli."),
        }.items():
            answer = await send(http, path, lang, code=typed)
            page = Page(answer.text)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
            for fact in facts:
                assert fact in page.words
            assert typed not in answer.text
            assert len(page.all("h1")) == 1
            assert not set(load("id").words).intersection(page.words.split())
    assert {code.replace("-", "") for code in helpdesk.codes} == {sample.TRACKING.replace("-", "")}
    assert not [path for path in helpdesk.asked if "0123" in path]


async def test_a_code_that_is_none_or_unknown_is_refused_in_words(portal: Portal) -> None:
    helpdesk = Helpdesk()
    del helpdesk.answers["/complaints/tracked"]
    async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
        unreadable = await send(http, "/pengaduan/lacak", code="abc")
        unknown = await send(http, "/pengaduan/lacak", code=sample.TRACKING)
    assert (unreadable.status_code, unknown.status_code) == (422, 404)
    assert 'value="abc"' in unreadable.text
    assert "Kode pelacakan terdiri dari 32 tanda" in Page(unreadable.text).words
    assert "Tidak ada apa pun di bawah kode pelacakan ini." in Page(unknown.text).words


async def test_who_is_logged_in_finds_the_answer_in_a_list_of_their_own(portal: Portal, registry: Registry) -> None:
    id = sample.HELPDESK["/tickets"]["id"]
    ticket = {**sample.TICKET, "id": id, "tender": CODE, "text": "Bagaimana caranya?", "channel": "internet"}
    listed = {"items": [ticket], "next": "a&b", "id": id, "tracking": None}
    helpdesk = Helpdesk(**{"/tickets": listed, f"/tickets/{id}": ticket, f"/tickets/{id}/messages": {}})
    async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
        http.cookies.set("lpse_session", registry.open())
        answer = await send(http, "/tanya", category="akun", subject="Lupa kata sandi", text="Bagaimana caranya?")
        assert (answer.headers["location"], answer.cookies[NOTICE]) == (f"/tanya/tiket/{id}", "ticket_sent")
        page = await get(http, answer.headers["location"])
        for words in ("Pertanyaan Anda diterima helpdesk.", "Bagaimana caranya?", "Datanglah dengan KTP asli."):
            assert words in page.words
        own = {link["href"] for link in (await get(http, "/tanya")).all("a")}
        assert {f"/tanya/tiket/{id}", "/tanya?cursor=a%26b"} <= own
        assert "/tanya" in {
            one["href"] for one in (await get(http, "/tanya?cursor=c")).all("a") if one.get("rel") == "first"
        }
        more = await send(http, f"/tanya/tiket/{id}", text="Terima kasih.")
        assert (more.headers["location"], more.cookies[NOTICE]) == (f"/tanya/tiket/{id}", "message_sent")
    assert helpdesk.told[1] == {"text": "Terima kasih."}


async def test_the_list_of_a_unit_without_tenders_names_the_unit(portal: Portal) -> None:
    async with portal(tender=Answers({"/public/tenders": {"items": [], "next": None}})) as http:
        page = await get(http, "/tender?skpd=<1.02>")
        assert "Hanya tender dari Kode SKPD <1.02>." in page.words
        assert "span" not in page.words


# What is announced


async def test_the_years_to_search_in_are_those_of_the_business_clock(portal: Portal) -> None:
    tender = Answers(dict(sample.TENDER) | {"/health/clock": {**sample.CLOCK, "now": "2041-12-31T17:00:00.000Z"}})
    async with portal(tender=tender) as http:
        assert "2043" not in (await get(http, "/tender")).words, "before the clock was heard"
        heard = (await get(http, "/tender")).words
    assert "2043" in heard
    assert "2044" not in heard


async def test_maintenance_ahead_stands_on_every_page_and_is_asked_for_once(portal: Portal) -> None:
    helpdesk = Helpdesk()
    async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
        for path in ("/", "/tender", AT, "/bantuan", "/masuk"):
            assert "Pemeliharaan: Penggantian server & <penyimpanan>" in (await get(http, path)).words, path
    assert len(helpdesk.asked) == 1


async def test_in_production_the_time_is_the_real_one_and_refusals_carry_the_banner_too(portal: Portal) -> None:
    starts, ends = (rfc3339(datetime.now(UTC) + timedelta(hours=hours)) for hours in (47, 49))
    announced = {"items": [{**sample.ANNOUNCEMENT, "starts_at": starts, "ends_at": ends}], "next": None}
    production = {"profile": "production", "public_url": "https://portal.test", "base_url": "https://portal.test"}
    async with portal(helpdesk=Helpdesk(**{"/announcements": announced}), **production) as http:
        http.headers.update(BROWSER)
        for path in ("/bantuan", "/nothing"):
            assert "Pemeliharaan: Penggantian server" in (await get(http, path)).words, path


OFFICE = {"address": "Gedung Contoh lantai 2", "hours": "Senin sampai Jumat, 08.00-15.00 WIB"}


async def test_where_originals_are_brought_and_when_stands_where_they_are_spoken_of(portal: Portal) -> None:
    place = {"public_url": "https://portal.test", "base_url": "https://portal.test", "profile": "production"}
    for told in ({}, OFFICE):
        async with portal(helpdesk=Helpdesk(), **place, **told) as http:
            for path in ("/bantuan", "/daftar"):
                words = (await get(http, path)).words
                assert all((said in words) == bool(told) for said in (*OFFICE.values(), "Jam layanan"))
                assert "latihan" not in words.lower(), "nothing to practise with in production"
    async with portal(helpdesk=Helpdesk(), tender=Answers(sample.TENDER), **OFFICE) as http:
        for path in ("/bantuan", "/daftar"):
            words = (await get(http, path)).words
            assert "tidak ada berkas asli yang perlu dibawa" in words
            assert OFFICE["address"] not in words
        assert "./lpse clock next" in (await get(http, "/bantuan")).words
        given = re.findall(r"[0-9.]{12}-000\.000", (await get(http, "/daftar")).words)
        assert len(given) == 1, "an NPWP to practise with"


async def test_in_training_a_refusal_reckons_by_the_business_clock(portal: Portal) -> None:
    """Also while tender is away: by what the clock said last. Before it said anything nothing is claimed."""
    real = {
        name: rfc3339(datetime.now(UTC) + timedelta(hours=hours)) for name, hours in (("starts_at", 1), ("ends_at", 2))
    }
    by_the_real_clock = sample.ANNOUNCEMENT | {"title": "Menurut jam sesungguhnya", **real}
    announced = {"items": [by_the_real_clock, sample.ANNOUNCEMENT], "next": None}
    tender = Answers(dict(sample.TENDER))
    async with portal(tender=tender, helpdesk=Helpdesk(**{"/announcements": announced})) as http:
        http.headers.update(BROWSER)
        assert "Penggantian server" not in (await get(http, "/nothing")).words
        for path in ("/bantuan", "/nothing"):
            words = (await get(http, path)).words
            assert "Pemeliharaan: Penggantian server" in words, path
            assert "Menurut jam sesungguhnya" not in words, path
        del tender.answers["/health/clock"]
        for path in ("/bantuan", "/nothing"):
            assert "Pemeliharaan: Penggantian server" in (await get(http, path)).words, path


@pytest.mark.parametrize("now", ["2026-11-05T14:59:59.000Z", "2026-11-07T17:00:00.000Z"])
async def test_what_is_too_far_ahead_or_over_is_no_banner(portal: Portal, now: str) -> None:
    tender = Answers({**sample.TENDER, "/health/clock": {**sample.CLOCK, "now": now}})
    async with portal(tender=tender, helpdesk=Helpdesk()) as http:
        assert "Penggantian server" not in (await get(http, "/bantuan")).words


async def test_a_training_clock_that_is_not_told_in_time_holds_up_no_page(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "PATIENCE", 0.05)
    async with portal(tender=hanging, helpdesk=Helpdesk()) as http:
        with anyio.fail_after(5):
            assert (await http.get("/bantuan", headers=BROWSER)).status_code == 200


async def hanging(_scope: Scope, receive: Receive, _send: Send) -> None:
    while True:
        await receive()


async def test_what_was_answered_badly_is_asked_again_soon(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "AGAIN_SECONDS", 2.0)
    helpdesk = Helpdesk()
    announced = helpdesk.answers.pop("/announcements")
    async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
        assert "Penggantian server" not in (await get(http, "/bantuan")).words
        helpdesk.answers["/announcements"] = announced
        assert "Penggantian server" not in (await get(http, "/bantuan")).words, "not at every page"
        await anyio.sleep(2)
        assert "Penggantian server" in (await get(http, "/bantuan")).words


async def test_a_helpdesk_that_is_away_or_slow_breaks_no_page(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def slow(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal asked
        asked += 1
        await receive()
        await receive()

    monkeypatch.setattr(kept, "PATIENCE", 0.05)
    for helpdesk in (away, slow):
        async with portal(tender=Answers(sample.TENDER), helpdesk=helpdesk) as http:
            for path in ("/", "/tender", AT, "/bantuan"):
                assert (await http.get(path, headers=BROWSER)).status_code == 200, path
    assert asked == 1


# The front page


async def test_the_front_page_shows_what_it_can(portal: Portal) -> None:
    for services in ({"tender": away}, {"helpdesk": away}, {"tender": away, "helpdesk": away}):
        given = {"tender": Answers(sample.TENDER), "helpdesk": Helpdesk(), **services}
        async with portal(**given) as http:
            page = await get(http, "/")
        missing = 2 * ("tender" in services) + ("helpdesk" in services)
        assert page.words.count("Bagian ini sedang tidak dapat ditampilkan.") == missing


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_chart_and_the_table_beneath_say_the_same(portal: Portal, lang: str) -> None:
    months = [{"month": n, "tenders": 3 * n % 7, "hps": f"{n}000000.00"} for n in range(1, 13)]
    tender = Answers({**sample.TENDER, "/public/figures": {**sample.FIGURES, "months": months}})
    async with portal(tender=tender, helpdesk=Helpdesk()) as http:
        html = (await http.get("/", headers={**BROWSER, "accept-language": lang})).text
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', html)]
    assert heights == [pytest.approx(150 * month["tenders"] / 6, abs=0.1) for month in months]
    table = html[html.index("</svg>") :].partition("</table>")[0]
    assert [int(n) for n in re.findall(r'class="right">(\d+)</td>', table)] == [
        month["tenders"] for month in months if month["tenders"]
    ]
    assert re.search(r'<svg [^>]*role="img" aria-label="[^"]{20,}"', html)


# Tenders


async def test_the_order_is_asked_for_and_kept(portal: Portal) -> None:
    tender = Answers(sample.TENDER)
    async with portal(tender=tender) as http:
        page = await get(http, "/tender?sort=closing&year=2026")
        await get(http, "/tender?sort=evil")
    asked = [path for path in tender.asked if path.startswith("/public/tenders?")]
    assert asked == ["/public/tenders?year=2026&sort=closing&limit=25", "/public/tenders?limit=25"]
    following = next(str(link["href"]) for link in page.all("a") if link.get("rel") == "next")
    assert "sort=closing" in following


async def test_the_first_page_of_the_list_is_small(portal: Portal) -> None:
    """60 KiB with its style, although every name is as long as names get, uncompressed as it goes over the line."""
    name = "Pengadaan Jasa Konsultansi Pengawasan Pembangunan Gedung Puskesmas Pembantu " * 2
    rows = [{**sample.row(sample.RUNNING, more=True), "name": name, "code": f"261100{n:05}"} for n in range(25)]
    tender = Answers({**sample.TENDER, "/public/tenders": {"items": rows, "next": "x" * 100}})
    async with portal(tender=tender, helpdesk=Helpdesk()) as http:
        answer = await http.get("/tender", headers=BROWSER)
        parts = [answer, *[await http.get(str(link["href"])) for link in Page(answer.text).all("link")]]
    size = sum(len(part.content) + len(str(part.headers.raw)) for part in parts)
    assert size <= 60 * 1024, size


PACKAGE = "019f0000-0000-7000-8000-0000000000ab"
STEPS = {
    f"{AT}/ikut",
    f"{AT}/tanya",
    f"{AT}/sanggah",
    "/penawaran",
    f"/pokja/{sample.RUNNING['id']}",
    f"/paket/{PACKAGE}",
}


@pytest.mark.parametrize(
    ("roles", "relation", "active", "offered"),
    [
        (("penyedia",), None, "upload_penawaran", {f"{AT}/ikut"}),
        (("penyedia",), "participant", "pemberian_penjelasan", {f"{AT}/ikut", "/penawaran", f"{AT}/tanya"}),
        (("penyedia",), "participant", "masa_sanggah", {f"{AT}/ikut", "/penawaran", f"{AT}/sanggah"}),
        (("pokja",), "committee", "evaluasi", {f"/pokja/{sample.RUNNING['id']}"}),
        (("pokja",), None, "evaluasi", set()),
        (("ppk",), "buyer", "evaluasi", {f"/paket/{PACKAGE}"}),
        (("auditor",), None, "upload_penawaran", set()),
    ],
)
async def test_the_tender_offers_each_their_next_step(
    portal: Portal, registry: Registry, roles: tuple[str, ...], relation: str | None, active: str, offered: set[str]
) -> None:
    shown = {**sample.RUNNING, "active": [active]}
    seen = {f"/tenders/{shown['id']}": {"relation": relation, "package": PACKAGE}}
    registry.roles = roles
    async with portal(tender=Answers({**sample.TENDER, f"/public/tenders/{CODE}": shown, **seen})) as http:
        http.cookies.set("lpse_session", registry.open())
        page = await get(http, AT)
    own = {link["href"] for link in page.all("a") if "button" in str(link.get("class"))}
    assert own & STEPS == offered


@pytest.mark.parametrize(
    ("now", "status", "offered", "said"),
    [
        ("02T00:59:59.999", "running", False, "Pendaftaran dibuka Sen, 2 Nov 2026, 08.00 WIB."),
        ("02T01:00:00.000", "running", True, ""),
        ("12T02:59:58.000", "running", True, ""),
        ("12T02:59:58.001", "running", False, "Tender ini tidak dapat diikuti lagi."),
        ("12T02:59:58.001", "finished", False, "Tender ini tidak dapat diikuti lagi."),
        ("06T03:15:00.000", "failed", False, ""),
    ],
)
@pytest.mark.parametrize("role", ["penyedia", None])
async def test_where_the_button_to_join_will_be_or_was_stands_when_and_why(
    portal: Portal, registry: Registry, role: str | None, now: str, status: str, offered: bool, said: str
) -> None:
    """By the same instants as tender decides by, whether or not a stage runs just then."""
    shown = {**sample.RUNNING, "active": [], "stages": sample.stages(), "status": status}
    clock = {"/health/clock": {**sample.CLOCK, "now": f"2026-11-{now}Z"}}
    seen = {f"/tenders/{shown['id']}": {"relation": None, "package": PACKAGE}}
    registry.roles = (role,) if role else ()
    async with portal(tender=Answers({**sample.TENDER, **clock, f"/public/tenders/{CODE}": shown, **seen})) as http:
        if role:
            http.cookies.set("lpse_session", registry.open())
        page = await get(http, AT)
    way = f"{AT}/ikut" if role else f"/masuk?kembali=%2Ftender%2F{CODE}"
    buttons = {link["href"] for link in page.all("a") if "button" in str(link.get("class"))}
    assert (way in buttons) == offered
    told = {
        sentence for sentence in ("Pendaftaran dibuka", "Tender ini tidak dapat diikuti lagi") if sentence in page.words
    }
    assert bool(told) == bool(said)
    assert said in page.words


async def test_a_tender_whose_stages_have_not_begun_is_called_so_everywhere(portal: Portal) -> None:
    early = {**sample.RUNNING, "active": [], "stages": sample.stages()}
    listed = {"items": [sample.row(early)], "next": None}
    for now, word in (("02T00:59:59", True), ("02T01:00:00", False)):
        clock = {"/health/clock": {**sample.CLOCK, "now": sample.instant(now)}}
        answers = {**sample.TENDER, **clock, "/public/tenders": listed, f"/public/tenders/{CODE}": early}
        async with portal(tender=Answers(answers), helpdesk=Helpdesk()) as http:
            for path in ("/", "/tender", AT):
                assert ("Belum dimulai" in (await get(http, path)).words) == word, (path, now)


async def test_who_is_not_logged_in_is_led_to_the_login_and_back(portal: Portal) -> None:
    async with portal(tender=Answers(sample.TENDER)) as http:
        assert f"/masuk?kembali=%2Ftender%2F{CODE}" in {link["href"] for link in (await get(http, AT)).all("a")}


NOTE = b'uji/trust-root\n{"a":"<b>"}\n\n\xe2\x80\x94 uji/root-1 AAAA\n'


async def rooted(scope: Scope, receive: Receive, send: Send) -> None:
    """An audit with a root of trust, which it does not look at."""
    found = scope["path"] == "/trust-root"
    await Response(NOTE if found else b"", 200 if found else 404)(scope, receive, send)


async def test_the_words_of_the_check_and_the_root_of_trust_stand_in_the_page(portal: Portal) -> None:
    """Every word that check.ts says is one of the page's."""
    source = (Path(kept.__file__).parents[1] / "browser" / "src" / "check.ts").read_text()
    said = set(re.findall(r'"((?:check|checks)\.\w+)"', source))
    said |= {
        f"checks.{word}"
        for kind in ("layer", "verdict", "of")
        for word in load("en").group("checks")
        if word.startswith(kind)
    }
    async with portal(tender=Answers(sample.TENDER), audit=rooted) as http:
        for lang in LANGUAGES:
            page = await get(http, f"/periksa?lang={lang}")
            place = next(attributes for _, attributes in page.tags if "data-check" in attributes)
            assert "hidden" in place
            assert place["data-root"] == NOTE.decode()
            (words,) = json.loads(str(place["data-says"])).values()
            assert said <= set(words)
            assert words["checks.signature_wrong"] == load(lang).words["checks.signature_wrong"]
            assert "/periksa.html" in {link["href"] for link in page.all("a")}
    async with portal(tender=Answers(sample.TENDER)) as http:
        assert 'data-root=""' in (await http.get("/periksa")).text, "without one it asks for a file"


async def test_the_page_that_checks_without_us_is_one_file_with_the_root_of_trust_in_it(portal: Portal) -> None:
    async with portal(tender=Answers(sample.TENDER), audit=rooted) as http:
        answer = await http.get("/periksa.html")
    assert answer.headers["content-disposition"] == 'attachment; filename="periksa.html"'
    assert answer.content == standalone(NOTE) != standalone(None)
    page = Page(answer.text)
    place = next(attributes for _, attributes in page.tags if "data-check" in attributes)
    assert place["data-root"] == NOTE.decode()
    assert set(json.loads(str(place["data-says"]))) == set(LANGUAGES)
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in {"src", "href"}]
    assert addresses == [], "nothing of it lies elsewhere"
    (policy,) = [one["content"] for one in page.all("meta") if one.get("http-equiv")]
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    for tag in ("script", "style"):
        text = answer.text.partition(f"<{tag}")[2].partition(">")[2].partition(f"</{tag}>")[0]
        assert b64encode(sha256(text.encode()).digest()).decode() in str(policy)
    for words in page.tags:
        if key := words[1].get("data-word"):
            assert f"check.{key.removeprefix('check.')}" in load("en").words
