"""The pages of providers before the real services: from registration to a receipt, and all that was bought on the way."""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID, uuid4

import anyio
import httpx2
import pytest
from sqlalchemy import text

from cli.servers import Postgres, SeaweedFS
from gateway.pages.forms import rupiah
from gateway.pages.language import FOLDER, LANGUAGES, load
from gateway.pages.provider import bids
from gateway.pages.visit import NOTICE, Visit
from kit.problems import NotFound
from tests.access.story import PASSWORD, drafted, registration, tell
from tests.access.world import PDF, PORTAL, Person, World, open_world
from tests.gateway import test_pages as made
from tests.gateway.test_pages import Page

HEADERS = {"accept": "text/html", "accept-language": "id", "sec-fetch-site": "same-origin"}
BID_FORM = {
    "offer.rows.0.no": "1",
    "offer.rows.0.quantity": "10",
    "offer.rows.1.no": "2",
    "offer.rows.1.quantity": "10",
    "offer.validity_days": "60",
    "qualification.licence_number": "SIUP-1",
    "qualification.tax_year": "2025",
    "consent_version": "1",
}
PRICES = {"offer.rows.0.unit_price": "850.000", "offer.rows.1.unit_price": "Rp 799.999,5"}


class Browser:
    """Somebody at the portal: forms are sent with what the page gave."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http, self.html = http, ""

    async def get(self, path: str, **headers: str) -> Page:
        answer = await self.http.get(path, headers=headers)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        self.html = answer.text
        return Page(answer.text)

    async def send(self, path: str, fields: dict[str, str], *, key: str = "", do: str = "") -> httpx2.Response:
        """The form of the page that was got last."""
        given = {"_token": self._hidden("_token"), "_key": key or self._hidden("_key"), "_do": do}
        body = urlencode({**given, **fields}).encode()
        form = {"content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(path, content=body, headers=form)

    def _hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]+)"', self.html)
        assert found, self.html
        return found[1]

    @property
    def key(self) -> str:
        return self._hidden("_key")

    async def upload(self, content: bytes, name: str = "berkas.pdf") -> dict[str, str]:
        """What the browser part does with the page's own upload: fingerprints, and the file at documents."""
        begin = re.search(r'data-(?:upload|begin)="(/api/[^"]+)"', self.html)
        assert begin, self.html
        headers = {"idempotency-key": hashlib.sha256(content).hexdigest()}
        asked = {"name": name, "media_type": "application/pdf"}
        begun = (await self.http.post(begin[1], json=asked, headers=headers)).json()
        sent = {
            "lpse-grant": begun["grant"],
            "content-type": "application/pdf",
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
        }
        stored = (await self.http.put(begun["upload"], content=content, headers=sent)).json()
        return {"id": begun["id"], **{name: stored[name] for name in ("statement", "md5", "sha256")}}


@asynccontextmanager
async def browsing(world: World, who: Person | None) -> AsyncIterator[Browser]:
    transport = httpx2.ASGITransport(app=world.gateway, raise_app_exceptions=False, client=("192.0.2.7", 1234))
    async with httpx2.AsyncClient(transport=transport, base_url=PORTAL, headers=HEADERS, timeout=60) as http:
        if who is not None:
            http.cookies.set("lpse_session", await world.open_session(who))
        yield Browser(http)


def pages_of(world: World) -> dict[str, list[str]]:
    """Who sees what: a bidder in every state of a tender, a firm that waits, one that just began."""
    records = world.records
    running, done = records["code running"], records["code done"]
    bids = [f"/penawaran/{records[bid]}" for bid in ("bid draft", "bid submitted", "bid opened")]
    tenders = [f"/tender/{code}/{page}" for code in (running, done) for page in ("ikut", "tanya", "sanggah")]
    file = records["bid-file opened"]
    return {
        "bidder": ["/penyedia", "/kotak-masuk", "/ikut", "/penawaran", *bids, *tenders, f"/unduh/bid-files/{file}"],
        "rival": [f"/tender/{done}/sanggah"],
        "outsider": ["/ikut", f"/tender/{running}/ikut", "/penawaran", "/kotak-masuk"],
        "applicant": ["/penyedia", "/penyedia/berkas?jenis=ktp", "/kotak-masuk"],
        "newcomer": [
            "/penyedia",
            "/penyedia/berkas?jenis=ktp",
            "/penyedia/berkas?jenis=npwp",
            "/penyedia/formulir-pendaftaran",
            "/penyedia/formulir-keikutsertaan",
        ],
    }


