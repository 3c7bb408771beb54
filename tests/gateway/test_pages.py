"""The pages as HTML: whole, readable without style or script, in both languages, the same facts as the JSON."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from babel.messages.pofile import read_po

from gateway.pages import formats, render
from gateway.pages.language import FOLDER, LANGUAGES, load
from kit.clock import WIB
from tests.gateway import sample
from tests.gateway.conftest import Portal
from tests.gateway.standins import Answers

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
VOID = {"meta", "link", "input", "br", "img"}
TABS = ("", "/jadwal", "/peserta", "/evaluasi", "/pemenang")
TENDERS = [sample.RUNNING, sample.FINISHED, sample.FAILED]
PAGES = [
    "/",
    "/masuk",
    "/komponen",
    "/tender?q=abc&year=2026",
    "/log",
    "/log?until=5",
    "/nothing",
    "/tender?sort=closing&skpd=1.01.01",
    "/pengaduan?tender=26110000017",
    "/pengaduan/lacak",
    "/tanya",
    "/tanya/lacak",
    "/pengumuman-lpse",
    "/bantuan",
    "/periksa",
    *(f"/tender/{t['code']}{tab}" for t in TENDERS for tab in TABS),
]


class Page(HTMLParser):
    """Tags with their attributes in order, the visible text, and whether everything that was opened was closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


@pytest.fixture
def tender() -> Answers:
    return Answers(sample.TENDER)


@pytest.fixture
async def http(portal: Portal, tender: Answers) -> AsyncIterator[httpx2.AsyncClient]:
    async with portal(tender=tender, audit=Answers(sample.AUDIT), helpdesk=Answers(sample.HELPDESK)) as http:
        http.headers.update(BROWSER)
        yield http


async def get(http: httpx2.AsyncClient, path: str, lang: str = "id") -> Page:
    answer = await http.get(path, headers={"accept-language": lang})
    assert answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
    return Page(answer.text)


def check_make(page: Page, lang: str) -> None:
    """Whole, with its landmarks, and nothing that the policy forbids or that was left untold."""
    assert page.all("html")[0]["lang"] == lang
    for landmark in ("header", "main", "footer", "h1", "title"):
        assert len(page.all(landmark)) == 1, landmark
    assert page.all("nav")
    assert page.tags[[tag for tag, _ in page.tags].index("body") + 1][1]["class"] == "skip"
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in page.all("a") if str(link["href"]).startswith("#")} <= {f"#{id}" for id in ids}
    for _, attributes in page.tags:
        assert attributes.get("aria-labelledby") in {None, *ids}
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert all(script["type"] == "module" and script["src"] for script in page.all("script"))
    assert not page.all("style")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert "None" not in page.words
    assert not re.search(r"\{\w*\}", page.words)
    assert not set(load("id").words).intersection(page.words.split())


def check_labels(page: Page) -> None:
    """Every table has caption and headers, every field a label."""
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(header["scope"] in {"col", "row"} for header in page.all("th"))
    assert all(cell["data-label"] for cell in page.all("td"))
    tags = ("input", "select", "textarea")
    fields = [field for tag in tags for field in page.all(tag) if field.get("type") != "hidden"]
    assert {field["id"] for field in fields} == {label["for"] for label in page.all("label")}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_well_made(http: httpx2.AsyncClient, path: str, lang: str) -> None:
    check_make(await get(http, path, lang), lang)


@pytest.mark.parametrize("path", PAGES)
async def test_every_table_has_caption_and_headers_and_every_field_a_label(http: httpx2.AsyncClient, path: str) -> None:
    check_labels(await get(http, path))


@pytest.mark.parametrize("path", PAGES)
async def test_the_languages_say_different_words_about_the_same_facts(http: httpx2.AsyncClient, path: str) -> None:
    indonesian, english = await get(http, path, "id"), await get(http, path, "en")
    assert indonesian.words != english.words
    figures = re.compile(r"Rp [\d.]+,\d\d|\b\d{11}\b|[0-9a-f]{64}")
    assert figures.findall(indonesian.words) == figures.findall(english.words)
    keys = set(load("id").words)
    for page in (indonesian, english):
        assert not keys.intersection(page.words.split())


async def test_the_list_shows_what_spse_shows(http: httpx2.AsyncClient) -> None:
    words = (await get(http, "/tender")).words
    for fact in ("26110000017", "Dinas Pendidikan dan Kebudayaan", "Rp 1.250.000.000,00", "Pengadaan Barang · 2026"):
        assert fact in words
    assert "Download Dokumen Pemilihan […]" in words
    assert "Kam, 12 Nov 2026, 09.59.58 WIB" in words
    assert "Gagal" in words


