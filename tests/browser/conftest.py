"""The whole system in this process and Debian's Chromium in front of it, driven by Playwright.

`visit(...)` opens a page as somebody; whatever Chromium complains about in it (an error of a script, something the policy
forbids) fails the test. `./lpse test tests/browser`; LPSE_SCREENSHOTS=DIR keeps pictures.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyotp
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Playwright, async_playwright

from cli import bundle, clocks
from cli.demo.portal import Portal, User
from cli.servers import chromium_available, install_chromium, may_install
from cli.servers.chromium import CHROMIUM, NEEDED
from cli.system import Options, System, Trainee, spare_port
from cli.up import running
from gateway.session import cookie_name
from tests.conftest import USED, reachable

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--renderer-process-limit=1",  # starts none for a page that may come
)
PHONE, DESK = 360, 1280
AXE = bundle.BROWSER / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = frozenset({"serious", "critical"})


@pytest.fixture(scope="session")
async def chromium_installed(request: pytest.FixtureRequest) -> None:
    if not chromium_available():
        if not may_install():
            if request.config.getoption("--require-backends"):
                pytest.fail(NEEDED)
            pytest.skip(NEEDED)
        await install_chromium()


@pytest.fixture(scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as started:
        yield started


@pytest.fixture(scope="session")
async def chromium(chromium_installed: None, playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(
        executable_path=str(CHROMIUM), headless=True, chromium_sandbox=False, args=list(FLAGS)
    )
    USED.add(f"chromium {browser.version}")
    yield browser
    await browser.close()


@pytest.fixture(scope="session")
def scripts() -> None:
    """The bundle and axe, before a gateway starts, which reads the bundle's name once."""
    bundle.packages(print)
    bundle.bundle(print)


