"""The pages of PPK and Pokja before the real services: a tender from its package to the letter of appointment, form by form."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cli.servers import Postgres, SeaweedFS
from gateway.pages.visit import NOTICE
from kit.clock import WIB
from tests.access.story import STEPS, Course, settle
from tests.access.world import World, open_world
from tests.gateway.browser import Browser, forms_of
from tests.gateway.test_pages import Page

BIDDERS = {"bidder": ("900000", "800000"), "rival": ("850000", "900000"), "third": ("700000", "700000")}
"""Corrected, the first is the cheapest that passes; the third fails at its technical step."""
PASTED = 'Uraian\tSatuan\tVolume\tHarga satuan\nMeja belajar\tunit\t10\tRp 1.000.000\nKursi "kecil"\tunit\t10,0\t1.000.000,00\n'
ABOUT = {
    "name": "Pengadaan Meja dan Kursi",
    "location": "Kota Mojokerto",
    "funding": "APBD",
    "pagu": "26.000.000",
    "rup_code": "12345678",
}


@pytest.fixture(scope="module")
async def world(
    postgres: Postgres, templates: dict[str, str], seaweedfs: SeaweedFS, key_home: Path
) -> AsyncIterator[World]:
    async with open_world(postgres, templates, seaweedfs, key_home) as world:
        await settle(world)
        yield world


@dataclass
class Office:
    """Browsers of those who work on one tender."""

    world: World
    people: dict[str, Browser]

    def __getitem__(self, name: str) -> Browser:
        return self.people[name]


@pytest.fixture
async def office(world: World) -> Office:
    names = ("ppk-here", "pa-here", "ppk", "member1", "member2", "member3", "stranger1")
    return Office(world, {name: await Browser.of(world, world.people[name]) for name in names})


def about(office: Office) -> dict[str, str]:
    return ABOUT | {"committee": office.world.records["committee member"]}


def money(page: Page) -> list[str]:
    return re.findall(r"Rp [\d.]+,\d\d", page.words)


async def new_package(office: Office) -> str:
    ppk = office["ppk-here"]
    await ppk.see("/paket/baru")
    await ppk.press("/paket/baru", "add", status=200, paste=PASTED, **about(office))
    return (await ppk.done("/paket/baru", "save")).removeprefix("/paket/")


async def test_a_package_is_typed_pasted_added_up_and_kept(office: Office) -> None:
    ppk = office["ppk-here"]
    await ppk.see("/paket")
    page = await ppk.see("/paket/baru")
    assert "Dinas 1.01.01 (Kode SKPD 1.01.01)" in page.words
    assert "Pokja member" in page.words
    wrong = PASTED + "Lemari\tunit\tsepuluh\t5\nRak\tunit\t4\n"
    page = await ppk.press("/paket/baru", "add", status=422, paste=wrong, **about(office))
    assert "Baris 4: Tuliskan angka seperti 1.250 atau 12,5." in page.words
    assert "Baris 5: Jumlah kolomnya bukan empat" in page.words
    assert "Lemari\tunit\tsepuluh" in page.text, "nothing that was pasted is lost"
    page = await ppk.press("/paket/baru", "add", status=200, paste=PASTED)
    assert [field["value"] for field in page.all("input") if field.get("name") == "hps_rows.1.description"] == [
        'Kursi "kecil"'
    ]
    page = await ppk.press("/paket/baru", "sum", status=200)
    assert money(page)[:3] == ["Rp 20.000.000,00", "Rp 2.200.000,00", "Rp 22.200.000,00"]
    assert "HPS tidak melebihi pagu; sisa Rp 3.800.000,00" in page.words
    page = await ppk.press("/paket/baru", "sum", status=200, pagu="22.000.000")
    assert "HPS melebihi pagu sebesar Rp 200.000,00" in page.words
    page = await ppk.press("/paket/baru", "save", status=422)
    assert "HPS Rp 22.200.000,00 melebihi pagu Rp 22.000.000,00." in page.words
    assert "Dasar: Perpres 54/2010 Pasal 66" in page.words
    page = await ppk.press("/paket/baru", "save", status=422, hps_rows__1__unit_price="murah", pagu="26.000.000")
    assert "Baris 2: harga satuan: Tuliskan nilai seperti" in page.words
    form = {"hps_rows__1__unit_price": "1.000.000"}
    first, second = [await ppk.send("/paket/baru", "save", **form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"], "sent twice, kept once"
    assert first.cookies[NOTICE] == "package_created"
    page = await ppk.see(first.headers["location"])
    assert "Rp 22.200.000,00" in page.words
    assert "Belum ada tender. Sekarang giliran" in page.words


async def test_what_a_package_shows_to_whom(office: Office) -> None:
    package = await new_package(office)
    for name in ("pa-here", "member1"):
        page = await office[name].see(f"/paket/{package}")
        assert "Rp 1.000.000,00" in page.words
    for name in ("ppk", "stranger1"):
        assert (await office[name].ask("GET", f"/paket/{package}")).status_code == 404
    assert (await office["pa-here"].ask("GET", "/paket/baru")).status_code == 403
    assert "Pengadaan Meja dan Kursi" in (await office["pa-here"].see("/paket")).words
    assert "Tender ini" not in (await office["ppk-here"].see(f"/paket/{package}/sppbj")).words


async def drafted(office: Office, package: str) -> Course:
    """By the schedule that is proposed for tomorrow."""
    member = office["member1"]
    await member.see(f"/pokja/baru?package={package}")
    onward = await member.done("/pokja/baru", "save", qualification_requirements="SIUP\n\nSPT tahunan")
    tender = await office.world.see(member.who, "tender", f"/tenders/{onward.removeprefix('/pokja/')}")
    assert tender["qualification_requirements"] == ["SIUP", "SPT tahunan"]
    at = datetime.fromisoformat
    spans = {row["code"]: (at(row["starts_at"]), at(row["ends_at"])) for row in tender["stages"]}
    return Course(office.world, tender["id"], tender["code"], spans)


async def test_a_schedule_is_proposed_and_each_broken_rule_stands_beside_its_stage(office: Office) -> None:
    package, member = await new_package(office), office["member1"]
    page = await member.see("/pokja")
    assert waits(page, package), page.words
    await member.see(f"/pokja/baru?package={package}")
    begin = (await office.world.now()).astimezone(WIB) + timedelta(days=3)
    page = await member.press("/pokja/baru", "propose", status=200, start=begin.strftime("%Y-%m-%dT%H:%M"))
    fields = {str(field["name"]): str(field["value"]) for field in page.all("input") if "name" in field}
    assert fields["stages.0.starts_at"] == begin.strftime("%Y-%m-%dT%H:%M")
    early = (datetime.fromisoformat(fields["stages.9.ends_at"]) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    first, *_ = forms_of(member.html)[-1].buttons
    assert first == ("_do", "again"), "what Enter presses proposes nothing anew and drafts nothing"
    page = await member.press("/pokja/baru", "again", status=200, stages__9__ends_at=early, start="")
    assert next(field for field in page.all("input") if field.get("name") == "stages.9.ends_at")["value"] == early
    page = await member.press("/pokja/baru", "save", status=422, stages__9__ends_at=early)
    row = member.html.split('id="tahap-masa_sanggah"')[1].split("</tr>")[0]
    said = "sampai akhir Masa Sanggah: 4 hari kerja, paling sedikit 5 (Perpres 70/2012 Pasal 81"
    assert said in row
    assert page.words.count(said) > row.count(said), "also in the summary"
    assert re.search(r'name="stages\.9\.ends_at"[^>]*aria-invalid="true" aria-describedby="[^"]*aturan-9-1', row)
    assert 'href="#tahap-masa_sanggah"' in member.html
    assert f'value="{early}"' in row, "what was typed is kept"
    assert "aria-invalid" not in member.html.split('id="tahap-evaluasi"')[1].split("</tr>")[0]
    page = await member.press("/pokja/baru", "save", status=422, stages__9__ends_at="besok")
    assert "Tahap 10: sampai: Tuliskan hari dan jam" in page.words
    onward = await member.done("/pokja/baru", "save", stages__9__ends_at=fields["stages.9.ends_at"])
    page = await member.see(f"{onward}/jadwal")
    assert "Jadwal draf tidak diubah lagi." in page.words
    assert (await office["stranger1"].ask("GET", onward)).status_code == 404
    assert (await office["stranger1"].ask("GET", f"/pokja/baru?package={package}")).status_code == 404


async def announced(office: Office, tender: Course) -> None:
    member = office["member1"]
    base = f"/pokja/{tender.id}"
    assert "Mengunggah dokumen pemilihan" in (await member.see(base)).words
    page = await member.see(f"{base}/dokumen")
    assert [field["type"] for field in page.all("input")] == ["file"]
    file = await tender.do("member1", f"/tenders/{tender.id}/documents", {"name": "dokumen pemilihan.pdf"})
    given = await office.world.hand_in(member.who, file)
    await tender.do("member1", f"/tender-documents/{file['id']}/file", given)
    assert given["sha256"] in (await member.see(f"{base}/dokumen")).words
    for n in (1, 2, 3):
        browser = office[f"member{n}"]
        assert f"{n - 1} dari 3 anggota" in (await browser.see(f"{base}/persetujuan")).words
        if n == 1:
            await browser.press(f"{base}/persetujuan", status=422)
        await browser.done(f"{base}/persetujuan", accepted="true")
    assert "Semua anggota menyetujui: tender telah diumumkan." in Page(office["member3"].html).words
    await member.see(f"{base}/dokumen")


async def explained(office: Office, tender: Course) -> None:
    member, base = office["member2"], f"/pokja/{tender.id}"
    await tender.begin("pengumuman_pascakualifikasi")
    for who in BIDDERS:
        await tender.do(who, f"/tenders/{tender.id}/participation")
    await tender.begin("pemberian_penjelasan")
    for text in ("Bolehkah 24 inci?", "Apakah <cat> boleh biru?"):
        await tender.do("bidder", f"/tenders/{tender.id}/questions", {"chapter": "IKP", "text": text})
    assert due(await member.see(base)) == ["Menjawab pertanyaan"]
    page = await member.see(f"{base}/pertanyaan")
    assert "Apakah <cat> boleh biru?" in page.words
    await member.press(f"{base}/pertanyaan", status=422, text="")
    await member.done(f"{base}/pertanyaan", text="Boleh.")
    await member.done(f"{base}/pertanyaan", text="Ya.")
    words = (await member.see(f"{base}/pertanyaan")).words
    assert "Boleh." in words
    assert "Ya." in words


def due(page: Page) -> list[str]:
    """What the overview says is to be done now."""
    now = page.words.split("Yang perlu dilakukan sekarang")[1].split("Seluruh urutan")[0]
    known = ("Menjawab pertanyaan", "Membuka penawaran", "Mengevaluasi", "Pembuktian", "Menetapkan", "Mengumumkan")
    return [word for word in (*known, "Menjawab sanggahan") if word in now]


async def competed(tender: Course) -> dict[str, str]:
    """The bids; the first bidder adds up its first line wrongly."""
    await tender.begin("upload_penawaran")
    bids = {}
    for who, prices in BIDDERS.items():
        bid, _, body = await tender.draft(who, prices)
        if who == "bidder":
            body["offer"]["rows"][0]["amount"] = "8500000.00"
            body["offer"]["total"] = "16500000.00"
        await tender.do(who, f"/bids/{bid}/consent", body)
        bids[who] = bid
    return bids


async def opened(office: Office, tender: Course) -> None:
    member, base = office["member3"], f"/pokja/{tender.id}"
    page = await member.see(f"{base}/pembukaan")
    assert "CV Bidder" not in page.words
    assert "Dapat dibuka setelah pemasukan ditutup" in page.words
    assert "Penawaran belum dibuka." in (await member.see(f"{base}/evaluasi")).words
    await office.world.at(tender.stages["upload_penawaran"][1] + timedelta(minutes=1))
    await tender.begin("pembukaan")
    assert due(await member.see(base)) == ["Membuka penawaran"]
    await member.see(f"{base}/pembukaan")
    await member.done(f"{base}/pembukaan")
    page = await member.see(f"{base}/pembukaan")
    assert {f"CV {who.title()}" in page.words for who in BIDDERS} == {True}
    downloads = [form["action"] for form in page.all("form")]
    assert len(downloads) == 3
    assert all(re.fullmatch(r"/unduh/bid-files/[0-9a-f-]{36}", str(action)) for action in downloads)
    assert "SHA-256" in page.words


async def evaluated(office: Office, tender: Course, bids: dict[str, str]) -> None:
    member, base = office["member1"], f"/pokja/{tender.id}"
    await tender.begin("evaluasi")
    assert due(await member.see(base)) == ["Mengevaluasi"]
    page = await member.see(f"{base}/evaluasi")
    assert "Rp 16.500.000,00" in page.words
    assert "Rp 17.000.000,00" in page.words
    assert "jumlah dihitung ulang" in page.words
    for who, bid in bids.items():
        path = f"{base}/evaluasi/{bid}"
        for step in STEPS:
            page = await member.see(path)
            assert f"Keputusan: {step.capitalize()}" in page.words
            if who == "third" and step == "teknis":
                page = await member.press(path, status=422, passed="false")
                assert "Penawaran yang tidak lulus harus disertai alasan." in page.words
                await member.done(path, passed="false", reason="Bahan tidak sesuai")
                break
            await member.done(path, passed="true")
        assert "Tidak ada langkah yang menunggu" in (await member.see(path)).words or who == "bidder"
    assert (await member.ask("GET", f"{base}/evaluasi/{tender.id}")).status_code == 404
    page = await member.see(f"{base}/evaluasi")
    assert "Bahan tidak sesuai" in page.words
    assert "Calon pemenang" in page.words


async def proven(office: Office, tender: Course, bids: dict[str, str]) -> None:
    member, base = office["member2"], f"/pokja/{tender.id}"
    path = f"{base}/evaluasi/{bids['bidder']}"
    await member.see(path)
    page = await member.press(path, "prove", status=409, passed="true", reason="Asli dilihat")
    assert "Tahap Pembuktian Kualifikasi dimulai " in page.words
    assert "Asli dilihat" in page.text
    await tender.begin("pembuktian_kualifikasi")
    assert due(await member.see(base)) == ["Pembuktian"]
    await member.see(path)
    await member.done(path, "prove", passed="true", reason="Asli dilihat")


async def won(office: Office, tender: Course) -> None:
    base = f"/pokja/{tender.id}"
    assert "Pemenang ditetapkan setelah pembuktian" in (await office["member1"].see(f"{base}/pemenang")).words
    await tender.begin("penetapan_pemenang")
    for n, notice in ((1, "Suara Anda tercatat."), (2, "pemenang telah ditetapkan.")):
        browser = office[f"member{n}"]
        assert due(await browser.see(base)) == ["Menetapkan"]
        page = await browser.see(f"{base}/pemenang")
        assert f"{n - 1} dari 3 anggota; diperlukan 2." in page.words
        await browser.done(f"{base}/pemenang", "approve")
        assert notice in Page(browser.html).words
    await tender.begin("pengumuman_pemenang")
    chair = office["member3"]
    assert due(await chair.see(base)) == ["Mengumumkan"]
    await chair.see(f"{base}/pemenang")
    await chair.done(f"{base}/pemenang", "announce")
    public = await chair.see(f"/tender/{tender.code}/evaluasi")
    assert "CV Bidder Pemenang" in public.words


async def objected(office: Office, tender: Course) -> None:
    member, base = office["member1"], f"/pokja/{tender.id}"
    await tender.begin("masa_sanggah")
    filed = await tender.do("rival", f"/tenders/{tender.id}/objections", {"text": "Mohon ditinjau."})
    assert due(await member.see(base)) == ["Menjawab sanggahan"]
    assert "Mohon ditinjau." in (await member.see(f"{base}/sanggah")).words
    path = f"{base}/sanggah/{filed['id']}"
    other = await drafted(office, await new_package(office))
    assert (await member.ask("GET", path.replace(tender.id, other.id))).status_code == 404, "not of that tender"
    await member.see(path)
    page = await member.press(path, status=422, upheld="false", text="Evaluasi sudah sesuai.")
    assert "Unggah surat jawaban sanggahan lebih dahulu." in page.words
    assert "Evaluasi sudah sesuai." in page.text
    letter = await tender.do("member1", f"/objections/{filed['id']}/documents", {"name": "jawaban.pdf"})
    given = await office.world.hand_in(member.who, letter)
    files = {f"files__0__{name}": value for name, value in {"file": letter["id"], **given}.items()}
    page = await member.press(path, status=422, text="", **files)
    assert given["sha256"] in page.words, "the letter need not be uploaded again"
    await member.done(path, text="Evaluasi sudah sesuai.")
    page = await member.see(f"{base}/sanggah")
    assert "Evaluasi sudah sesuai." in page.words
    assert "Sanggahan tidak benar" in page.words


async def appointed(office: Office, tender: Course, package: str) -> None:
    ppk = office["ppk-here"]
    page = await ppk.see(f"/paket/{package}")
    assert "Masa sanggah belum berakhir." in page.words
    assert "Mohon ditinjau." in page.words
    await tender.begin("sppbj")
    page = await ppk.see(f"/paket/{package}")
    assert f"/paket/{package}/sppbj" in {link["href"] for link in page.all("a")}
    await ppk.see(f"/paket/{package}/sppbj")
    await ppk.press(f"/paket/{package}/sppbj", status=422, number="")
    await ppk.done(f"/paket/{package}/sppbj", number="027/001/SPPBJ/2026")
    assert "027/001/SPPBJ/2026" in (await ppk.see(f"/paket/{package}")).words
    assert "SPPBJ sudah diterbitkan." in (await ppk.see(f"/paket/{package}/sppbj")).words
    page = await office["member1"].see(f"/pokja/{tender.id}")
    assert "Saat ini tidak ada yang perlu Anda lakukan." in page.words


@pytest.mark.long  # a browser goes the same way in tests/browser/test_whole_tender.py
async def test_a_tender_from_its_package_to_the_letter_of_appointment(office: Office) -> None:
    package = await new_package(office)
    tender = await drafted(office, package)
    await announced(office, tender)
    await explained(office, tender)
    bids = await competed(tender)
    await opened(office, tender)
    await evaluated(office, tender, bids)
    await proven(office, tender, bids)
    await won(office, tender)
    await objected(office, tender)
    await appointed(office, tender, package)
    for tab in (
        "",
        "/jadwal",
        "/dokumen",
        "/persetujuan",
        "/pertanyaan",
        "/pembukaan",
        "/evaluasi",
        "/pemenang",
        "/sanggah",
    ):
        await office["member2"].see(f"/pokja/{tender.id}{tab}")
    assert "Hanya tender yang sedang berjalan" in (await office["member2"].see(f"/pokja/{tender.id}/gagal")).words


async def test_a_tender_is_declared_failed_in_two_steps_and_its_package_waits_again(office: Office) -> None:
    package, member = await new_package(office), office["member1"]
    tender = await drafted(office, package)
    await announced(office, tender)
    path = f"/pokja/{tender.id}/gagal"
    await office.world.at(tender.stages["upload_penawaran"][1] + timedelta(minutes=1))
    await member.see(path)
    page = await member.press(path, "check", status=422, ground="F5")
    assert "Bukti: Ini harus diisi." in page.words
    page = await member.press(path, "check", status=200, ground="F4", evidence="")
    page = await member.press(path, "declare", status=422)
    assert 'Alasan "Tidak ada penawaran yang lulus evaluasi" tidak terpenuhi' in page.words
    assert waits(await member.see("/pokja"), package) is False
    await member.see(path)
    page = await member.press(path, "check", status=200, ground="F2", evidence="")
    assert "Tender berakhir tanpa pemenang" in page.words
    await member.done(path, "declare")
    assert "Pelelangan ulang" in Page(member.html).words
    assert waits(await member.see("/pokja"), package) is True
    assert "Gagal" in (await office["ppk-here"].see(f"/paket/{package}")).words
    assert "Tender ini gagal." in (await member.see(f"/pokja/{tender.id}")).words


def waits(page: Page, package: str) -> bool:
    return f"/pokja/baru?package={package}" in {link["href"] for link in page.all("a")}