@pytest.mark.parametrize("name", ["bidder", "rival", "outsider", "applicant", "newcomer", "nobody"])
async def test_every_page_is_well_made_in_both_languages(world: World, name: str) -> None:
    async with browsing(world, world.people.get(name)) as browser:
        for path in pages_of(world).get(name, ["/daftar"]):
            for lang in LANGUAGES:
                await made.test_every_page_is_well_made(browser.http, path, lang)
            await made.test_every_table_has_caption_and_headers_and_every_field_a_label(browser.http, path)
            await made.test_the_languages_say_different_words_about_the_same_facts(browser.http, path)


def test_all_words_that_the_templates_use_are_there() -> None:
    templates = (FOLDER.parent / "templates").rglob("*.html")
    used = {key for path in templates for key in re.findall(r"""\bt\("([\w.]+)"[,)]""", path.read_text())}
    for language in LANGUAGES:
        assert used <= set(load(language).words)


# Registration


async def test_a_firm_registers_hands_in_its_papers_on_two_days_and_submits(world: World) -> None:
    firm = registration("warung", 77) | {"kind": "perorangan", "npwp": "3576014107850003"}
    async with browsing(world, None) as browser:
        await browser.get("/daftar")
        wrong = await browser.send("/daftar", {**firm, "npwp": "3576019907850003", "password_again": PASSWORD})
        assert wrong.status_code == 422
        refused = Page(wrong.text)
        field = next(field for field in refused.all("input") if field.get("name") == "npwp")
        assert (field["value"], field["aria-invalid"]) == ("3576019907850003", "true")
        assert "adalah NIK, dengan tanggal lahir" in refused.words, "which rule it breaks"
        assert PASSWORD not in wrong.text
        assert "Kata sandi tidak disimpan di halaman ini." in refused.words

        differ = await browser.send("/daftar", {**firm, "password_again": "lain sekali lagi"})
        assert (differ.status_code, "Kedua kata sandi tidak sama." in differ.text) == (422, True)

        mistakes = {"name": "", "npwp": "3576019907850003", "email": "tanpa-at", "user_id": "a b"}
        for again in (PASSWORD, "lain sekali lagi"):
            all_ = Page((await browser.send("/daftar", {**firm, **mistakes, "password_again": again})).text)
            links = [str(link["href"]) for link in all_.all("a") if str(link["href"]).startswith("#")]
            named = {f"#{name}" for name in mistakes} | ({"#password_again"} if again != PASSWORD else set())
            assert set(links) - {"#isi"} == named
            assert named <= {f"#{field.get('id')}" for field in all_.all("input")}

        key = browser.key
        for _ in range(2):  # pressed twice: one account
            made_ = await browser.send("/daftar", {**firm, "password_again": PASSWORD}, key=key)
            assert (made_.status_code, made_.headers["location"]) == (303, "/penyedia")
            secret = browser.http.cookies["lpse_session"]
            browser.http.cookies.delete("lpse_session")
        browser.http.cookies.set("lpse_session", secret)
        page = await browser.get("/penyedia")
        assert page.words.count("Belum ada") == 5
        assert not page.all("button"), "what is missing is listed in its place"
        assert {f"/penyedia/berkas?jenis={kind}" for kind in ("ktp", "npwp")} <= {a["href"] for a in page.all("a")}
        await browser.get("/penyedia/berkas?jenis=ktp")
        early = await browser.send("/penyedia", {})
        assert early.status_code == 422
        assert "Pasal 9(1)a.2" in Page(early.text).words

        papers = ("formulir_pendaftaran", "formulir_keikutsertaan", "ktp", "npwp", "surat_izin_usaha")
        for kind in papers:
            await _hand_in(browser, kind)

    async with browsing(world, None) as browser:  # another day, another browser
        await browser.get("/masuk")
        await browser.send("/masuk", {"user_id": "warung", "password": PASSWORD})
        page = await browser.get("/penyedia")
        assert page.words.count("Lengkap") >= len(papers)
        assert hashlib.sha256(b"%PDF ktp").hexdigest() in page.words
        sent = await browser.send("/penyedia", {})
        assert (sent.headers["location"], sent.cookies[NOTICE]) == ("/penyedia", "registration_submitted")
        assert "Menunggu verifikasi" in (await browser.get("/penyedia")).words
        closed = await browser.get("/penyedia/berkas?jenis=ktp")
        assert not [field for field in closed.all("input") if field.get("type") != "hidden"]


