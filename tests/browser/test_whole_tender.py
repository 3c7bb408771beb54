"""One tender from a provider's registration to the appointment, every step clicked by the person whose step it is.

Nothing is asked of the API but what nobody sees: the training clock is moved, and three of the four providers are admitted
without their papers. Without scripts everybody works as far as a browser need not compute: uploads and bids have them.
"""

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Error, FilePayload, Page, expect

from cli import events
from cli.demo.cast import HPS, Bidder, npwp
from cli.demo.offers import WITH_TAX
from cli.demo.office import Office
from cli.demo.pdf import write_pdf
from cli.demo.portal import Portal
from cli.demo.providers import sign_up
from cli.system import System
from contracts.values import rupiah
from gateway.pages.words_of_numbers import terbilang
from integrity import receipts
from kit.clock import WIB
from services.registry import training
from tests.browser.conftest import (
    DESK,
    PHONE,
    Somebody,
    Visit,
    assert_accessible,
    assert_fits,
    kept,
    logged_in,
    picture,
    set_clock,
)

NUMBERS = count(5100)
PACKAGE = "Pengadaan Laboratorium Komputer SMP Negeri"
OTHERS = {"loser": "Gugur", "second": "Cadangan", "late": "Terlambat"}
STEPS = ("administrasi", "kualifikasi", "teknis", "harga")
REASON = "Layar 19 inci; diminta 22 inci."


@dataclass(frozen=True)
class Look:
    name: str
    width: int
    scripts: bool = True
    long: bool = True

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        return (pytest.mark.long,) if self.long else ()


LOOKS = (Look("telepon", PHONE, long=False), Look("meja", DESK), Look("tanpa-skrip", PHONE, scripts=False))


@dataclass
class Seat:
    """Somebody at their browser. `scripted` is the same browser with scripts, for what it must compute."""

    visit: Visit
    look: Look
    pictures: Path | None
    seen: set[str]
    wrong: list[str]
    """What does not fit or is not accessible, told at the end: the story goes on."""
    who: Somebody | None = None
    _pages: dict[bool, Page] = field(default_factory=dict)

    async def open(self, path: str, name: str = "", *, scripts: bool | None = None) -> Page:
        wanted = self.look.scripts if scripts is None else scripts
        if wanted in self._pages:
            await self._pages[wanted].goto(path)
        else:
            self._pages[wanted] = await self.visit(path, who=self.who, width=self.look.width, scripts=wanted)
        await self.check(self._pages[wanted], name)
        return self._pages[wanted]

    async def check(self, page: Page, name: str = "") -> None:
        """Every kind of page is looked at once; nobody scrolls sideways on any."""
        await expect(page.locator("h1")).to_have_count(1)
        await self._notes(assert_fits(page))
        if name and name not in self.seen:
            self.seen.add(name)
            await picture(page, self.pictures, f"cerita-{self.look.name}-{name}")
            if page is self._pages.get(True):
                await self._notes(assert_accessible(page))

    async def _notes(self, check: Awaitable[None]) -> None:
        try:
            await check
        except AssertionError as why:
            self.wrong.append(str(why))