async def test_what_is_searched_is_asked_and_kept(http: httpx2.AsyncClient, tender: Answers) -> None:
    page = await get(http, "/tender?q=%3Cb%3E%22x&category=barang&year=2026&evil=1&cursor=abc")
    asked = parse_qs(urlsplit(next(path for path in tender.asked if "public" in path)).query)
    assert asked == {"q": ['<b>"x'], "category": ["barang"], "year": ["2026"], "cursor": ["abc"], "limit": ["25"]}
    assert page.all("input")[0]["value"] == '<b>"x'
    assert [option["value"] for option in page.all("option") if "selected" in option and "value" in option] == [
        "barang"
    ]
    links = {link["rel"]: str(link["href"]) for link in page.all("a") if "rel" in link}
    following = parse_qs(urlsplit(links["next"]).query)
    assert following == {"q": ['<b>"x'], "category": ["barang"], "year": ["2026"], "cursor": [sample.LIST["next"]]}
    assert "cursor" not in links["first"]


async def test_who_searches_a_code_is_taken_to_its_tender(http: httpx2.AsyncClient) -> None:
    found = await http.get(f"/tender?q={sample.RUNNING['code']}")
    assert (found.status_code, found.headers["location"]) == (303, f"/tender/{sample.RUNNING['code']}")


async def test_what_people_wrote_is_text_and_never_markup(http: httpx2.AsyncClient) -> None:
    page = await get(http, f"/tender/{sample.RUNNING['code']}")
    assert "& <Pelatihan> Guru" in page.words
    assert not page.all("pelatihan")


async def test_a_running_tender_marks_its_active_stages_and_names_no_bidder(http: httpx2.AsyncClient) -> None:
    schedule = await get(http, f"/tender/{sample.RUNNING['code']}/jadwal")
    states = [one["class"] for one in schedule.all("tr") if one.get("class")]
    assert (states.count("done"), states.count("active"), states.count("ahead")) == (1, 2, 9)
    assert [one["class"] for one in schedule.all("tr") if one.get("aria-current") == "step"] == ["active", "active"]
    for word, times in (("selesai", 1), ("sedang berlangsung", 2), ("akan datang", 9), ("Diubah 2 kali", 1)):
        assert schedule.words.count(word) == times
    for stage in sample.RUNNING["stages"]:
        assert schedule.words.count(stage["name"]) == 1, "one schedule, not two"
    page = await get(http, f"/tender/{sample.RUNNING['code']}")
    assert sample.RUNNING["documents"][0]["md5"] in page.words
    assert sample.RUNNING["documents"][0]["sha256"] in page.words
    assert "3,3 MB (3.481.277 byte)" in page.words
    assert "Pemeliharaan diumumkan" in page.words
    assert "Belum dijawab." in page.words
    bidders = await get(http, f"/tender/{sample.RUNNING['code']}/peserta")
    assert "Nama peserta ditampilkan setelah pembukaan penawaran." in bidders.words


async def test_a_code_stands_with_the_word_for_what_it_is(http: httpx2.AsyncClient) -> None:
    page = await get(http, f"/tender/{sample.RUNNING['code']}")
    assert "Kode tender 26110000017 · Dinas Pendidikan" in page.words
    assert "Dinas Pendidikan dan Kebudayaan (Kode SKPD 1.01.01)" in page.words
    assert "Work unit code 1.01.01" in (await get(http, f"/tender/{sample.RUNNING['code']}", "en")).words


async def test_a_finished_tender_shows_reasons_winner_objections_and_appointment(http: httpx2.AsyncClient) -> None:
    words = " ".join([(await get(http, f"/tender/{sample.FINISHED['code']}{tab}")).words for tab in TABS])
    for fact in ("Tidak lulus Izin usaha berakhir 1 Oktober 2026", "Rp 1.187.250.000,00", "027/112/417.301/2026"):
        assert fact in words
    assert "CV Contoh Sejahtera Pemenang" in words
    figures = "Rp 1.187.250.000,00 (satu miliar seratus delapan puluh tujuh juta dua ratus lima puluh ribu rupiah)"
    assert words.count(figures) == 2, "the winner's price and the appointment's"
    english = (await get(http, f"/tender/{sample.FINISHED['code']}/pemenang", "en")).words
    assert "(one billion one hundred and eighty-seven million two hundred and fifty thousand rupiah)" in english
    assert "Sanggahan masuk 1 Dijawab 1 Dinyatakan benar 0" in words


async def test_a_failed_tender_says_on_which_ground_and_what_follows(http: httpx2.AsyncClient) -> None:
    path = f"/tender/{sample.FAILED['code']}"
    assert (
        "kurang dari yang disyaratkan (Perpres 70/2012 Pasal 83(1)). Tindak lanjut: Pelelangan ulang."
        in (await get(http, path)).words
    )
    assert "Fewer bids than the law asks for" in (await get(http, path, "en")).words


