"""A file, handed in with a browser: fingerprinted while it is sent, over lines that break, without filling the memory."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from cli.clocks import now
from cli.demo.cast import Bidder, npwp
from cli.demo.portal import Portal, User
from cli.demo.providers import sign_up
from cli.system import System
from services.registry.commands import providers as papers
from tests.browser.conftest import PHONE, Somebody, Visit, assert_accessible, assert_fits, logged_in, picture
from tests.browser.line import Line, line_to

PAGE = "/komponen"
"""The page of components shows the upload as any page has it; `prepare` tells it which paper it is for."""
MIB = 1 << 20
NUMBERS = count(4100)


@dataclass
class Provider:
    who: Somebody
    user: User
    body: dict[str, Any]

    async def papers(self) -> list[dict[str, Any]]:
        return list((await self.user.get("/api/registry/providers/mine"))["papers"])


@pytest.fixture
async def provider(system: System, portal: Portal) -> Provider:
    number = next(NUMBERS)
    bidder = Bidder(f"unggah{number}", f"CV Contoh Unggah {number}", "Penanggung Jawab", Decimal(1), 0)
    user, _ = await sign_up(portal, bidder, number)
    today = (await now(system.installation)).date()
    body = {
        "kind": "npwp",
        "number": npwp(number),
        "holder": bidder.name,
        "issued_on": str(today - timedelta(days=30)),
        "expires_on": str(today + timedelta(days=300)),
        "name": None,  # a paper is entered before its copy has a name
        "media_type": None,
    }
    return Provider(logged_in(user), user, body)


@pytest.fixture
async def line(system: System) -> AsyncIterator[Line]:
    async with line_to(int(system.installation.gateway.rpartition(":")[2])) as line:
        yield line


@pytest.fixture
def large_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paper may have the size of a bid, so that a test can take its time."""
    monkeypatch.setattr(papers, "LARGEST", 1 << 30)
    monkeypatch.setattr(papers, "MEDIA_TYPES", ("*/*",))