@pytest.fixture(scope="session")
async def system(scripts: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    home = reachable(tmp_path_factory.mktemp("system"))
    async with running(Options(var=home, port=spare_port(), prefix="uji")) as system:
        yield system


@pytest.fixture
async def portal(system: System) -> AsyncIterator[Portal]:
    """The API, to prepare what a page then shows."""
    async with Portal(system.installation.gateway) as portal:
        yield portal


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where somebody wants to see them; to take them for nobody costs as much as all the rest of a page."""
    if not (named := os.environ.get("LPSE_SCREENSHOTS")):
        return None
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Somebody:
    """Who can log in through the page; a one-time code is good once, so the session is kept for the next page."""

    user_id: str
    password: str
    totp_secret: str | None = None
    session: Any = field(default=None, repr=False)


@pytest.fixture(scope="session")
def officials(system: System) -> dict[str, Somebody]:
    """By user id, and by role the first who holds it."""
    found: dict[str, Somebody] = {}
    for trainee in system.trainees:
        somebody = _somebody(trainee)
        found[trainee.user_id] = somebody
        found.setdefault(trainee.role, somebody)
    return found


def logged_in(user: User) -> Somebody:
    """Who opened a session at the API goes on with it in the browser, without a second login: each takes a second."""
    cookie = {"name": cookie_name(secure=False), "value": user.session, "domain": "127.0.0.1", "path": "/"}
    session = {"cookies": [{**cookie, "expires": -1, "httpOnly": True, "secure": False, "sameSite": "Lax"}]}
    return Somebody(user.name, "", session=session)


def _somebody(trainee: Trainee) -> Somebody:
    return Somebody(trainee.user_id, trainee.password, trainee.totp_secret)


Visit = Callable[..., Awaitable[Page]]


@pytest.fixture
async def visit(chromium: Browser, system: System) -> AsyncIterator[Visit]:
    """`await visit("/log", who=officials["pokja"], width=PHONE, scheme="dark", lang="en", base="http://...")`."""
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_page(
            path: str,
            *,
            who: Somebody | None = None,
            width: int = DESK,
            scheme: Literal["light", "dark"] = "light",
            lang: str = "id",
            base: str = system.installation.gateway,
            complaints_expected: bool = False,
            scripts: bool = True,
        ) -> Page:
            context = await chromium.new_context(
                base_url=base,
                viewport={"width": width, "height": 760},
                color_scheme=scheme,
                locale=lang,
                storage_state=who.session if who else None,
                java_script_enabled=scripts,
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(15_000)
            if not complaints_expected:
                _listen(page, complaints)
            if who and who.session is None:
                await log_in(page, who)
            await page.goto(path)
            return page

        yield open_page
    assert complaints == []


Show = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def window(chromium: Browser, system: System) -> AsyncIterator[Page]:
    context = await chromium.new_context(base_url=system.installation.gateway, locale="id")
    page = await context.new_page()
    page.set_default_timeout(15_000)
    yield page
    await context.close()


@pytest.fixture
async def show(window: Page) -> AsyncIterator[Show]:
    """`await show("/log", officials["pokja"])`: as `visit` on a phone, for a test that only looks.

    The page is the one that the test before looked at: a new one starts processes of Chromium, and that takes longer than
    to look. Nothing but the session is changed from one to the next, so who leaves something in the browser visits.
    """
    complaints: list[str] = []

    async def turn_to(path: str, who: Somebody | None = None) -> Page:
        await window.set_viewport_size({"width": PHONE, "height": 760})
        await window.emulate_media(color_scheme="light")
        await window.context.clear_cookies()
        if who and who.session:
            await window.context.add_cookies(who.session["cookies"])
        elif who:
            await log_in(window, who)
        await window.goto(path)
        return window

    heard = _listen(window, complaints)
    yield turn_to
    for event, listener in heard.items():
        window.remove_listener(event, listener)
    assert complaints == []


def _listen(page: Page, complaints: list[str]) -> dict[str, Callable[[Any], None]]:
    """What listens, by event."""

    def heard(message: ConsoleMessage) -> None:
        # a page that answers 404 or a form that is refused is no mistake of the page
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(f"{page.url}: {message.text}")

    def broke(error: Error) -> None:
        complaints.append(f"{page.url}: {error}")

    listeners = {"console": heard, "pageerror": broke}
    for event, listener in listeners.items():
        page.on(event, listener)
    return listeners


async def log_in(page: Page, who: Somebody) -> None:
    """Through the page, as people do."""
    await page.goto("/masuk")
    await page.fill("#user_id", who.user_id)
    await page.fill("#password", who.password)
    if who.totp_secret:
        await page.fill("#totp", pyotp.TOTP(who.totp_secret).now())
    await page.click("form button[type=submit]")
    await page.wait_for_url("**/beranda")
    who.session = await kept(page.context)


async def kept(context: BrowserContext) -> Any:
    """The session, for another page of the same person."""
    return await context.storage_state()


async def set_clock(system: System, action: str, at: Any = None) -> None:
    """Move the training clock: `stop`, `set` or `run`."""
    await clocks.move(system.installation, action, at)


async def picture(page: Page, folder: Path | None, name: str) -> None:
    if folder:
        await page.screenshot(path=folder / f"{name}.png", full_page=True)


async def assert_accessible(page: Page, *rules: str) -> None:
    """Nothing that axe calls serious or critical, by all of its rules or by those named."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    asked = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = await page.evaluate("asked => axe.run(document, asked)", asked)
    grave = [
        f"{page.url}: {one['id']} ({one['impact']}): {one['help']}: "
        + "; ".join(f"{' '.join(map(str, node['target']))}: {node['failureSummary']}" for node in one["nodes"][:5])
        for one in found["violations"]
        if one["impact"] in GRAVE
    ]
    assert grave == []


async def assert_fits(page: Page) -> None:
    """Nobody has to scroll sideways to read; what is too wide by nature scrolls by itself."""
    wide = await page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.body.querySelectorAll("*")]
            .filter((one) => one.getBoundingClientRect().right > width + 0.5)
            .slice(-5).map((one) => one.outerHTML.slice(0, 120));
        }"""
    )
    assert wide == [], page.url