async def test_the_log_shows_blind_entries_as_blind(http: httpx2.AsyncClient) -> None:
    page = await get(http, "/log")
    assert "12.346 catatan" in page.words
    assert "12345 Kam, 12 Nov 2026, 10.00 WIB Penawaran dibuka Kode 26110000017" in page.words
    assert "12343 Kam, 12 Nov 2026, 09.59 WIB tertutup" in page.words
    assert "c3" * 32 in page.words
    assert "/log?until=12343" in {link["href"] for link in page.all("a")}


async def test_the_training_banner_tells_the_clock_and_production_has_none(portal: Portal) -> None:
    tender = Answers(sample.TENDER)
    async with portal(tender=tender) as http:
        assert "Jam latihan berhenti pada Jum, 6 Nov 2026, 10.15 WIB" in (await get(http, "/")).words
        del tender.answers["/health/clock"]
        assert "Jam latihan berhenti pada Jum, 6 Nov 2026, 10.15 WIB" in (await get(http, "/")).words, "as last told"
    async with portal(tender=tender) as http:
        words = (await get(http, "/")).words
        assert "Instansi latihan." in words
        assert "Jam latihan" not in words
    production = {"profile": "production", "public_url": "https://portal.test"}
    async with portal(tender=Answers(sample.TENDER), **production) as http:
        assert "latihan." not in (await get(http, "/")).words


async def test_the_language_is_asked_for_remembered_or_preferred(http: httpx2.AsyncClient) -> None:
    async def lang(path: str, **headers: str) -> str | None:
        return Page((await http.get(path, headers=headers)).text).all("html")[0]["lang"]

    assert await lang("/") == "id"
    assert await lang("/", **{"accept-language": "fr, en;q=0.8, id;q=0.3"}) == "en"
    assert await lang("/", **{"accept-language": "x;q=y, de"}) == "id"
    assert await lang("/?lang=en") == "en"
    assert await lang("/") == "en", "the choice is remembered in a cookie"
    assert await lang("/?lang=id", **{"accept-language": "en"}) == "id"
    assert await lang("/?lang=xx") == "id"


async def test_a_refusal_reads_the_same_for_people_and_programs(http: httpx2.AsyncClient) -> None:
    page = await http.get("/tender/26119999999", headers={"accept-language": "en"})
    told = (await http.get("/tender/26119999999", headers={"accept": "application/json"})).json()
    assert page.status_code == told["status"] == 404
    assert told["detail"] in Page(page.text).words
    absent = (await get(http, "/tender/26119999999")).words
    assert "Tidak ditemukan" in absent
    assert absent.count("not_found") == absent.count("Rujukan untuk helpdesk: 404 not_found") == 1
    assert (await http.get("/tender/abc")).status_code == 404
    assert (await http.post("/tender")).status_code == 405
    api = await http.get("/api/nobody/x")
    assert api.headers["content-type"] == "application/problem+json"


async def test_a_page_whose_service_is_away_says_so(portal: Portal) -> None:
    async def away(scope: Any, receive: Any, send: Any) -> None:
        raise ConnectionError

    async with portal(tender=away) as http:
        answer = await http.get("/tender", headers=BROWSER)
    assert answer.status_code == 502
    assert answer.headers["retry-after"]
    assert "Layanan tender terputus sebelum menjawab." in Page(answer.text).words


