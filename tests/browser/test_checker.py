"""The page that checks receipts without us: from a disk, without a network, in both languages, on a phone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from gateway.pages.checker import standalone
from gateway.pages.language import LANGUAGES, load
from integrity.receipts import Original, verify
from tests.browser.conftest import DESK, PHONE, assert_accessible, assert_fits, picture
from tests.browser.test_both import pdf
from tests.integrity.an_lpse import FILE, RECORD, AnLpse
from tests.integrity.test_receipts import FINAL, LPSE, WRONG, flips

ID: Final = load("id")
ROOT: Final = LPSE.root
_ONE: Final = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"
    "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
TWINS: Final = _ONE, bytes(byte ^ 0x80 if at in {19, 45, 59, 83, 109, 123} else byte for at, byte in enumerate(_ONE))
"""Two files with one MD5 (Wang and others, 2004)."""
Open = Callable[..., Awaitable[Page]]


def upload(content: bytes, name: str = "tanda-terima.json") -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


@pytest.fixture
async def opened(scripts: None, chromium: Browser, tmp_path: Path) -> AsyncIterator[Open]:
    """`await opened(width=PHONE, root=None)`: nothing but the file itself may be asked for, and nothing may be complained of."""
    asked: list[str] = []
    complaints: list[str] = []
    context = await chromium.new_context(offline=True)

    async def open_page(*, width: int = DESK, root: bytes | None = LPSE.root_file(), before: str = "") -> Page:
        file = tmp_path / "periksa.html"
        file.write_bytes(standalone(root))
        page = await context.new_page()
        await page.set_viewport_size({"width": width, "height": 760})
        page.set_default_timeout(15_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if before:
            await page.add_init_script(before)
        await page.goto(file.as_uri())
        return page

    yield open_page
    await context.close()
    assert set(asked) == {(tmp_path / "periksa.html").as_uri()}
    assert complaints == []


async def checked(page: Page, receipt: bytes, *originals: bytes, record: str = "") -> list[tuple[str, str]]:
    """The marks and layers that the page shows of what it found."""
    await page.set_input_files("[name=receipt]", upload(receipt))
    await page.set_input_files("[name=originals]", [upload(one, "asli.pdf") for one in originals])
    await page.fill("[name=record]", record)
    await page.click("[type=submit]")
    await page.wait_for_selector("[data-check-result] .checks")
    found: list[tuple[str, str]] = await page.eval_on_selector_all(
        ".checks li",
        "items => items.map(one => [one.querySelector('.mark').textContent, one.querySelector('strong').textContent])",
    )
    return [(mark, layer) for mark, layer in found]


async def verdict(page: Page) -> str:
    kind = await page.get_attribute("[data-check-result] > .notice", "class")
    return (kind or "").removeprefix("notice").strip()


def expected(data: bytes, *originals: bytes) -> list[tuple[str, str]]:
    checks = verify(data, ROOT, [Original.of([one]) for one in originals]).checks
    return [(ID.words[f"checks.{one.state}"], f"{ID.words[f'checks.layer_{one.layer}']}:") for one in checks]


@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_a_final_receipt_holds_in_both_languages(opened: Open, pictures: Path | None, width: int) -> None:
    page = await opened(width=width)
    await expect(page.locator("[data-check-trust] .hash")).to_have_text(ROOT.fingerprint)
    await assert_accessible(page)
    await picture(page, pictures, f"pemeriksa-{width}")
    assert await checked(page, FINAL, FILE) == expected(FINAL, FILE)
    assert await verdict(page) == "good"
    result = page.locator("[data-check-result]")
    await expect(result).to_contain_text("Sen, 23 Nov 2026, 09.59.58,123 WIB")
    await expect(result).to_contain_text("inspektorat melihatnya pada")
    for lang in reversed(LANGUAGES):
        await page.click(f"[data-language={lang}]")
        assert await page.evaluate("document.activeElement.dataset.language") == next(iter({*LANGUAGES} - {lang}))
        assert await page.get_attribute("html", "lang") == lang
        assert await page.title() == load(lang).words["check.title"]
        await expect(result).to_contain_text(load(lang).words["checks.verdict_good"])
        await expect(page.locator("[data-check-trust]")).to_contain_text(load(lang).words["check.root_compare"])
        said = await page.inner_text("body")
        assert "check." not in said.replace("check. ", ""), "a word that is not in the page"
        assert "{" not in said
        await assert_fits(page)
        await assert_accessible(page)
        await picture(page, pictures, f"pemeriksa-benar-{lang}-{width}")


async def test_one_digit_changed_names_its_layer(opened: Open, pictures: Path | None) -> None:
    page = await opened(width=PHONE)
    seen = set()
    for _, data in flips(FINAL)[::23]:
        found = await checked(page, data)
        assert found == expected(data)
        assert await verdict(page) == "bad"
        seen |= {layer for mark, layer in found if mark == ID.words["checks.failed"]}
    assert len(seen) >= 5
    await assert_fits(page)
    await assert_accessible(page)
    await picture(page, pictures, "pemeriksa-salah-360")


async def test_what_is_provisional_is_to_be_downloaded_again(opened: Open) -> None:
    page = await opened()
    assert await checked(page, LPSE.provisional()) == expected(LPSE.provisional())
    assert await verdict(page) == ""
    await expect(page.locator("[data-check-result]")).to_contain_text(ID.words["checks.not_yet"])


async def test_a_file_is_the_one_handed_in_by_both_fingerprints(opened: Open) -> None:
    page = await opened()
    one, other = TWINS
    prints = [Original.of([twin]) for twin in TWINS]
    assert prints[0].md5 == prints[1].md5
    assert prints[0].sha256 != prints[1].sha256
    file = {"name": "harga.pdf", "size": 128, "md5": prints[0].md5, "sha256": prints[0].sha256}
    receipt = LPSE.final(receipt=LPSE.receipt(files=[file]))
    assert await checked(page, receipt, one) == expected(receipt, one)
    assert await verdict(page) == "good"
    assert await checked(page, receipt, one, other, FILE) == expected(receipt, one, other, FILE)
    assert await verdict(page) == "bad"
    words = await page.locator(".checks").inner_text()
    assert ID.words["checks.sha256_wrong"].format(name="harga.pdf") in words
    assert ID.words["checks.original_wrong"] in words


SLOW: Final = """
const read = Blob.prototype.arrayBuffer;
Blob.prototype.arrayBuffer = async function () { await new Promise((go) => setTimeout(go, 500)); return read.call(this); };
"""
"""As a large file is."""


async def test_what_was_found_of_one_file_is_not_shown_beside_another(opened: Open) -> None:
    page = await opened(before=SLOW)
    await page.set_input_files("[name=receipt]", upload(FINAL))
    await page.click("[type=submit]")
    await page.set_input_files("[name=receipt]", upload(WRONG[-1][0]))
    await asyncio.sleep(1.5)
    await expect(page.locator("[data-check-result]")).to_be_empty()
    await page.click("[type=submit]")
    await expect(page.locator("[data-check-result] > .notice")).to_have_class("notice bad")


async def test_a_record_may_come_beside(opened: Open) -> None:
    page = await opened()
    bare = LPSE.final(shown=False)
    assert await checked(page, bare, record=f"{RECORD}\n") == expected(FINAL)
    assert await verdict(page) == "good"
    await checked(page, bare, record='{"type":"another"}')
    await expect(page.locator(".checks")).to_contain_text(ID.words["checks.record_wrong"])
    assert await verdict(page) == "bad"


async def test_a_pdf_holds_the_receipt_and_its_seal_is_not_vouched_for(opened: Open, pictures: Path | None) -> None:
    page = await opened(width=PHONE)
    found = await checked(page, pdf(FINAL))
    assert found == [(ID.words["check.unchecked"], f"{ID.words['checks.layer_seal']}:"), *expected(FINAL)]
    assert await verdict(page) == "", "what is printed may be another thing"
    await expect(page.locator("[data-check-result]")).to_contain_text(ID.words["checks.seal_unchecked"])
    await assert_accessible(page)
    await picture(page, pictures, "pemeriksa-pdf-360")
    await checked(page, pdf(flips(FINAL)[40][1]))
    assert await verdict(page) == "bad"
    await checked(page, pdf(b"something else"))
    await expect(page.locator(".checks")).to_contain_text(ID.words["checks.no_receipt"])


async def test_nobody_is_said_to_have_seen_what_nobody_had_to_see(opened: Open) -> None:
    root = replace(ROOT, policy=ROOT.policy.replace("quorum both", "quorum none"))
    page = await opened(root=LPSE.root_file(root))
    await checked(page, LPSE.final(seen_by=()))
    assert await verdict(page) == "good"
    await expect(page.locator("[data-check-result]")).to_contain_text(ID.words["checks.witnesses_none"])


async def test_the_root_of_trust_may_be_chosen(opened: Open) -> None:
    page = await opened(root=None)
    trust, result = page.locator("[data-check-trust]"), page.locator("[data-check-result]")
    await expect(trust).to_contain_text(ID.words["check.root_none"])
    await page.click("[type=submit]")
    await expect(result).to_contain_text(ID.words["check.no_file"])
    await page.set_input_files("[name=receipt]", upload(FINAL))
    await page.click("[type=submit]")
    await expect(result).to_contain_text(ID.words["check.no_root"])
    await page.set_input_files("[name=root]", upload(LPSE.root_file(), "trust-root"))
    await expect(trust.locator(".hash")).to_have_text(ROOT.fingerprint)
    await checked(page, FINAL)
    assert await verdict(page) == "good"
    stranger = AnLpse("uji2")
    await page.set_input_files("[name=root]", upload(stranger.root_file(), "trust-root"))
    await expect(trust.locator(".hash")).to_have_text(stranger.root.fingerprint)
    await expect(result).to_be_empty()
    await checked(page, FINAL)
    await expect(result).to_contain_text(ID.words["checks.another_lpse"].format(host="uji", instance="uji2"))
    await page.set_input_files("[name=root]", upload(LPSE.root_file().replace(b"uji", b"iju"), "trust-root"))
    await expect(trust).to_contain_text(ID.words["check.root_wrong"])
    await page.click("[type=submit]")
    await expect(result).to_contain_text(ID.words["check.no_root"])


async def test_it_could_not_tell_anybody(chromium: Browser, scripts: None, tmp_path: Path) -> None:
    """What would connect, or run another script, is stopped by the page itself."""
    file = tmp_path / "periksa.html"
    file.write_bytes(standalone(LPSE.root_file()))
    page = await chromium.new_page()
    await page.goto(file.as_uri())
    tries: dict[str, Any] = {
        "connect-src": "fetch('https://example.org/').catch(() => null)",
        "img-src": "new Image().src = 'https://example.org/a.png'",
        "script-src-elem": "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))",
        "form-action": "(() => { const form = document.createElement('form'); form.action = 'https://example.org/'; document.body.append(form); form.submit(); })()",
    }
    for directive, attempt in tries.items():
        stopped = await page.evaluate(
            f"""() => new Promise((resolve) => {{
              document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), {{ once: true }});
              {attempt};
              setTimeout(() => resolve("nothing"), 3000);
            }})"""
        )
        assert stopped == directive
    assert await page.evaluate("window.ran") is None
    await page.close()


async def test_a_browser_without_ed25519_is_told_so(opened: Open) -> None:
    page = await opened(
        before="crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))"
    )
    await expect(page.locator("[data-check-result]")).to_contain_text(ID.words["check.no_ed25519"])
    await expect(page.locator("form")).to_be_hidden()
