"""Somebody at a browser without scripts: sees pages, fills in the forms that are there, presses their buttons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx2

from gateway.pages.visit import NOTICE
from tests.access.world import Person, World
from tests.gateway.test_pages import Page, check_labels, check_make

__all__ = ["Browser", "HtmlForm", "forms_of"]


@dataclass
class HtmlForm:
    """What a browser would send of it; `offered` are all names it has, `buttons` what can be pressed."""

    action: str
    method: str
    values: list[tuple[str, str]] = field(default_factory=list)
    offered: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, given: Mapping[str, str], button: tuple[str, str]) -> list[tuple[str, str]]:
        kept = [(name, value) for name, value in self.values if name not in given]
        return [*kept, *given.items(), *([button] if button[0] else [])]


class _Forms(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self._form: HtmlForm | None = None
        self._ahead: dict[str, list[tuple[str, str]]] = {}
        self._text: str | None = None
        self._name = ""
        self._options: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = HtmlForm(given.get("action", ""), given.get("method", "get"))
            self._form.values += self._ahead.pop(given.get("id", ""), [])
            self.forms.append(self._form)
        elif tag == "input" and given.get("form"):  # stands before the form it belongs to
            self._ahead.setdefault(given["form"], []).append((given.get("name", ""), given.get("value", "")))
        elif self._form is not None and tag in {"input", "textarea", "select", "button"}:
            self._control(self._form, tag, given, checked="checked" in given)
        elif tag == "option":
            self._options.append((given.get("value", ""), "selected" in given))

    def _control(self, form: HtmlForm, tag: str, given: dict[str, str], *, checked: bool) -> None:
        name = given.get("name", "")
        if tag == "button":
            form.buttons.append((name, given.get("value", "")))
            return
        form.offered.add(name)
        if tag == "textarea":
            self._name, self._text = name, ""
        elif tag == "select":
            self._name, self._options = name, []
        elif name and (given.get("type") not in {"radio", "checkbox"} or checked):
            form.values.append((name, given.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._form is not None:
            self._form.values.append((self._name, (self._text or "").removeprefix("\n")))
            self._text = None
        elif tag == "select" and self._form is not None and self._options:
            chosen = next((value for value, selected in self._options if selected), self._options[0][0])
            self._form.values.append((self._name, chosen))
        elif tag == "form":
            self._form = None


def forms_of(html: str) -> list[HtmlForm]:
    return _Forms(html).forms


@dataclass
class Browser:
    world: World
    who: Person
    secret: str
    html: str = ""
    """The page that is shown now."""

    @classmethod
    async def of(cls, world: World, who: Person) -> "Browser":
        return cls(world, who, await world.open_session(who))

    async def ask(
        self, method: str, path: str, body: bytes | None = None, lang: str = "id", **more: str
    ) -> httpx2.Response:
        headers = more | {"accept": "text/html", "accept-language": lang, "authorization": f"Bearer {self.secret}"}
        if body is not None:
            headers |= {"content_type": "application/x-www-form-urlencoded", "sec_fetch_site": "same-origin"}
        return await self.world.ask(self.who, "gateway", method, path, body, **headers)

    async def see(self, path: str) -> Page:
        """The page, well made in both languages."""
        for lang in ("en", "id"):
            answer = await self.ask("GET", path, lang=lang)
            assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
            page = self._shown(answer, lang)
        return page

    def _shown(self, answer: httpx2.Response, lang: str = "id") -> Page:
        self.html = answer.text
        page = Page(answer.text)
        check_make(page, lang)
        check_labels(page)
        return page

    async def press(self, path: str, button: str = "", *, status: int, **given: str) -> Page:
        """Fill in a form of the page that is shown, press a button of it (`_do`), and see the page that follows."""
        answer = await self.send(path, button, **given)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        return self._shown(answer)

    async def done(self, path: str, button: str = "", **given: str) -> str:
        """As `press`, for what leads on to another page, which is shown: its address."""
        answer = await self.send(path, button, **given)
        assert answer.status_code == 303, f"{path}: {answer.status_code} {Page(answer.text).words}"
        onward = answer.headers["location"]
        await self.see(onward)
        shown = await self.ask("GET", onward, cookie=f"{NOTICE}={answer.cookies.get(NOTICE)}")
        said = [p for p in self._shown(shown).all("p") if p.get("role") == "status"]
        assert said, f"{onward} does not say what was done"
        return str(onward)

    async def send(self, path: str, button: str = "", **given: str) -> httpx2.Response:
        named = {name.replace("__", "."): value for name, value in given.items()}
        form = self.form(button, *named)
        pressed = ("_do", button) if ("_do", button) in form.buttons else ("", "")
        body = urlencode(form.filled(named, pressed)).encode()
        return await self.ask("POST", form.action or path, body)

    def form(self, button: str, *names: str) -> HtmlForm:
        """The first that has these fields, and this button or hidden word."""
        for form in forms_of(self.html):
            does = not button or ("_do", button) in [*form.buttons, *form.values]
            hidden = {name for name in names if name.startswith("files.")}
            if (
                form.method == "post"
                and does
                and set(names) - hidden <= form.offered
                and not form.action.startswith("/unduh")
            ):
                return form
        raise AssertionError(f"no form with {button} and {names} in {Page(self.html).words}")