async def _hand_in(browser: Browser, kind: str) -> None:
    path = f"/penyedia/berkas?jenis={kind}"
    page = await browser.get(path)
    proposed = next(field["value"] for field in page.all("input") if field.get("name") == "number")
    facts = {"number": proposed or "123/2026", "holder": "Sri", "issued_on": "2024-02-29", "expires_on": ""}
    if kind == "ktp":
        refused = await browser.send(path, facts | {"number": "357601410785"})
        assert refused.status_code == 422
        field = next(field for field in Page(refused.text).all("input") if field.get("name") == "number")
        assert (field["value"], field["aria-invalid"]) == ("357601410785", "true")
        facts["number"] = "3576014107850003"
        for name, wrong in (("issued_on", "2099-01-01"), ("expires_on", "2024-02-28"), ("expires_on", "2024-03-01")):
            refused = await browser.send(path, facts | {name: wrong})
            assert refused.status_code == 422
            field = next(field for field in Page(refused.text).all("input") if field.get("name") == name)
            assert (field["value"], field["aria-invalid"]) == (wrong, "true")
    entered = await browser.send(path, facts)
    assert entered.status_code == 303, entered.text
    await browser.get(path)
    stated = await browser.upload(f"%PDF {kind}".encode())
    finish = f"/api/registry/papers/{stated.pop('id')}/file"
    headers = {"idempotency-key": stated["sha256"]}
    assert (await browser.http.post(finish, json=stated, headers=headers)).status_code == 200
    assert stated["md5"] in (await browser.get(path)).words


async def test_a_grant_for_a_copy_takes_the_place_of_the_one_before(world: World) -> None:
    """Yesterday's grant fits no longer, so that one paper has one copy."""
    async with browsing(world, world.people["newcomer"]) as browser:
        path = "/penyedia/berkas?jenis=surat_izin_usaha"
        await browser.get(path)
        facts = {"number": "1/SIUP", "holder": "CV Newcomer", "issued_on": "2024-02-29"}
        assert (await browser.send(path, facts)).status_code == 303
        await browser.get(path)
        older, newer = await browser.upload(b"%PDF lama"), await browser.upload(b"%PDF baru")
        assert older["id"] == newer["id"]
        statuses: list[int] = []
        for stated in (older, newer, newer):
            finish, said = f"/api/registry/papers/{stated['id']}/file", {**stated}
            del said["id"]
            answer = await browser.http.post(
                finish, json=said, headers={"idempotency-key": f"k{len(statuses)}".ljust(20, "-")}
            )
            statuses.append(answer.status_code)
        assert statuses == [403, 200, 409]


