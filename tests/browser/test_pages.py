"""Every page in a browser: on a phone and on a desk, in light and dark, for keyboard and screen reader."""

from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import pyotp
import pytest
from playwright.async_api import Page

from cli.demo.cast import Bidder
from cli.demo.portal import Portal
from cli.demo.providers import sign_up
from cli.system import System
from tests.browser.conftest import DESK, PHONE, Show, Somebody, Visit, assert_accessible, assert_fits, picture

PUBLIC = (
    *("/", "/tender", "/masuk", "/daftar", "/bantuan", "/periksa", "/pengaduan", "/pengaduan/lacak", "/tanya"),
    *("/tanya/lacak", "/pengumuman-lpse", "/komponen", "/log", "/tidak-ada"),
)
OWN = (
    *(("ppk", path) for path in ("/beranda", "/akun", "/keluar", "/paket", "/paket/baru")),
    ("pokja", "/pokja"),
    ("verifikator", "/verifikasi"),
    *(("helpdesk", f"/layanan/{desk}") for desk in ("tiket", "pengaduan", "pengumuman")),
    *(("admin_agency", f"/admin/{desk}") for desk in ("akun", "surat-tugas", "skpd", "pokja")),
    ("admin_ppe", "/sistem"),
    *(("penyedia", path) for path in ("/penyedia", "/penyedia/berkas?jenis=npwp", "/penyedia/formulir-pendaftaran")),
    *(("penyedia", path) for path in ("/kotak-masuk", "/ikut", "/penawaran")),
)
"""What is only there once a tender runs is looked at in test_whole_tender.py."""
NAMES = {"/": "home"}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


def name_of(path: str) -> str:
    return NAMES.get(path, path.partition("?")[0].strip("/").replace("/", "-"))


async def looked_at(show: Show, pictures: Path | None, path: str, who: Somebody | None) -> None:
    """One visit in all four looks; what has to do with colours alone is asked again in the dark."""
    page = await show(path, who)
    await assert_accessible(page)
    for width in (PHONE, DESK):
        await page.set_viewport_size({"width": width, "height": 760})
        await assert_fits(page)
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            await picture(page, pictures, f"{name_of(path)}-{width}-{scheme}")
    await assert_accessible(page, "color-contrast")


@pytest.mark.parametrize("path", PUBLIC)
async def test_a_public_page_fits_and_is_accessible(show: Show, pictures: Path | None, path: str) -> None:
    await looked_at(show, pictures, path, None)


@pytest.fixture(scope="module")
async def people(system: System, officials: dict[str, Somebody]) -> dict[str, Somebody]:
    """The officials, and a provider who has just registered."""
    cast = Bidder("halaman", "CV Contoh Halaman", "Penanggung Jawab", Decimal(1), 0)
    async with Portal(system.installation.gateway) as portal:
        await sign_up(portal, cast, 4050)
    return officials | {"penyedia": Somebody(cast.user_id, f"Contoh-{cast.user_id}-2026")}


@pytest.mark.parametrize(("role", "path"), OWN)
async def test_ones_own_page_fits_and_is_accessible(
    show: Show, pictures: Path | None, people: dict[str, Somebody], role: str, path: str
) -> None:
    await looked_at(show, pictures, path, people[role])


async def test_english_fits_too(visit: Visit, pictures: Path | None) -> None:
    page = await visit("about:blank", width=PHONE, lang="en")
    for path in PUBLIC:
        await page.goto(path)
        assert await page.get_attribute("html", "lang") == "en"
        await picture(page, pictures, f"{name_of(path)}-en-{PHONE}")
        await assert_fits(page)


async def tab_to(page: Page, selector: str, most: int = 40) -> None:
    """By the Tab key alone; whatever has the focus on the way shows it."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        shown = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert shown, await page.evaluate("document.activeElement.outerHTML")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{most} times Tab did not lead to {selector}")


async def test_the_first_tab_leads_past_the_frame(visit: Visit) -> None:
    page = await visit("/")
    await tab_to(page, ".skip", most=1)
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "isi"


@pytest.mark.parametrize(
    ("role", "path", "menus"), [(None, "/tender", 1), ("ppk", "/paket", 2), ("helpdesk", "/layanan/tiket", 2)]
)
async def test_on_a_phone_the_head_leaves_room_and_its_menus_open_by_keyboard(
    visit: Visit, officials: dict[str, Somebody], pictures: Path | None, role: str | None, path: str, menus: int
) -> None:
    page = await visit(path, who=officials[role] if role else None, width=PHONE)
    top = await page.evaluate("document.querySelector('main').getBoundingClientRect().top")
    assert top <= 60 + 80 * menus, "the training instance's notice is part of it"
    buttons, navs = page.locator(".menu summary"), page.locator(".menu + nav")
    assert await buttons.count() == await navs.count() == menus
    await picture(page, pictures, f"kepala-{role}-360")
    for at in range(menus):
        assert not await navs.nth(at).is_visible()
        await buttons.nth(at).focus()
        await page.keyboard.press("Enter")
        assert await navs.nth(at).is_visible()
        await page.keyboard.press("Tab")
        assert await navs.nth(at).locator("a:focus").count() == 1, "what opens comes next"
    await assert_fits(page)
    await assert_accessible(page)
    await picture(page, pictures, f"kepala-{role}-terbuka-360")
    await page.set_viewport_size({"width": DESK, "height": 760})
    assert not [one for one in await buttons.all() if await one.is_visible()]
    assert all([await one.is_visible() for one in await navs.all()])
    await picture(page, pictures, f"kepala-{role}-1280")


async def test_logging_in_and_out_by_keyboard(visit: Visit, officials: dict[str, Somebody]) -> None:
    who = officials["auditor"]
    assert who.totp_secret
    page = await visit("/masuk", width=PHONE)
    await tab_to(page, "#user_id")
    await page.keyboard.type(who.user_id)
    await tab_to(page, "#password", most=1)
    await page.keyboard.type("salah sekali")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".summary")
    assert await page.evaluate("document.activeElement.className") == "notice bad summary", (
        "what is wrong is read first"
    )
    assert await page.input_value("#user_id") == who.user_id
    await assert_accessible(page)
    await tab_to(page, "#password")
    await page.keyboard.type(who.password)
    await tab_to(page, "#totp", most=1)
    await page.keyboard.type(pyotp.TOTP(who.totp_secret).now())
    await tab_to(page, "button[type=submit]", most=1)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/beranda")
    await tab_to(page, ".menu summary")
    await page.keyboard.press("Enter")
    await tab_to(page, "a[href='/keluar']")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/keluar")
    await page.evaluate("localStorage.setItem('lpse.penawaran.x', '850.000')")
    await tab_to(page, "main button")
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda url: url.endswith("/"))
    assert await page.evaluate("localStorage.length") == 0, "sealed prices stay on no shared computer"
    await page.goto("/beranda")
    assert "/masuk?kembali=" in page.url


async def test_searching_by_keyboard(visit: Visit) -> None:
    page = await visit("/tender")
    await tab_to(page, "input[name=q]")
    await page.keyboard.type("laboratorium")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/tender?**q=laboratorium**")
    assert await page.input_value("input[name=q]") == "laboratorium"
    await page.go_back()
    assert await page.input_value("input[name=q]") in {"", "laboratorium"}


async def test_the_portal_names_no_other_host(visit: Visit) -> None:
    page = await visit("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PUBLIC:
        await page.goto(path)
    ours = await page.evaluate("location.origin")
    assert [url for url in asked if not url.startswith(ours)] == []
