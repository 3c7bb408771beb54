"""The TypeScript of the portal: its types, its parts by themselves, and how it is bundled."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from cli import bundle
from cli.mistakes import Mistake

silent = lambda _said: None  # noqa: E731


BID = """<!doctype html><form data-totals="bid" data-hps="1000000.00" data-typed><table>
<tr data-quantity="2"><td class="wrong"><p class="error" id="why">None</p>
  <input name="offer.rows.0.unit_price" data-price aria-describedby="why"><output data-amount></output></td></tr>
<tr data-quantity="1"><td class="wrong"><p class="error">Unreadable</p>
  <input name="offer.rows.1.unit_price" data-price value="x"><output data-amount></output></td></tr></table>
<output data-total></output><p data-above hidden>Above</p><output data-total></output></form>"""


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    bundle.packages(silent)


def test_the_types_are_strict_and_right() -> None:
    done = bundle.node(Path("node_modules/typescript/bin/tsc"), "--project", ".")
    assert done.returncode == 0, done.stdout


def test_the_parts_do_what_they_say(tmp_path: Path) -> None:
    esbuild = Path("node_modules/esbuild/bin/esbuild")
    tests = sorted(path.relative_to(bundle.BROWSER) for path in (bundle.BROWSER / "test").glob("*.test.ts"))
    flags = ("--bundle", "--platform=node", "--format=esm", "--out-extension:.js=.mjs", f"--outdir={tmp_path}")
    built = bundle.node(esbuild, *tests, *flags, "--log-level=warning")
    assert built.returncode == 0, built.stderr
    done = bundle.node("--test", *sorted(tmp_path.glob("*.mjs")))
    assert done.returncode == 0, done.stdout[-6000:]
    assert "fail 0" in done.stdout


async def test_a_total_above_the_hps_is_told_and_a_mended_price_is_wrong_no_longer(
    chromium: Browser, tmp_path: Path
) -> None:
    flags = ("--bundle", "--format=iife", "--global-name=totals", f"--outfile={tmp_path / 'totals.js'}")
    built = bundle.node(Path("node_modules/esbuild/bin/esbuild"), "src/totals.ts", *flags, "--log-level=warning")
    assert built.returncode == 0, built.stderr
    page = await chromium.new_page()
    await page.route("http://portal.test/", lambda route: route.fulfill(body=BID, content_type="text/html"))
    await page.goto("http://portal.test/")
    await page.add_script_tag(content=f"{(tmp_path / 'totals.js').read_text()};totals.mountTotals(document)")
    wrong, above, prices = page.locator(".wrong"), page.locator("[data-above]"), page.locator("[data-price]")
    await expect(wrong).to_have_count(2)
    await prices.nth(0).fill("500.000")
    await expect(wrong).to_have_count(1)
    await expect(above).to_be_hidden()
    await prices.nth(1).fill("0,01")
    await expect(wrong).to_have_count(0)
    await expect(above).to_be_visible()
    await expect(page.locator("[data-total]")).to_have_text(["Rp 1.000.000,01"] * 2)
    await page.close()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the browser part without what was made of it before."""
    browser = tmp_path / "browser"
    shutil.copytree(bundle.BROWSER, browser, ignore=shutil.ignore_patterns("node_modules", ".building"))
    (browser / "node_modules").symlink_to(bundle.BROWSER / "node_modules")
    monkeypatch.setattr(bundle, "BROWSER", browser)
    monkeypatch.setattr(bundle, "GENERATED", tmp_path / "generated")
    return browser


def test_it_is_bundled_once_and_again_when_a_source_changed(elsewhere: Path) -> None:
    said: list[str] = []
    bundle.bundle(said.append)
    first = {path.name for path in bundle.GENERATED.glob("*.js")}
    assert {name.rpartition("-")[0] for name in first} == set(bundle.ENTRIES)
    assert bundle.is_bundled()
    bundle.bundle(said.append)
    assert said == ["bundling the portal's scripts"]
    with (elsewhere / "src" / "portal.ts").open("a") as source:
        source.write("document.title += '!';\n")
    assert not bundle.is_bundled()
    bundle.bundle(said.append)
    second = {path.name for path in bundle.GENERATED.glob("*.js")}
    assert len(second) == len(first)
    assert {name for name in second if name.startswith("hashing")} <= first, "what did not change keeps its name"
    assert not {name for name in second if name.startswith("portal")} & first


def test_two_at_a_time_make_it_once(elsewhere: Path) -> None:
    said: list[str] = []
    makers = [threading.Thread(target=bundle.bundle, args=(said.append,)) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert said.count("bundling the portal's scripts") == 1


def test_a_mistake_in_a_source_is_said_and_what_was_made_stays(elsewhere: Path) -> None:
    bundle.bundle(silent)
    before = {path: path.read_bytes() for path in bundle.GENERATED.iterdir()}
    (elsewhere / "src" / "portal.ts").write_text("const = 1;\n")
    with pytest.raises(Mistake, match=r"(?s)cannot be made.*portal\.ts:1:6"):
        bundle.bundle(silent)
    assert {path: path.read_bytes() for path in bundle.GENERATED.iterdir()} == before


def test_without_a_network_it_says_so(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "node_modules").unlink()
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(Mistake, match="no network: npm reached no registry"):
        bundle.bundle(silent)


def test_an_installed_distribution_needs_no_sources(elsewhere: Path) -> None:
    bundle.bundle(silent)
    (elsewhere / "node_modules").unlink()
    shutil.rmtree(elsewhere)
    bundle.bundle(silent)
    (bundle.GENERATED / "manifest.json").unlink()
    with pytest.raises(Mistake, match="cannot be made"):
        bundle.bundle(silent)


def test_nothing_that_is_bundled_is_committed() -> None:
    listed = subprocess.check_output(
        ["git", "ls-files", "gateway/static", "gateway/browser"], cwd=bundle.ROOT, text=True
    )
    assert not [path for path in listed.splitlines() if "generated" in path or "node_modules" in path]
    assert sys.prefix in str(bundle.NODE), "Node is the one that was locked"
