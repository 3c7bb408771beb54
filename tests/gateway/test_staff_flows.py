"""What people do at the desks, typed into the pages, as the five services take it."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import pyotp
from sqlalchemy import func, select

from gateway.pages.visit import NOTICE, form_token
from kit.clock import WIB
from kit.letters import LetterDiscarded
from kit.outbox import outbox
from services.helpdesk.models import Ticket
from tests.access.world import LETTER, World
from tests.gateway.test_pages import Page

FORM = "application/x-www-form-urlencoded"
Fields = Sequence[tuple[str, str]]
TERM = [("valid_from", "2026-01-01T00:00"), ("valid_to", "2030-01-01T00:00")]


async def see(world: World, who: str, path: str) -> Page:
    secret = await world.open_session(world.people[who])
    answer = await world.ask(None, "gateway", "GET", path, authorization=f"Bearer {secret}", accept="text/html")
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


async def send(world: World, who: str, path: str, *fields: tuple[str, str], key: str = "") -> httpx2.Response:
    secret = await world.open_session(world.people[who])
    typed = [("_token", form_token(secret)), ("_key", key or str(uuid4())), *fields]
    headers = {"authorization": f"Bearer {secret}", "content_type": FORM, "accept": "text/html"}
    return await world.ask(None, "gateway", "POST", path, urlencode(typed).encode(), **headers)


def went(answer: httpx2.Response) -> tuple[str, str | None]:
    """Where it led, and what the page there will say was done."""
    assert answer.status_code == 303, Page(answer.text).words
    return str(answer.headers["location"]), answer.cookies.get(NOTICE)


def refused(answer: httpx2.Response) -> Page:
    assert answer.status_code == 422, answer.text
    page = Page(answer.text)
    assert [one for one in page.all("section") if one.get("role") == "alert"]
    return page


async def test_a_verifier_admits_only_who_showed_every_original(world: World) -> None:
    path = f"/verifikasi/{world.records['provider applicant']}"
    page = await see(world, "verifikator", path)
    assert "Tidak ada yang menghalangi Berkas lengkap dan masih berlaku" in page.words
    originals = [("originals", str(one["value"])) for one in page.all("input") if one.get("name") == "originals"]
    assert len(originals) == 6
    decision = [("outcome", "verified"), ("place", "Ruang Verifikasi")]
    again = refused(await send(world, "verifikator", path, *decision, *originals[1:]))
    assert "Dasar: Perwali Mojokerto 21/2011 Pasal 9(1)a.2" in again.words
    assert again.words.count("berkas asli belum ditunjukkan") == 1
    assert next(one for one in again.all("input") if one.get("name") == "place")["value"] == "Ruang Verifikasi"
    assert len([one for one in again.all("input") if one.get("name") == "originals" and "checked" in one]) == 5
    decided = await send(world, "verifikator", path, *decision, *originals)
    assert went(decided) == ("/verifikasi", "provider_verified")
    assert "Terverifikasi" in (await see(world, "verifikator", path)).words


async def test_who_rings_up_gets_a_tracking_code_and_one_ticket_however_often_the_form_is_sent(world: World) -> None:
    fields = [("channel", "telepon"), ("category", "umum"), ("subject", "Ditelepon"), ("text", "Bagaimana?")]
    key = str(uuid4())
    first, second = [await send(world, "helpdesk", "/layanan/tiket", *fields, key=key) for _ in range(2)]
    assert first.status_code == second.status_code == 200
    codes = [re.findall(r'class="secret">([^<]+)<', answer.text) for answer in (first, second)]
    assert codes[0] == codes[1]
    assert len(codes[0]) == 2
    tracked = await world.ask(None, "helpdesk", "GET", "/tickets/tracked", lpse_tracking=codes[0][1])
    assert tracked.json()["subject"] == "Ditelepon"
    async with world.services["helpdesk"].database.reading() as db:
        query = select(func.count()).select_from(Ticket).where(Ticket.subject == "Ditelepon")
        assert (await db.execute(query)).scalar_one() == 1
    listed = await see(world, "helpdesk", "/layanan/tiket")
    [path] = {str(one["href"]) for one in Page(first.text).all("a") if re.search("/layanan/tiket/.+", str(one["href"]))}
    assert path in {one["href"] for one in listed.all("a")}
    empty = await send(world, "helpdesk", path, ("_do", "answer"), ("text", ""))
    assert "Isi: Ini harus diisi." in refused(empty).words
    assert went(await send(world, "helpdesk", path, ("_do", "answer"), ("text", "Begini.")))[0] == path
    assert "Begini." in (await see(world, "helpdesk", path)).words
    assert went(await send(world, "helpdesk", path, ("_do", "close"))) == ("/layanan/tiket", "ticket_closed")
    assert (await send(world, "helpdesk", path, ("_do", "answer"), ("text", "Lagi."))).status_code == 409


async def test_a_complaint_goes_to_both_before_it_is_answered(world: World) -> None:
    path = f"/layanan/pengaduan/{world.records['complaint']}"
    early = refused(await send(world, "ketua_lpse", path, ("_do", "answer"), ("text", "Sudah.")))
    assert "Pengaduan ini belum diteruskan" in early.words
    forwarding = [("_do", "forward"), ("letter_number", "045/7")]
    half = refused(await send(world, "helpdesk", path, *forwarding, ("recipients", "lpse_pusat")))
    assert "Dasar: Perwali Mojokerto 21/2011 Pasal 18(2)" in half.words
    assert next(one for one in half.all("input") if one.get("name") == "letter_number")["value"] == "045/7"
    both = [("recipients", "lpse_pusat"), ("recipients", "tim_pengarah")]
    assert went(await send(world, "helpdesk", path, *forwarding, *both)) == (path, "complaint_forwarded")
    assert went(await send(world, "ketua_lpse", path, ("_do", "answer"), ("text", "Sudah.")))[0] == path
    words = (await see(world, "inspektur", path)).words
    assert "Tim Pengarah: surat nomor 045/7" in words
    assert "Sudah." in words


async def test_what_is_wrong_with_a_group_of_boxes_stands_with_it_and_the_summary_leads_there(world: World) -> None:
    await world.do(None, "helpdesk", "/complaints", {"category": "umum", "text": "Satu hal lagi."})
    listed = (await world.see(world.people["helpdesk"], "helpdesk", "/complaints"))["items"]
    complaint = next(row["id"] for row in listed if row["forwarded_at"] is None)
    for who, path, name, fields in (
        ("helpdesk", f"/layanan/pengaduan/{complaint}", "recipients", [("letter_number", "045/7")]),
        ("admin_agency", "/admin/pokja", "members", [("name", "Pokja Tiga"), ("decree_number", "188/77"), *TERM]),
    ):
        page = refused(await send(world, who, path, ("_do", "forward"), *fields, (name, "x")))
        [group] = [one for one in page.all("fieldset") if one.get("id") == name]
        assert f"{name}-error" in str(group["aria-describedby"]).split(), name
        assert {"class": "error", "id": f"{name}-error"} in page.all("p"), name
        assert {one.get("aria-invalid") for one in page.all("input") if one.get("name") == name} == {"true"}, name
        assert f"#{name}" in {one.get("href") for one in page.all("a")}, name


async def test_maintenance_is_announced_once_each_tender_it_hits_is_acknowledged(world: World) -> None:
    code = world.records["code running"]
    tender = await world.see(None, "tender", f"/public/tenders/{code}")
    closes = datetime.fromisoformat(tender["closes_at"]).astimezone(WIB)
    window = [
        (name, f"{closes + shift:%Y-%m-%dT%H:%M}")
        for name, shift in (("starts_at", timedelta(hours=-1)), ("ends_at", timedelta(hours=1)))
    ]
    fields = [("title", "Server"), ("text", "Mati sebentar."), *window]
    page = refused(await send(world, "helpdesk", "/layanan/pengumuman", *fields))
    ticks = [str(one["value"]) for one in page.all("input") if one.get("name") == "acknowledged"]
    assert code in ticks
    assert not [one for one in page.all("input") if one.get("name") == "acknowledged" and "checked" in one]
    acknowledged = [("acknowledged", one) for one in ticks]
    done = await send(world, "helpdesk", "/layanan/pengumuman", *fields, *acknowledged)
    assert went(done) == ("/layanan/pengumuman", "maintenance_announced")
    assert "Mati sebentar." in (await see(world, "helpdesk", "/layanan/pengumuman")).words


async def test_an_official_gets_an_account_whose_secrets_are_shown_once_and_work(world: World) -> None:
    fields = [("user_id", "baru.sekali"), ("name", "Baru Sekali"), ("email", "baru@contoh.example")]
    key = str(uuid4())
    made = await send(world, "admin_agency", "/admin/akun", *fields, key=key)
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    user_id, password, grouped = re.findall(r'class="secret">([^<]+)<', made.text)
    assert {len(group) for group in grouped.split()} == {4}
    again = await send(world, "admin_agency", "/admin/akun", *fields, key=key)
    assert again.status_code == 200
    assert password not in again.text
    assert "sudah pernah ditampilkan" in again.text
    listed = await see(world, "admin_ppe", "/admin/akun?cari=baru+sekali")
    assert "baru.sekali" in listed.words
    assert password not in listed.words
    login = {"user_id": user_id, "password": password, "totp": pyotp.TOTP(grouped.replace(" ", "")).now()}
    assert (await world.ask(None, "registry", "POST", "/sessions", login)).status_code == 201


async def test_letters_and_committees_are_refused_as_the_rules_say(world: World) -> None:
    page = await see(world, "admin_agency", "/admin/surat-tugas?cari=member1")
    assert "member1 (member1)" in page.words
    letter = [("letter_number", "800/77"), ("issuer", "Sekretaris Daerah"), ("original_seen", "true"), *TERM]
    member = ("account", str(world.people["member1"].account))
    both = refused(await send(world, "admin_agency", "/admin/surat-tugas", member, ("role", "auditor"), *letter))
    assert "Yang sedang menjabat Pokja tidak dapat sekaligus menjadi Auditor." in both.words
    assert "800/77" in [one.get("value") for one in both.all("input")]
    unseen = [field for field in letter if field[0] != "original_seen"]
    user = ("account", str(world.people["user"].account))
    blind = refused(await send(world, "admin_agency", "/admin/surat-tugas", user, ("role", "pokja"), *unseen))
    assert "sedangkan aslinya belum diperlihatkan" in blind.words
    done = await send(world, "admin_agency", "/admin/surat-tugas", user, ("role", "trainer"), *letter)
    assert went(done) == ("/admin/surat-tugas", "letter_registered")
    assert "800/77" in (await see(world, "auditor", "/admin/surat-tugas")).words

    people = await see(world, "admin_agency", "/admin/pokja")
    offered = {one["value"] for one in people.all("input") if one.get("name") == "members"}
    holders = [("members", str(world.people[f"member{n}"].account)) for n in (1, 2, 3)]
    assert {account for _, account in holders} <= offered
    assert user[1] not in offered
    decree = [("name", "Pokja Tiga"), ("decree_number", "188/77"), *TERM]
    even = refused(await send(world, "admin_agency", "/admin/pokja", *decree, *holders[:2]))
    assert "berjumlah gasal, paling sedikit tiga; yang ini 2." in even.words
    assert len([one for one in even.all("input") if one.get("name") == "members" and "checked" in one]) == 2
    assert went(await send(world, "admin_agency", "/admin/pokja", *decree, *holders))[1] == "committee_formed"

    unit = [("code", "9.77"), ("name", "Dinas Tujuh"), ("valid_from", "2026-01-01"), ("parent", "1.01.01")]
    assert went(await send(world, "admin_agency", "/admin/skpd", *unit))[1] == "skpd_registered"
    assert (await send(world, "admin_agency", "/admin/skpd", *unit)).status_code == 409
    assert "9.77 Dinas Tujuh" in (await see(world, "admin_agency", "/admin/skpd")).words


async def test_the_admin_ppe_discards_a_dead_letter_and_the_act_is_on_record(world: World) -> None:
    page = await see(world, "admin_ppe", "/sistem")
    paths = {f"/sistem/{name}/{LETTER}" for name in world.services}
    assert paths <= {one["href"] for one in page.all("a")}
    path = f"/sistem/helpdesk/{LETTER}"
    assert "rubbish" in (await see(world, "admin_ppe", path)).words
    unsure = refused(await send(world, "admin_ppe", path, ("_do", "discard")))
    assert "Centang persetujuan" in unsure.words

    async def acts() -> int:
        async with world.services["helpdesk"].database.reading() as db:
            query = select(func.count()).select_from(outbox).where(outbox.c.type == LetterDiscarded.TYPE)
            return int((await db.execute(query)).scalar_one())

    assert await acts() == 0
    done = await send(world, "admin_ppe", path, ("_do", "discard"), ("sure", "true"))
    assert went(done) == ("/sistem", "letter_discarded")
    assert await acts() == 1