async def test_a_rejection_lists_in_words_what_is_missing(world: World) -> None:
    verifier, applicant = world.people["verifikator"], world.people["applicant"]
    said = {"outcome": "rejected", "place": "Ruang LPSE", "deficiencies": ["ktp: expired", "Cap perusahaan kabur"]}
    await world.do(verifier, "registry", f"/providers/{world.records['provider applicant']}/decision", said)
    async with browsing(world, applicant) as browser:
        for path in ("/penyedia", "/kotak-masuk"):
            words = (await browser.get(path)).words
            assert "KTP penanggung jawab: tidak berlaku lagi" in words
            assert "Cap perusahaan kabur" in words
        assert "Anda ditolak verifikator" in words


# News and taking part


async def test_the_inbox_tells_everything_once_and_the_latest_first(world: World) -> None:
    async with browsing(world, world.people["rival"]) as browser:
        path, told = "/kotak-masuk", []
        while path:
            page = await browser.get(path)
            told += re.findall(r'<p class="asked"><strong>(.*?)</strong> <small><time datetime="([^"]+)"', browser.html)
            path = unescape(next((str(link["href"]) for link in page.all("a") if link.get("rel") == "next"), ""))
    instants = [datetime.fromisoformat(at) for _, at in told]
    assert instants == sorted(instants, reverse=True)
    words = [word for word, _ in told]
    assert len(words) > 20, "more than a page"
    for once in (
        "Penawaran dibuka",
        "Pemenang diumumkan",
        "Sanggahan Anda dijawab",
        "Pendaftaran Anda disetujui verifikator",
    ):
        assert words.count(once) == 1, once
    assert words.count("Penawaran Anda diterima") == 2
    assert "Tahap dimulai: Masa Sanggah" in words
    assert max(instants) <= await world.now()


async def test_a_firm_that_takes_no_part_hears_nothing_of_a_tender(world: World) -> None:
    async with browsing(world, world.people["outsider"]) as browser:
        words = (await browser.get("/kotak-masuk")).words
        assert world.records["code done"] not in words
        assert world.records["code running"] in (await browser.get("/ikut")).words
    async with browsing(world, world.people["bidder"]) as browser:
        assert world.records["code running"] not in (await browser.get("/ikut")).words


async def test_who_takes_no_part_is_led_to_where_one_joins(world: World) -> None:
    code = world.records["code running"]
    async with browsing(world, world.people["outsider"]) as browser:
        for page in ("tanya", "sanggah"):
            answer = await browser.http.get(f"/tender/{code}/{page}")
            assert (answer.headers["location"], answer.cookies[NOTICE]) == (f"/tender/{code}/ikut", "join_first")
    async with browsing(world, world.people["newcomer"]) as browser:
        page = await browser.get(f"/tender/{code}/ikut")
        assert "Lengkapi dan ajukan pendaftaran" in page.words
        assert 'value="join"' not in browser.html
        assert "Draf" in (await browser.get("/beranda")).words
        await browser.get("/keluar")  # any page with a form
        refused = await browser.send(f"/tender/{code}/ikut", {}, do="join")
        assert refused.status_code == 403
        assert "Pasal 9(2)" in Page(refused.text).words


async def test_joining_is_offered_from_the_announcement_on(world: World) -> None:
    tender = await drafted(world)
    await tender.announce()
    path, begins = f"/tender/{tender.code}/ikut", tender.stages["pengumuman_pascakualifikasi"][0]
    async with browsing(world, world.people["outsider"]) as browser:
        page = await browser.get(path)
        assert "Tender ini belum dapat diikuti" in page.words
        assert 'value="join"' not in browser.html
        assert tender.code not in (await browser.get("/ikut")).words
        await browser.get("/keluar")  # any page with a form
        early = await browser.send(path, {}, do="join")
        assert early.status_code == 409
        assert "Perpres 54/2010 Pasal 59-61" in Page(early.text).words
        await world.at(begins)
        assert tender.code in (await browser.get("/ikut")).words
        await browser.get(path)
        assert 'value="join"' in browser.html