def make_file(folder: Path, size: int, name: str = "Akta pendirian (salinan) 'asli'.pdf") -> Path:
    file = folder / name
    file.write_bytes(hashlib.shake_128(name.encode()).digest(min(size, MIB)) * (size // MIB or 1))
    return file


def prints_of(file: Path) -> tuple[str, str]:
    content = file.read_bytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest(), hashlib.sha256(content).hexdigest()


async def prepare(page: Page, body: dict[str, Any], **attributes: str) -> None:
    given = {"body": json.dumps(body), **attributes}
    await page.evaluate("given => Object.assign(document.querySelector('[data-upload]').dataset, given)", given)


async def choose(page: Page, file: Path) -> None:
    await page.set_input_files("#file", file)


async def assert_received(page: Page, provider: Provider, file: Path) -> None:
    """On the page, after it was loaded anew, and at the owner."""
    await expect(page.locator(".upload .state")).to_contain_text(f"{file.name} diterima", timeout=60_000)
    md5, sha256 = prints_of(file)
    for kind, value in (("md5", md5), ("sha256", sha256)):
        row = page.locator(f".sent .{kind}")
        assert await row.locator(".mine").inner_text() == value
        assert await row.locator(".theirs").inner_text() == value
        assert "sama" in await row.inner_text()
    found = [paper for paper in await provider.papers() if paper["sha256"] == sha256]
    assert len(found) == 1


async def test_a_file_is_handed_in_by_keyboard_on_a_phone(
    visit: Visit, provider: Provider, tmp_path: Path, pictures: Path | None
) -> None:
    file = make_file(tmp_path, 200_000)
    page = await visit(PAGE, who=provider.who, width=PHONE)
    await prepare(page, provider.body)
    await page.focus("#file")
    await choose(page, file)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "send"
    await page.keyboard.press("Enter")
    await assert_received(page, provider, file)
    await assert_accessible(page)
    await assert_fits(page)
    await picture(page, pictures, "unggah-selesai-360")
    await page.set_viewport_size({"width": 1280, "height": 760})
    await picture(page, pictures, "unggah-selesai-1280")


async def test_what_is_collected_goes_along_with_its_form(visit: Visit, provider: Provider, tmp_path: Path) -> None:
    first, second = make_file(tmp_path, 1000, "satu.pdf"), make_file(tmp_path, 2000, "dua.pdf")
    page = await visit(PAGE, who=provider.who)
    await page.evaluate("document.querySelector('form').id = 'penawaran'")
    await prepare(page, provider.body, finish="", collect="#penawaran")
    for file in (first, second):
        await choose(page, file)
        await page.click(".upload .send")
        await expect(page.locator(".upload .state")).to_contain_text(f"{file.name} diunggah")
    fields = await page.evaluate(
        "[...new FormData(document.querySelector('#penawaran'))].filter(([name]) => /^(files|collected)/.test(name))"
    )
    given = dict(fields)
    assert {name.partition(".")[2] for name in given} == {
        *(f"{n}.{field}" for n in (0, 1) for field in ("file", "statement", "md5", "sha256")), "0", "1"
    }  # fmt: skip
    assert (given["files.0.md5"], given["files.0.sha256"]) == prints_of(first)
    assert given["collected.1"] == "dua.pdf"
    await page.locator(".sent").first.locator(".remove").click()
    await expect(page.locator(".upload .state")).to_contain_text("satu.pdf tidak ikut")
    await expect(page.locator(".sent")).to_have_count(1)
    await expect(page.locator("[name='files.0.file']")).to_have_count(0)
    await expect(page.locator("[name='files.1.file']")).to_have_count(1)


@pytest.mark.usefixtures("large_papers")
async def test_a_line_that_breaks_is_shown_and_mends_itself(
    visit: Visit, provider: Provider, tmp_path: Path, line: Line, pictures: Path | None
) -> None:
    file = make_file(tmp_path, 24 * MIB)
    page = await visit(PAGE, who=provider.who, base=line.url, width=PHONE)
    await prepare(page, provider.body)
    await choose(page, file)
    line.sent, line.cut_after = 0, 8 * MIB
    await page.click(".upload .send")
    await expect(page.locator(".upload .state")).to_contain_text("Sambungan terputus")
    await expect(page.locator(".upload .broken")).to_contain_text("Dicoba lagi dalam")
    await picture(page, pictures, "unggah-terputus-360")
    await assert_accessible(page)
    await expect(page.locator(".upload .broken")).to_contain_text("dalam 2 detik")  # the second pause is longer
    assert line.broke == 1
    line.mend()
    await page.click(".upload .again")
    await assert_received(page, provider, file)


async def test_an_answer_that_is_lost_is_asked_for_and_the_file_not_sent_again(
    visit: Visit, provider: Provider, tmp_path: Path, line: Line
) -> None:
    file = make_file(tmp_path, 3 * MIB)
    page = await visit(PAGE, who=provider.who, base=line.url)
    await prepare(page, provider.body)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    await choose(page, file)
    line.lose_answer = True
    await page.click(".upload .send")
    await assert_received(page, provider, file)
    assert line.broke == 1
    assert asked.count("PUT") == 1


async def test_a_portal_that_has_the_file_already_says_where_its_answer_is(
    visit: Visit, provider: Provider, tmp_path: Path
) -> None:
    file = make_file(tmp_path, 50_000)
    page = await visit(PAGE, who=provider.who)
    await prepare(page, provider.body)

    async def as_if_sent_before(route: Route) -> None:
        first = await route.fetch(post_data=file.read_bytes())
        assert first.status == 201
        second = await route.fetch(post_data=file.read_bytes())
        assert (await second.json())["upload"].startswith("/api/documents/uploads/")
        await route.fulfill(response=second)

    await page.route("**/api/documents/uploads", as_if_sent_before)
    await choose(page, file)
    await page.click(".upload .send")
    await assert_received(page, provider, file)


async def test_other_bytes_than_were_sent_are_noticed(visit: Visit, provider: Provider, tmp_path: Path) -> None:
    file = make_file(tmp_path, 50_000)
    page = await visit(PAGE, who=provider.who)
    await prepare(page, provider.body)

    async def on_the_way(route: Route) -> None:
        await route.continue_(post_data=file.read_bytes()[:-1] + b"!")

    await page.route("**/api/documents/uploads", on_the_way)
    await choose(page, file)
    await page.click(".upload .send")
    await expect(page.locator(".upload .refusal")).to_contain_text("berbeda")
    assert [paper for paper in await provider.papers() if paper["sha256"]] == []


async def test_a_cancelled_upload_can_begin_anew(visit: Visit, provider: Provider, tmp_path: Path, line: Line) -> None:
    file = make_file(tmp_path, 8 * MIB)
    page = await visit(PAGE, who=provider.who, base=line.url)
    await prepare(page, provider.body)
    await choose(page, file)
    line.pace = 0.05
    await page.click(".upload .send")
    await expect(page.locator(".upload .figures")).to_contain_text(" dari 8 MB")
    assert await page.evaluate("document.activeElement.className") == "quiet cancel"
    await page.keyboard.press("Enter")
    await expect(page.locator(".upload .state")).to_contain_text("dibatalkan")
    assert await page.evaluate("document.activeElement.className") == "send"
    line.pace = 0
    await page.keyboard.press("Enter")
    await assert_received(page, provider, file)


async def test_a_refusal_is_said_in_the_portals_words(
    visit: Visit, provider: Provider, tmp_path: Path, pictures: Path | None
) -> None:
    """In Indonesian where the catalogue has words, with what to do; in English as the service says it."""
    file = tmp_path / "foto.exe"
    file.write_bytes(b"x" * 100)
    for lang, detail, remedy in (
        ("id", "tidak dapat diserahkan di sini", "Yang dapat Anda lakukan: Kirim berkas berjenis tersebut"),
        ("en", "cannot be handed in here", "What you can do: Send one of these types"),
    ):
        page = await visit(PAGE, who=provider.who, lang=lang)
        await prepare(page, provider.body)
        await choose(page, file)
        await page.click(".upload .send")
        refusal = page.locator(".upload .refusal")
        await expect(refusal).to_contain_text(detail)
        await expect(refusal).to_contain_text(remedy)
        await picture(page, pictures, f"unggah-ditolak-{lang}")
        await assert_accessible(page)
        await choose(page, make_file(tmp_path, 10))
        await expect(refusal).to_be_hidden()


async def test_who_is_logged_out_meanwhile_is_told(visit: Visit, provider: Provider, tmp_path: Path) -> None:
    page = await visit(PAGE, who=provider.who)
    await prepare(page, provider.body)
    await choose(page, make_file(tmp_path, 1000))
    await page.context.clear_cookies()
    await page.click(".upload .send")
    await expect(page.locator(".upload .refusal")).to_be_visible()
    await expect(page.locator(".upload .send")).to_be_visible()


async def test_without_a_script_the_page_says_what_it_needs(chromium: Browser, system: System) -> None:
    context = await chromium.new_context(java_script_enabled=False, base_url=system.installation.gateway, locale="id")
    page = await context.new_page()
    await page.goto(PAGE)
    assert await page.locator(".upload .needs").is_visible()
    assert not await page.locator("#file").is_visible()
    await context.close()


@pytest.mark.long
@pytest.mark.usefixtures("large_papers")
async def test_three_hundred_megabytes_leave_the_memory_flat(
    chromium: Browser,
    visit: Visit,
    provider: Provider,
    tmp_path: Path,
    pictures: Path | None,
) -> None:
    """Chromium with all its processes grows by 150 MiB at most."""
    file = make_file(tmp_path, 300 * MIB, "besar.zip")
    page = await visit(PAGE, who=provider.who)
    await prepare(page, provider.body)
    warm = make_file(tmp_path, MIB, "kecil.pdf")
    await choose(page, warm)
    await page.click(".upload .send")
    await assert_received(page, provider, warm)
    before = await held(chromium)
    highest = before
    await prepare(page, provider.body)
    await choose(page, file)
    await page.click(".upload .send")
    done = page.locator(".upload .state", has_text="besar.zip diterima")
    while not await done.count():
        highest = max(highest, await held(chromium))
        assert await page.locator(".upload .refusal").inner_text() == ""
        await asyncio.sleep(0.2)
    grown = (highest - before) / MIB
    if pictures:
        (pictures / "memory.txt").write_text(f"Chromium grew by {grown:.0f} MiB for a file of 300 MiB\n")
    assert grown <= 150


async def held(chromium: Browser) -> int:
    """Bytes that all processes of this browser hold, shared ones in their share."""
    session = await chromium.new_browser_cdp_session()
    told = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    total = 0
    for process in told["processInfo"]:
        rollup = Path(f"/proc/{process['id']}/smaps_rollup")
        if rollup.exists() and os.access(rollup, os.R_OK):
            total += (
                next(int(row.split()[1]) for row in rollup.read_text().splitlines() if row.startswith("Pss:")) << 10
            )
    return total
