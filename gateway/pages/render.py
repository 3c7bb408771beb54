"""Templates, the words they are filled with, and the frame that all pages share."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.pages import formats
from gateway.pages.desks import desks
from gateway.pages.language import COOKIE, LANGUAGES, Catalogue, chosen, load
from gateway.upstream import Upstream
from kit.problems import Problem
from kit.settings import GatewaySettings

__all__ = ["STATIC", "Renderer"]

HERE: Final = Path(__file__).parents[1]
STATIC: Final = HERE / "static"
YEAR: Final = 365 * 24 * 3600


class Renderer:
    def __init__(self, settings: GatewaySettings, tender: Upstream) -> None:
        self._settings, self._tender = settings, tender
        self._catalogues = {language: load(language) for language in LANGUAGES}
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["style"] = f"/static/lpse.css?v={_hash(STATIC / 'lpse.css')}"
        self._templates.filters["money"] = formats.money
        self._templates.filters["iso"] = formats.iso

    def catalogue(self, request: Request) -> Catalogue:
        return self._catalogues[chosen(request)]

    async def page(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        return self._html(request, template, status, clock=await self._clock(), **facts)

    def refusal(self, request: Request, problem: Problem) -> Response:
        """The words of the problem; in Indonesian where the catalogue has them, else as the service said them."""
        t = self.catalogue(request)
        return self._html(
            request, "error.html", problem.status, clock=None, problem=problem, detail=_in_words(t, problem),
            title=t.of("status", str(problem.status)) if f"status.{problem.status}" in t.words else problem.title,
            remedy=t.words.get(f"remedy.{problem.code}", problem.remedy),
        )  # fmt: skip

    def _html(self, request: Request, template: str, status: int, **facts: Any) -> Response:
        t = self.catalogue(request)
        frame = {
            "t": t,
            "lang": t.language,
            "person": None,
            "desks": (),
            "notice": "",
            "problem": None,
            "path": request.url.path,
            "switch": {language: _with_lang(request, language) for language in LANGUAGES},
            "instance": self._settings.instance,
            "training": self._settings.profile == "latihan",
            "when": lambda instant: formats.day_time(instant, t.language),
            "day": lambda on: formats.day(on, t.language),
            "number": lambda value: formats.number(value, t.language),
            "size": lambda value: formats.bytes_(value, t.language),
            "say": lambda problem: _in_words(t, problem),
            "wrong": lambda error: _about_field(t, error),
            "remedy_of": lambda problem: t.words.get(f"remedy.{problem.code}", problem.remedy),
        }
        if person := facts.get("person"):
            frame["desks"] = desks(person)
        content = self._templates.get_template(template).render(frame | facts)
        # what somebody saw while logged in is not for whoever presses "back" on the same computer later
        caching = "no-store" if person else "no-cache"
        headers = {"content-language": t.language, "vary": "Accept-Language, Cookie", "cache-control": caching}
        response = HTMLResponse(content, status, headers=headers)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, t.language, max_age=YEAR, httponly=True, samesite="lax")
        return response

    async def _clock(self) -> dict[str, Any] | None:
        """The training instance's business clock, which may stand still; None where it cannot be read."""
        if self._settings.profile != "latihan":
            return None
        try:
            answer = await self._tender.fetch("GET", "/health/clock")
            return dict(answer.json()) if answer.ok else None
        except (Problem, ValueError):
            return None


def _in_words(t: Catalogue, problem: Problem) -> str:
    """A service may say the same code about other things than the catalogue expects: then its own words stand."""
    try:
        return t.words[f"problem.{problem.code}"].format(**problem.params)
    except KeyError:
        return problem.detail


def _about_field(t: Catalogue, error: Problem | Mapping[str, Any] | None) -> str:
    """What is wrong with one field: a problem of our own, or what a service found, by its type of mistake."""
    if error is None:
        return ""
    if isinstance(error, Problem):
        return _in_words(t, error)
    word = t.words.get(f"invalid.{error.get('type')}")
    try:
        return word.format(**error.get("ctx", {})) if word else str(error["why"])
    except KeyError:
        return str(error["why"])


def _with_lang(request: Request, language: str) -> str:
    """This page in the other language."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"{request.url.path}?{urlencode([*query, ('lang', language)])}"


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