async def test_a_question_out_of_time_keeps_what_was_typed(world: World) -> None:
    """The page offers no form then; one that was opened before is refused and loses nothing."""
    code = world.records["code running"]
    path = f"/tender/{code}/tanya"
    async with browsing(world, world.people["bidder"]) as browser:
        assert not (await browser.get(path)).all("textarea")
        await browser.get(f"/tender/{code}/ikut")
        refused = await browser.send(path, {"chapter": "Bab IV", "text": "Masih <boleh>?"})
        assert refused.status_code == 409
        assert "Masih &lt;boleh&gt;?" in refused.text
        assert "Perpres 54/2010 Pasal 59-61" in Page(refused.text).words


async def test_answers_to_objections_are_read_with_their_letter(world: World) -> None:
    code = world.records["code done"]
    async with browsing(world, world.people["rival"]) as browser:
        page = await browser.get(f"/tender/{code}/sanggah")
        assert "Spesifikasi tidak sesuai." in page.words
        letter = f"/unduh/objection-documents/{world.records['letter answered']}"
        assert letter in [form.get("action") for form in page.all("form")]
        read = await browser.send(letter, {})
        assert (read.status_code, read.content) == (200, PDF)


# The own account


async def test_the_access_log_shows_a_session_that_was_ended(world: World) -> None:
    who = world.people["third"]
    other = uuid4()
    await world.open_session(who, other)
    async with browsing(world, who) as browser:
        page = await browser.get("/akun")
        assert page.words.count("Terbuka") >= 1
        ended = await browser.send("/akun", {"session": str(other)})
        assert (ended.status_code, ended.headers["location"]) == (303, "/akun")
        page = await browser.get("/akun")
        assert str(other) not in browser.html, "no button for what is over"
        assert re.search(r"Berakhir \w+, \d+ \w+ \d{4}", page.words)


# Bids


async def _draft(world: World, browser: Browser) -> str:
    """A new draft of the bidder's, by the button on the page."""
    await browser.get(f"/tender/{world.records['code running']}/ikut")
    drafted = await browser.send(f"/tender/{world.records['code running']}/ikut", {}, do="draft")
    assert drafted.status_code == 303, drafted.text
    return str(drafted.headers["location"])


def _kept(html: str) -> dict[str, str]:
    """What the page lists of files that arrived earlier."""
    tags = re.findall(r'<input[^>]* name="(kept\.[^"]+)" value="([^"]*)"', html)
    return {name: unescape(value) for name, value in tags}