class Story:
    def __init__(
        self, system: System, portal: Portal, visit: Visit, officials: dict[str, Somebody], look: Look,
        pictures: Path | None, files: Path,
    ) -> None:  # fmt: skip
        self.system, self.portal, self.look, self.files = system, portal, look, files
        self.office = Office(system, portal)
        self.wrong: list[str] = []
        self._seat = Seat(visit, look, pictures, set(), self.wrong)
        self.members = [self.seat(officials[f"pokja{n}"]) for n in (1, 2, 3)]
        self.ppk, self.verifier = self.seat(officials["ppk"]), self.seat(officials["verifikator"])
        self.helpdesk, self.citizen = self.seat(officials["helpdesk"]), self.seat()
        self.package = self.tender = self.code = self.tracking = ""
        self.schedule: dict[str, tuple[datetime, datetime]] = {}
        self.winner, self.loser, self.second, self.late = (self.seat() for _ in range(4))
        self.names: dict[str, str] = {}
        self.receipt: dict[str, Any] = {}

    def seat(self, who: Somebody | None = None) -> Seat:
        return replace(self._seat, who=who, _pages={})

    @property
    def letter(self) -> str:
        """The number of the letter of appointment, of which an instance knows each once."""
        return f"027/{self.code}/SPPBJ/2026"

    async def clock(self, at: datetime) -> None:
        await set_clock(self.system, "set", at)

    async def begins(self, stage: str) -> None:
        start = self.schedule[stage][0]
        if await self.office.now() < start:
            await self.clock(start)

    def pdf(self, name: str, size: int = 20_000) -> Path:
        file = self.files / name
        write_pdf(file, name, ["Contoh, tidak berlaku"], size=size, seed=len(name))
        return file

    # The acts

    async def a_provider_registers(self) -> None:
        number = next(NUMBERS)
        name, user = f"CV Contoh Lengkap {number}", f"lengkap{number}"
        self.names["winner"] = name
        seat = self.winner
        page = await seat.open("/daftar", "daftar")
        await page.check("#kind-badan_usaha")
        typed = {
            "name": name,
            "npwp": npwp(number),
            "address": "Jalan Contoh 1, Mojokerto",
            "phone": "0321-000000",
            "responsible_name": "Penanggung Jawab",
            "email": f"{user}@contoh.example",
            "user_id": user,
            "password": f"Contoh-{user}-2026",
            "password_again": "lain sekali",
        }
        for place, value in typed.items():
            await page.fill(f"#{place}", value)
        await press(page, "main form button")
        await expect(page.locator("#password_again-error")).to_be_visible()
        assert {place: await page.input_value(f"#{place}") for place in typed if "password" not in place} == {
            place: value for place, value in typed.items() if "password" not in place
        }, "a refusal keeps what was typed"
        await seat.check(page, "daftar-ditolak")
        for place in ("password", "password_again"):
            await page.fill(f"#{place}", typed["password"])
        await press(page, "main form button")
        await page.wait_for_url("**/penyedia**")
        seat.who = Somebody(user, typed["password"], session=await kept(page.context))
        await seat.check(page, "penyedia")
        await self._papers_are_handed_in(seat, number)

    async def _papers_are_handed_in(self, seat: Seat, number: int) -> None:
        page = await seat.open("/penyedia", scripts=True)
        links = page.locator("#berkas ~ table a[href*='jenis=']")
        kinds = [str(await link.get_attribute("href")) for link in await links.all()]
        assert len(kinds) >= 5
        today = (await self.office.now()).astimezone(WIB).date()
        for at, href in enumerate(kinds):
            page = await seat.open(href, "berkas", scripts=True)
            if href.endswith("ktp"):
                await page.fill("#number", f"357601010180{number:04d}")
            elif not await page.input_value("#number"):
                await page.fill("#number", f"{at}/{number}/2026")
            await page.fill("#issued_on", str(today - timedelta(days=300)))
            await page.fill("#expires_on", str(today + timedelta(days=700)))
            await press(page, "main form.narrow button")
            await seat.check(page, "berkas-diisi")
            await hand_in(page, self.pdf(f"berkas-{at}.pdf"))
            await expect(page.locator("#tersimpan")).to_be_visible(timeout=30_000)
            await assert_prints_side_by_side(page)
            await seat.check(page, "berkas-diterima")
        page = await seat.open("/penyedia", "penyedia-lengkap")
        await press(page, "#ajukan ~ form button")
        await expect(page.locator("main .notice.good").first).to_be_visible()

    async def the_verifier_admits_it(self) -> None:
        page = await self.verifier.open("/verifikasi", "verifikasi")
        await follow(page, self.names["winner"])
        await self.verifier.check(page, "verifikasi-penyedia")
        for original in await page.locator("[name=originals]").all():
            await original.check()
        await page.fill("#place", "Ruang Verifikasi LPSE")
        await page.check("#outcome-verified")
        await press(page, "#keputusan ~ form button[type=submit]")
        await expect(page.locator("main .notice.good")).to_be_visible()
        page = await self.winner.open("/penyedia", "penyedia-terverifikasi")
        await expect(page.locator("#ajukan")).to_have_count(0)

    async def three_others_are_admitted(self) -> None:
        admitted = []
        for seat, role in ((self.loser, "loser"), (self.second, "second"), (self.late, "late")):
            number = next(NUMBERS)
            cast = Bidder(f"kedua{number}", f"PT Contoh {OTHERS[role]} {number}", "Penanggung Jawab", Decimal(1), 0)
            user, _ = await sign_up(self.portal, cast, number)
            self.names[role] = cast.name
            seat.who = logged_in(user)
            admitted.append(UUID(user.provider or ""))
        async with self.system.installation.database("registry") as database:
            await training.admit(database, admitted)
        await self.office.settled("the verified providers reach tender")

    async def the_ppk_makes_a_package(self) -> None:
        seat = self.ppk
        page = await seat.open("/paket", "paket")
        before = await page.locator("main tbody tr").count()
        await follow(page, "Paket baru", among="main a.button")
        await seat.check(page, "paket-baru")
        await page.fill("#name", PACKAGE)
        await page.select_option("#committee", index=1)
        await page.select_option("#category", "barang")
        await page.select_option("#method", "pelelangan_umum")
        await page.fill("#rup_code", "26111801")
        await page.fill("#location", "Kota Mojokerto")
        await page.fill("#pagu", "1.500.000.000")
        lines = [f"{row.description}\t{row.unit}\t{row.quantity}\t{row.unit_price:.0f}" for row in HPS]
        await page.fill("#paste", "\n".join(["Uraian\tSatuan\tVolume\tHarga satuan", *lines]))
        await press(page, "#paste ~ * button[value=add], .field:has(#paste) ~ .buttons button[value=add]")
        await expect(page.locator("#hps_rows\\.3\\.unit_price")).to_have_value(re.compile("750000"))
        await press(page, "button[value=sum]")
        await expect(page.locator(".sums .notice.good")).to_be_visible()
        await seat.check(page, "paket-jumlah")
        await press(page, "button[value=save]", twice=True)
        await page.wait_for_url(re.compile(r"/paket/[0-9a-f-]{36}"))
        self.package = path_of(page)
        await seat.check(page, "paket-satu")
        page = await seat.open("/paket")
        assert await page.locator("main tbody tr").count() == before + 1, "pressed twice, made once"

    async def the_pokja_drafts_the_tender(self) -> None:
        seat = self.members[0]
        page = await seat.open("/pokja", "pokja")
        await press(page, f"a[href='/pokja/baru?package={self.package.rpartition('/')[2]}']")
        await seat.check(page, "jadwal-usulan")
        await page.select_option("#contract_type", "harga_satuan")
        requirements = "Surat izin usaha perdagangan yang berlaku\nSPT tahun pajak terakhir"
        await page.fill("#qualification_requirements", requirements)
        moments = page.locator("table.schedule input[type=datetime-local]")
        first = await moments.nth(0).input_value()
        await moments.nth(1).fill(first)  # a stage of no length
        await press(page, "button[value=save]")
        await expect(page.locator(".summary")).to_be_visible()
        assert await page.input_value("#qualification_requirements") == requirements
        assert await moments.nth(1).input_value() == first
        await seat.check(page, "jadwal-ditolak")
        await page.fill("#start", first)
        await press(page, "button[value=propose]")
        await self._read_schedule(page)
        await press(page, "button[value=save]")
        await page.wait_for_url(re.compile(r"/pokja/[0-9a-f-]{36}"))
        self.tender = path_of(page)
        self.code = await page.locator("main .lead .code").inner_text()
        await seat.check(page, "pokja-ikhtisar")

    async def _read_schedule(self, page: Page) -> None:
        for row in await page.locator("table.schedule tbody tr").all():
            code = str(await row.locator("input[type=hidden]").get_attribute("value"))
            moments = [await one.input_value() for one in await row.locator("input[type=datetime-local]").all()]
            starts, ends = (datetime.fromisoformat(moment).replace(tzinfo=WIB) for moment in moments)
            self.schedule[code] = (starts, ends)

    async def it_is_announced(self) -> None:
        seat = self.members[0]
        page = await seat.open(f"{self.tender}/dokumen", "pokja-dokumen", scripts=True)
        await hand_in(page, self.pdf("dokumen-pemilihan.pdf", 300_000))
        await expect(page.locator("main .files .prints").first).to_be_visible(timeout=30_000)
        await assert_prints_side_by_side(page)
        await seat.open(f"{self.tender}/jadwal", "pokja-jadwal")
        for member in self.members:
            page = await member.open(f"{self.tender}/persetujuan", "persetujuan")
            await page.check("#accepted")
            await press(page, "main form.narrow button")
            await expect(page.locator("main .notice.good").first).to_be_visible()
        page = await self.citizen.open("/tender", "tender")
        await expect(page.locator(f"a[href='/tender/{self.code}']").first).to_be_visible()
        await self.citizen.open("/", "beranda-umum")

    async def providers_join_and_ask(self) -> None:
        await self.begins("pemberian_penjelasan")
        at = f"/tender/{self.code}"
        for seat in (self.winner, self.loser, self.second, self.late):
            page = await seat.open("/ikut", "ikut-daftar")
            await press(page, f"a[href='{at}/ikut']")
            await seat.check(page, "ikut")
            await press(page, "main form:has([value=join]) button", twice=seat is self.winner)
            await expect(page.locator("#dokumen")).to_be_visible()
        await self.winner.check(page, "ikut-peserta")
        page = await self.winner.open(f"{at}/tanya", "tanya-peserta")
        await page.fill("#chapter", "Spesifikasi Teknis")
        await page.fill("#text", "Apakah layar 24 inci diterima?")
        await press(page, "main form.narrow button")
        await expect(page.locator(".questions li")).to_have_count(1)
        await page.go_back()
        await expect(page.locator("#chapter")).to_be_visible()
        await page.go_forward()
        await expect(page.locator(".questions li")).to_have_count(1)
        page = await self.members[0].open(f"{self.tender}/pertanyaan", "pokja-pertanyaan")
        await page.fill(".questions textarea", "Ya, sepanjang spesifikasi lain terpenuhi.")
        await press(page, ".questions form button")
        await expect(page.locator(".questions .answered")).to_be_visible()
        await self.office.settled("the answer reaches the inbox")
        page = await self.winner.open("/kotak-masuk", "kotak-masuk")
        await expect(page.locator(".news li").first).to_be_visible()
        page = await self.winner.open(f"{at}/tanya")
        await expect(page.locator(".questions .answered")).to_be_visible()

    async def bids_are_sent(self) -> None:
        await self.begins("upload_penawaran")
        closes = self.schedule["upload_penawaran"][1]
        pages = [
            await self._bid(self.winner, Decimal("0.95"), "penawaran-lengkap.pdf"),
            await self._bid(self.loser, Decimal("0.93"), "penawaran-kedua.pdf"),
            await self._bid(self.second, Decimal("0.97"), "penawaran-ketiga.pdf"),
            await self._bid(self.late, Decimal("0.90"), "penawaran-terlambat.pdf"),
        ]
        await press(pages[0], "#kirim button[value=kirim]", twice=True)
        await expect(pages[0].locator("#tanda-terima")).to_be_visible()
        await self.winner.check(pages[0], "tanda-terima")
        await self._printed(pages[0])
        await press(pages[2], "#kirim button[value=kirim]")
        await self.clock(closes)  # the last instant there is
        await press(pages[1], "#kirim button[value=kirim]")
        await expect(pages[1].locator("[data-totals-sent] > .notice.good")).to_be_visible()
        await self.clock(closes + timedelta(milliseconds=1))
        await press(pages[3], "#kirim button[value=kirim]")
        await expect(pages[3].locator(".summary")).to_contain_text("Pasal")
        await expect(pages[3].locator("[data-totals-sent] > .notice.bad")).to_be_visible()
        await self.late.check(pages[3], "tanda-terima-terlambat")
        self.receipt = await self._downloaded(pages[0])
        await self._downloaded(pages[3])
        page = await self.winner.open("/penawaran", "penawaran-daftar")
        await expect(page.locator("main tbody tr")).to_have_count(1)

    async def _bid(self, seat: Seat, factor: Decimal, name: str) -> Page:
        page = await seat.open(f"/tender/{self.code}/ikut", scripts=True)
        await press(page, "main form:has([value=draft]) button")
        await page.wait_for_url(re.compile(r"/penawaran/[0-9a-f-]{36}"))
        await seat.check(page, "penawaran")
        send, lacking = page.locator("#kirim button[value=kirim]"), page.locator("#kirim .lacking a")
        await expect(send).to_be_hidden()
        await expect(lacking).to_be_visible()
        await page.set_input_files("#berkas", self.pdf(name, 200_000))
        await page.click(".upload .send")
        await expect(page.locator(".upload .state")).to_contain_text("diunggah", timeout=30_000)
        await assert_prints_side_by_side(page)
        await expect(send).to_be_visible()
        await expect(lacking).to_be_hidden()
        total = Decimal(0)
        for at, row in enumerate(HPS):
            price = rupiah(row.unit_price * factor * WITH_TAX)
            total += row.quantity * price
            await page.fill(f"#offer\\.rows\\.{at}\\.unit_price", f"{price:.2f}".replace(".", ","))
            shown = await page.inner_text(f"#offer\\.rows\\.{at}\\.amount")
            assert digits(shown) == digits(f"{row.quantity * price:.2f}")
        assert digits(await page.inner_text("[data-total]")) == digits(f"{total:.2f}")
        assert await page.inner_text("output[data-words]") == terbilang(total)
        for place, value in (("licence_number", "1/SIUP/2026"), ("tax_year", "2025"), ("experience", "Sejenis, 2024")):
            await page.fill(f"#qualification\\.{place}", value)
        licence = (await self.office.now()).date() + timedelta(days=700)
        await page.fill("#qualification\\.licence_expires", str(licence))
        await page.check("#agreed")
        await seat.check(page, "penawaran-diisi")
        return page

    async def _printed(self, page: Page) -> None:
        """The receipt alone, on one sheet of A4."""
        await page.emulate_media(media="print")
        seen = [await one.inner_text() for one in await page.locator("h1, h2").all() if await one.is_visible()]
        assert [heading.split(" PN-")[0] for heading in seen] == ["Tanda terima penawaran", "Sidik jari berdampingan"]
        await expect(page.locator(".receipt .facts.paper")).to_contain_text(self.code)
        kept = self.winner.pictures and self.winner.pictures / f"tanda-terima-{self.look.name}.pdf"
        sheet = await page.pdf(path=kept, format="A4")
        assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
        await page.emulate_media(media="screen")

    async def _downloaded(self, page: Page) -> dict[str, Any]:
        """The record with its receipt; the receipt by itself says nothing of the record but its hash."""
        receipt, record = [await self._file(page, name) for name in ("tanda-terima.json", "catatan.json")]
        assert record["receipt"] == receipt["receipt"]
        assert "record" not in receipt
        return record

    async def _file(self, page: Page, name: str) -> dict[str, Any]:
        async with page.expect_download() as coming:
            await page.click(f"a[href$='{name}']")
        return dict(json.loads((await (await coming.value).path()).read_text()))

    async def a_receipt_is_checked(self) -> None:
        await self.office.settled("the receipt is in the log")

        async def logged() -> bool:
            return await events.unlogged(self.system.installation) == 0

        await self.office.eventually("every event is in the log", logged)
        page = await self.winner.open("/periksa", "periksa", scripts=True)
        receipt, record = self.receipt["receipt"], self.receipt["record"]
        await self._checked(page, receipts.build(receipt), "", 2)
        entry = await (await page.request.get(f"/log/1/entries/{receipts.payload_of(receipt)['id']}")).json()
        proof = await (await page.request.get(f"/log/1/proof/entry?index={entry['index']}")).text()
        final = receipts.build(receipt, entry=entry, proof=proof)
        await self._checked(page, final, "good", 4)
        await self.winner.check(page, "periksa-tanda-terima")
        await self._checked(page, receipts.build(receipt, record=record, entry=entry, proof=proof), "good", 5)
        await self.winner.check(page, "periksa-benar")
        said = base64.b64decode(receipt["payload"]).decode()
        digit = re.search(r'"received_at":"\d{3}(\d)', said)
        assert digit
        other = said[: digit.start(1)] + str((int(digit[1]) + 1) % 10) + said[digit.end(1) :]
        forged = receipt | {"payload": base64.b64encode(other.encode()).decode()}
        changed = re.sub(r"\d", lambda one: str((int(one[0]) + 1) % 10), record, count=1)
        for wrong in (receipts.build(forged, entry=entry, proof=proof), receipts.build(receipt, record=changed)):
            await self._checked(page, wrong, "bad", 2)
        await self.winner.check(page, "periksa-salah")

    async def _checked(self, page: Page, file: bytes, verdict: str, least: int) -> None:
        """At least so many lines, all of which hold where all of it does."""
        chosen: FilePayload = {"name": "tanda-terima.json", "mimeType": "application/json", "buffer": file}
        await page.set_input_files("[name=receipt]", chosen)
        await page.click("[data-check] [type=submit]")
        result = page.locator("[data-check-result]")
        await result.locator(".checks").wait_for()
        await expect(result.locator("> .notice")).to_have_class(f"notice {verdict}".strip(), timeout=20_000)
        lines, held = result.locator(".checks li"), result.locator(".mark.now")
        assert await lines.count() >= least
        if verdict == "good":
            assert await held.count() == await lines.count()

    async def bids_are_opened(self) -> None:
        at = f"{self.tender}/pembukaan"
        await self.clock(
            max(self.schedule["upload_penawaran"][1] + timedelta(seconds=30), self.schedule["pembukaan"][0])
        )
        seat = self.members[0]
        await seat.open(at, "pembukaan-menunggu")

        async def opened() -> bool:
            page = await seat.open(at)
            button = page.locator("main form button").filter(has_not_text="Unduh")
            if await button.count():
                await press(page, "main form button")
            return await page.locator("section[aria-labelledby^=bid-]").count() == 3

        await self.office.eventually("the tender closes and is opened", opened)
        await seat.open(at, "pembukaan")

    async def bids_are_evaluated(self) -> None:
        await self.begins("evaluasi")
        seat = self.members[0]
        sheet = f"{self.tender}/evaluasi"
        await seat.open(sheet, "evaluasi")
        for bidder in ("winner", "second"):
            for step in STEPS:
                await self._step(sheet, self.names[bidder], step)
        for step in STEPS[:2]:
            await self._step(sheet, self.names["loser"], step)
        await self._step(sheet, self.names["loser"], "teknis", reason=REASON)
        page = await seat.open(sheet, "evaluasi-selesai")
        await expect(page.locator("table.sheet")).to_contain_text(REASON)
        await self.begins("pembuktian_kualifikasi")
        await self._step(sheet, self.names["winner"], "pembuktian", passed=True, reason="Asli telah dilihat.")

    async def _step(self, sheet: str, name: str, step: str, *, passed: bool | None = None, reason: str = "") -> None:
        seat = self.members[0]
        page = await seat.open(sheet)
        await follow(page, name, among="table.sheet a")
        await seat.check(page, f"evaluasi-{step}")
        good = passed if passed is not None else not reason
        await page.check(f"#passed-{str(good).lower()}")
        if not good:
            await press(page, "#langkah ~ form button")
            await expect(page.locator(".summary")).to_be_visible()
            assert await page.is_checked("#passed-false")
            await seat.check(page, "evaluasi-tanpa-alasan")
        await page.fill("#reason", reason)
        await press(page, "#langkah ~ form button")
        await expect(page.locator("main .notice.good").first).to_be_visible()

    async def the_winner_is_announced(self) -> None:
        await self.begins("penetapan_pemenang")
        at = f"{self.tender}/pemenang"
        for member in self.members[:2]:
            page = await member.open(at, "penetapan")
            await expect(page.locator("main")).to_contain_text(self.names["winner"])
            await press(page, "main form:has([value=approve]) button")
            await expect(page.locator("main .notice.good").first).to_be_visible()
        await self.begins("pengumuman_pemenang")
        page = await self.members[2].open(at, "penetapan-selesai")
        await press(page, "main form:has([value=announce]) button")
        await expect(page.locator("main .notice.good").first).to_be_visible()

    async def an_objection_is_answered(self) -> None:
        await self.begins("masa_sanggah")
        at = f"/tender/{self.code}/sanggah"
        page = await self.loser.open(at, "sanggah")
        await page.fill("#text", "Evaluasi teknis mohon ditinjau kembali.")
        await press(page, "main form.narrow button")
        await expect(page.locator("#sendiri")).to_be_visible()
        seat = self.members[0]
        page = await seat.open(f"{self.tender}/sanggah", "pokja-sanggah", scripts=True)
        await press(page, "main a.button[href*='/sanggah/']")
        await seat.check(page, "pokja-jawab-sanggah")
        await page.set_input_files("#berkas", self.pdf("jawaban-sanggah.pdf"))
        await page.click(".upload .send")
        await expect(page.locator(".upload .state")).to_contain_text("diunggah", timeout=30_000)
        await page.check("#upheld-false")
        await page.fill("#text", "Evaluasi telah sesuai dokumen pemilihan.")
        await press(page, "#jawaban button")
        await expect(page.locator(".answered").first).to_be_visible()
        page = await self.loser.open(at, "sanggah-dijawab")
        await expect(page.locator(".answered")).to_be_visible()
        await expect(page.locator(".files .prints")).to_be_visible()

    async def the_ppk_appoints(self) -> None:
        await self.clock(max(self.schedule["masa_sanggah"][1] + timedelta(hours=9), self.schedule["sppbj"][0]))
        page = await self.ppk.open(self.package, "paket-sppbj")
        await press(page, f"a[href='{self.package}/sppbj']")
        await self.ppk.check(page, "sppbj")
        await page.fill("#number", self.letter)
        await press(page, "main form.narrow button", twice=True)
        await expect(page.locator("[aria-labelledby=sppbj] dl")).to_contain_text(self.letter)

    async def a_citizen_complains(self) -> None:
        page = await self.citizen.open(f"/pengaduan?tender={self.code}", "pengaduan")
        assert await page.input_value("#tender") == self.code
        await page.select_option("#category", "pokja")
        await page.fill("#text", f"Mohon diperiksa proses evaluasi tender {self.code}.")
        await press(page, "main form button")
        self.tracking = await page.inner_text(".tracking")
        number = await page.locator("main dl .code").first.inner_text()
        await self.citizen.check(page, "pengaduan-terkirim")
        page = await self.helpdesk.open("/layanan/pengaduan", "layanan-pengaduan")
        await follow(page, number)
        await self.helpdesk.check(page, "layanan-pengaduan-satu")
        await page.fill("#letter_number", "027/12/LPSE/2026")
        for box in await page.locator("[name=recipients]").all():
            await box.check()
        await press(page, "#penerusan ~ form button")
        await expect(page.locator("#penerusan ~ ul li")).to_have_count(2)
        page = await self.citizen.open("/pengaduan/lacak", "pengaduan-lacak")
        await page.fill("#code", self.tracking)
        await press(page, "main form button")
        await expect(page.locator("#terusan ~ ul li")).to_have_count(2)
        await self.citizen.check(page, "pengaduan-terlacak")

    async def everybody_sees_the_result(self) -> None:
        page = await self.citizen.open(f"/tender/{self.code}", "tender-pengumuman")
        tabs = [str(await tab.get_attribute("href")) for tab in await page.locator("main nav.tabs a").all()]
        said: list[str] = []
        for tab in tabs:
            page = await self.citizen.open(
                tab, f"tender-{tab.removeprefix(f'/tender/{self.code}').strip('/') or 'utama'}"
            )
            said.append(await page.inner_text("main"))
        whole = "\n".join(said)
        for fact in (self.names["winner"], self.names["loser"], REASON, self.letter):
            assert fact in whole
        assert self.names["late"] not in "".join(said[-2:]), "a late bid is no offer"