async def test_the_policy_knows_files_of_this_portal_only(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["connect-src"] == policy["worker-src"] == "'self'"
    assert not re.search("unsafe-inline|'unsafe-eval'|https?:|data:|blob:", str(policy))
    for name in ("x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "permissions-policy"):
        assert name in answer.headers
    for link in Page(answer.text).all("link"):
        found = await http.get(str(link["href"]))
        assert found.status_code == 200
        assert found.headers["cache-control"].startswith("public")
    assert (await http.get("/static/../app.py")).status_code in {400, 404}


async def test_pages_are_compressed_and_the_api_is_not(portal: Portal) -> None:
    async with portal(tender=Answers(sample.TENDER), audit=Answers(sample.AUDIT)) as http:
        for path in ("/", "/log", "/static/lpse.css", "/words/id.json"):
            squeezed = await http.get(path, headers=BROWSER)
            assert squeezed.headers["content-encoding"] == "gzip", path
            assert "Accept-Encoding" in squeezed.headers["vary"]
            plain = await http.get(path, headers={**BROWSER, "accept-encoding": "identity"})
            assert int(plain.headers["content-length"]) > int(squeezed.headers["content-length"])
            if path != "/":
                assert plain.content == squeezed.content
        for path in ("/api/tender/public/tenders?limit=25", "/api/openapi.json"):
            assert "content-encoding" not in (await http.get(path)).headers, path


async def test_words_for_problems_are_those_of_the_catalogue(http: httpx2.AsyncClient) -> None:
    words = (await http.get("/words/id.json")).json()
    assert words["problem.grant_used"] == load("id").words["problem.grant_used"]
    assert all(key.startswith(("problem.", "remedy.")) for key in words)


async def test_what_is_bundled_is_named_on_the_page_and_kept_for_good(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a name of its content, which another content never has; where nothing was bundled no script is named."""
    generated = render.STATIC / "generated"
    monkeypatch.setattr(render, "GENERATED", tmp_path)
    async with portal(tender=Answers(sample.TENDER)) as http:
        assert not (await get(http, "/komponen")).all("script")
    files = {"portal": "portal-ABC.js", "hashing": "hashing-DEF.js"}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    async with portal(tender=Answers(sample.TENDER)) as http:
        page = await get(http, "/komponen")
        assert {script["src"] for script in page.all("script")} == {"/static/generated/portal-ABC.js"}
        assert {div["data-worker"] for div in page.all("div") if "data-upload" in div} == {
            "/static/generated/hashing-DEF.js"
        }
        for path in generated.glob("*.js"):
            answer = await http.get(f"/static/generated/{path.name}")
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-type"].startswith("text/javascript")


def used_keys() -> Iterator[str]:
    for template in (Path(formats.__file__).parents[1] / "templates").rglob("*.html"):
        yield from re.findall(r"""\bt\("([\w.]+)"[,)]""", template.read_text())


def test_the_catalogues_have_the_same_keys_and_places_and_all_that_is_used() -> None:
    indonesian, english = load("id").words, load("en").words
    said_in_code = {key for key in indonesian if key.startswith(("problem.", "remedy.", "place."))}
    assert set(indonesian) - said_in_code == set(english)
    for key, word in english.items():
        assert set(re.findall(r"\{\w+\}", word)) == set(re.findall(r"\{\w+\}", indonesian[key])), key
    assert set(used_keys()) <= set(english)
    assert all(indonesian.values())
    assert all(english.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_stands_twice(language: str) -> None:
    for path in (FOLDER / language).glob("*.po"):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language, abort_invalid=True)
            file.seek(0)
            assert file.read().count(b"\nmsgid ") == len([m for m in catalogue if m.id]) + 1, path


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0.00", "Rp 0,00"),
        ("1250000000.00", "Rp 1.250.000.000,00"),
        ("99999999999999999.99", "Rp 99.999.999.999.999.999,99"),
    ],
)
def test_money_is_exact(amount: str, shown: str) -> None:
    assert formats.money(amount) == shown


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_script_says_an_instant_as_the_pages_do(lang: str) -> None:
    """What check.ts fills in (gateway/browser/test/check.test.ts), filled in here."""
    words = formats.wib_words(lang)
    days, months = words["days"].split(" "), words["months"].split(" ")
    assert (len(days), len(months)) == (7, 12)
    for month in range(1, 13):
        at = datetime(2026, month, month, 23, 4, 5, 6000, WIB)
        exact = {"instant": formats.TO_MILLISECOND, "second": formats.TO_SECOND}
        filled = {name: words[name].format(
            day=days[at.isoweekday() % 7], date=at.day, month=months[month - 1], year=at.year,
            hour=f"{at:%H}", minute=f"{at:%M}", second=f"{at:%S}", millisecond="006",
        ) for name in exact}  # fmt: skip
        assert filled == {name: formats.day_time(at, lang, least) for name, least in exact.items()}


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    brighter, darker = sorted((light(one), light(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_pair_of_text_and_ground_has_contrast(scheme: int) -> None:
    sheet = (Path(formats.__file__).parents[1] / "static" / "lpse.css").read_text()
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    ]
    tokens = blocks[0] | (blocks[1] if scheme else {})
    grounds = {
        "ground": ["ink", "soft", "link"],
        "raised": ["ink", "soft", "link"],
        "now": ["ink", "soft", "now-ink", "link"],
        "warn": ["warn-ink"],
        "bad": ["bad-ink"],
        "brand": ["on-brand"],
    }
    for ground, inks in grounds.items():
        for ink in inks:
            assert contrast(tokens[ground], tokens[ink]) >= 4.5, (ground, ink)
    for ground in ("ground", "raised"):
        assert contrast(tokens[ground], tokens["edge"]) >= 3
        assert contrast(tokens[ground], tokens["focus"]) >= 3