async def test_a_bid_is_prepared_computed_sent_once_and_shown_with_its_receipt(world: World) -> None:
    async with browsing(world, world.people["third"]) as browser:
        path = await _draft(world, browser)
        page = await browser.get(path)
        force = next(bid for bid in await _own(browser) if bid["status"] == "submitted")
        for row, at in zip(json.loads(force["record"])["offer"]["rows"], count()):
            field = next(f for f in page.all("input") if f.get("id") == f"offer.rows.{at}.unit_price")
            assert rupiah(str(field["value"])) == row["unit_price"]
        assert "diambil dari penawaran yang sekarang berlaku" in page.words
        assert "tidak ikut: unggah semua berkas lagi" in page.words
        assert "Penawaran belum dapat dikirim: belum ada berkas penawaran." in page.words
        assert "#unggah" in [link["href"] for link in page.all("a")]
        for name in ("tax_year", "experience"):
            field = next(f for f in page.all("input") + page.all("textarea") if f.get("id") == f"qualification.{name}")
            assert field["aria-describedby"] == f"qualification.{name}-hint"
        stated = await browser.upload(b"%PDF penawaran")

        page = await browser.get(path)  # loaded anew: the file is there, and usable
        kept = _kept(browser.html)
        assert kept[f"kept.{stated['id']}.sha256"] == stated["sha256"]
        assert page.words.count(stated["md5"]) == 1

        before = await world.state("tender")
        counted = await browser.send(path, {**BID_FORM, **PRICES, **kept}, do="hitung")
        assert counted.status_code == 200
        assert "Rp 16.499.995,00" in Page(counted.text).words
        assert 'value="Rp 799.999,5"' in counted.text
        assert await world.state("tender") == before, "prices are sealed until the consent"
        (above,) = [one for one in Page(counted.text).all("p") if "data-above" in one]
        assert "hidden" in above
        dear = await browser.send(path, {**BID_FORM, **PRICES, "offer.rows.0.unit_price": "9.999.999.999"}, do="hitung")
        (above,) = [one for one in Page(dear.text).all("p") if "data-above" in one]
        assert "hidden" not in above

        for change, place in (
            ({"offer.rows.0.unit_price": "banyak"}, "offer.rows.0.unit_price"),
            ({"offer.rows.0.unit_price": "99999999999999999" + "9"}, "offer.rows.0.unit_price"),
            ({"agreed": ""}, "agreed"),
            ({"qualification.tax_year": "1066"}, "qualification.tax_year"),
            (dict.fromkeys(kept, ""), "berkas"),
        ):
            refused = await browser.send(path, {**BID_FORM, **PRICES, **kept, "agreed": "true", **change}, do="kirim")
            assert refused.status_code == 422, change
            assert f'href="#{place}"' in refused.text
            ticked = [box for box in Page(refused.text).all("input") if box.get("id") == f"kept.{stated['id']}.file"]
            assert ["checked" in box for box in ticked] == [place != "berkas"], change
            assert 'value="Rp 799.999,5"' in refused.text

        # taken away on the page, it comes along in no field: it must not come back ticked
        removed = await browser.send(path, {**BID_FORM, **PRICES, "agreed": "true"}, do="kirim")
        (box,) = [one for one in Page(removed.text).all("input") if one.get("id") == f"kept.{stated['id']}.file"]
        assert (removed.status_code, "checked" in box) == (422, False)

        key = browser.key
        for _ in range(2):  # pressed twice: one consent
            sent = await browser.send(path, {**BID_FORM, **PRICES, **kept, "agreed": "true"}, do="kirim", key=key)
            assert (sent.status_code, sent.headers["location"], sent.cookies[NOTICE]) == (303, path, "bid_sent")
        page = await browser.get(path)
        assert page.words.count(stated["sha256"]) == 2, "side by side"
        assert (
            "(enam belas juta empat ratus sembilan puluh sembilan ribu sembilan ratus sembilan puluh lima rupiah)"
            in page.words
        )
        assert "Diterima tepat waktu." in page.words

        shown = await browser.http.get(f"{path}/tanda-terima.json")
        told = (await browser.http.get(f"{path}/catatan.json")).json()
        assert shown.json()["receipt"] == told["receipt"]
        assert "record" not in shown.json()
        opened = (shown.text, base64.b64decode(shown.json()["receipt"]["payload"]).decode())
        row = json.loads(told["record"])["offer"]["rows"][0]
        for secret in (json.loads(told["record"])["nonce"], row["unit_price"], "unit_price", "16499995"):
            assert not any(secret in text for text in opened), "the receipt may be shown to anybody"
        said = json.loads(base64.b64decode(told["receipt"]["payload"]))
        assert said["decision"]["reason"] == "in_time"
        assert hashlib.sha256(told["record"].encode()).hexdigest() == said["record_sha256"]
        assert json.loads(told["record"])["offer"]["total"] == "16499995.00"

        states = list(re.findall(r'class="mark [^"]*">(\w+)<', (await _html(browser, "/penawaran"))))
        assert states[:2] == ["Diterima", "Diganti"]


async def _own(browser: Browser) -> list[dict[str, Any]]:
    return list((await browser.http.get("/api/tender/bids/mine")).json()["items"])


async def _html(browser: Browser, path: str) -> str:
    await browser.get(path)
    return browser.html