async def press(page: Page, selector: str, *, twice: bool = False) -> None:
    """A button that leads on. Twice, as impatient people do: the second press goes out before the first is answered."""
    before = await page.evaluate("performance.timeOrigin")
    button = page.locator(selector).first
    await (button.dblclick() if twice else button.click())
    async with asyncio.timeout(20):
        while await _made(page) in {None, before}:
            await asyncio.sleep(0.05)
    await page.wait_for_load_state()


async def _made(page: Page) -> Any:
    """When the page that is shown was made; None while another takes its place."""
    try:
        return await page.evaluate("performance.timeOrigin")
    except Error:
        return None


async def follow(page: Page, name: str, *, among: str = "main a") -> None:
    await page.locator(among).filter(has_text=name).first.click()
    await page.wait_for_load_state()


async def hand_in(page: Page, file: Path) -> None:
    await page.set_input_files("#berkas", file)
    await page.click(".upload .send")


async def assert_prints_side_by_side(page: Page) -> None:
    row = page.locator(".sent .sha256").first
    await expect(row.locator(".mine")).to_have_text(re.compile("[0-9a-f]{64}"))
    assert await row.locator(".mine").inner_text() == await row.locator(".theirs").inner_text()


def path_of(page: Page) -> str:
    return "/" + page.url.split("/", 3)[3].partition("?")[0]


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def acts(story: Story) -> Sequence[Any]:
    return (
        story.a_provider_registers,
        story.the_verifier_admits_it,
        story.three_others_are_admitted,
        story.the_ppk_makes_a_package,
        story.the_pokja_drafts_the_tender,
        story.it_is_announced,
        story.providers_join_and_ask,
        story.bids_are_sent,
        story.a_receipt_is_checked,
        story.bids_are_opened,
        story.bids_are_evaluated,
        story.the_winner_is_announced,
        story.an_objection_is_answered,
        story.the_ppk_appoints,
        story.a_citizen_complains,
        story.everybody_sees_the_result,
    )


@pytest.mark.parametrize("look", [pytest.param(look, id=look.name, marks=look.marks) for look in LOOKS])
async def test_a_tender_from_registration_to_appointment(
    system: System,
    portal: Portal,
    visit: Visit,
    officials: dict[str, Somebody],
    look: Look,
    pictures: Path | None,
    tmp_path: Path,
) -> None:
    await set_clock(system, "stop")
    story = Story(system, portal, visit, officials, look, pictures, tmp_path)
    for act in acts(story):
        await act()
    assert story.wrong == []