async def test_the_files_of_a_draft_are_asked_for_together_and_shown_in_order() -> None:
    """Few at a time: documents has other callers."""

    class Documents:
        at_once = most = 0

        async def get(self, _service: str, path: str) -> dict[str, str]:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await anyio.sleep(0.01)
            self.at_once -= 1
            if path == "/uploads/g3":
                raise NotFound("upload", "g3")
            return {"name": path}

    documents = Documents()
    files = [{"id": f"f{n}", "grant": f"g{n}"} for n in range(10)]
    kept = await bids._arrived(cast("Visit", documents), files)
    assert [one["file"] for one in kept] == [f"f{n}" for n in range(10) if n != 3]
    assert documents.most == bids.AT_ONCE


async def test_a_draft_has_no_receipt_yet(world: World) -> None:
    async with browsing(world, world.people["bidder"]) as browser:
        answer = await browser.http.get(f"/penawaran/{world.records['bid draft']}/tanda-terima.json")
        assert answer.status_code == 409
        assert "tanda terima datang bersama persetujuan" in Page(answer.text).words


async def test_own_files_come_back_to_their_owner_alone_and_the_reading_is_recorded(world: World) -> None:
    path = f"/unduh/bid-files/{world.records['bid-file submitted']}"
    async with browsing(world, world.people["bidder"]) as browser:
        await browser.get(path)
        for _ in range(2):
            read = await browser.send(path, {})
            assert (read.status_code, read.content) == (200, PDF + b"bidder")
            assert read.headers["content-disposition"].startswith("attachment")
            assert read.headers["cache-control"] == "private, no-store"
        part = await browser.http.post(
            path,
            content=urlencode({"_token": browser._hidden("_token")}),
            headers={"content-type": "application/x-www-form-urlencoded", "range": "bytes=0-3"},
        )
        assert (part.status_code, part.content) == (206, PDF[:4])
        foreign = await browser.http.post(
            path, content="", headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert foreign.status_code == 403
    async with world.services["tender"].database.reading() as db:
        where = text("select object from bid_file where id = :id")
        object_ = (await db.execute(where, {"id": UUID(world.records["bid-file submitted"])})).scalar_one()
    seen = await world.see(world.people["bidder"], "documents", f"/objects/{object_}/accesses")
    assert len(seen["items"]) == 3
    async with browsing(world, world.people["rival"]) as browser:
        await browser.get(path)
        refused = await browser.send(path, {})
        assert refused.status_code == 404
        assert refused.headers["content-type"].startswith("text/html")


async def test_a_late_bid_is_refused_and_its_receipt_is_shown(
    postgres: Postgres, templates: dict[str, str], seaweedfs: SeaweedFS, key_home: Path
) -> None:
    """In a world of its own: the clock goes past the deadline."""
    async with open_world(postgres, templates, seaweedfs, key_home) as world:
        await tell(world)
        await _late(world)


async def _late(world: World) -> None:
    async with browsing(world, world.people["rival"]) as browser:
        path = await _draft(world, browser)
        await browser.get(path)
        await browser.upload(b"%PDF terlambat")
        await browser.get(path)
        kept = _kept(browser.html)
        tender = await world.see(None, "tender", f"/public/tenders/{world.records['code running']}")
        await world.at(datetime.fromisoformat(tender["closes_at"]) + timedelta(milliseconds=1))
        page = await browser.get(path)
        assert "Batas akhir sudah lewat; yang dikirim sekarang ditolak sebagai terlambat." in page.words
        late = await browser.send(path, {**BID_FORM, **PRICES, **kept, "agreed": "true"}, do="kirim")
        assert late.status_code == 409
        page = Page(late.text)
        assert "Perpres 54/2010 Pasal 78" in page.words
        assert "Ditolak: persetujuan tiba setelah batas akhir." in page.words
        assert f"{path}/tanda-terima.json" in [link["href"] for link in page.all("a")]
        told = (await browser.http.get(f"{path}/tanda-terima.json")).json()
        assert json.loads(base64.b64decode(told["receipt"]["payload"]))["of"] == "rejection"
        assert "Penawaran Anda ditolak" in (await browser.get("/kotak-masuk")).words
