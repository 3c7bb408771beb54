"""Templates, the words they are filled with, and the frame that all pages share."""

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from contracts.values import rfc3339
from gateway.pages import formats, practice, refusals
from gateway.pages.desks import desks
from gateway.pages.forms import Form
from gateway.pages.kept import Kept
from gateway.pages.language import COOKIE, LANGUAGES, Catalogue, chosen, load
from gateway.pages.typed import typed
from gateway.pages.words_of_numbers import in_words, terbilang
from gateway.upstream import Upstream
from kit.problems import Problem
from kit.settings import GatewaySettings

__all__ = ["GENERATED", "HERE", "STATIC", "YEAR", "Renderer", "asked", "scripts"]

HERE: Final = Path(__file__).parents[1]
STATIC: Final = HERE / "static"
YEAR: Final = 365 * 24 * 3600
PATIENCE: Final = 2.0
"""Seconds that a page waits for the training clock, which it could do without."""
FIRST: Final = ("frame.html", "parts.html", "home.html", "tenders.html", "error.html")
"""Templates that are compiled at the start, which takes a moment: people wait for a page, not for a start."""
WARNED_BEFORE: Final = timedelta(hours=48)
CURRENT: Final[Mapping[str, Any]] = {"current": "true", "limit": 100}
SPELLED: Final = {"id": terbilang, "en": in_words}
GENERATED: Final = STATIC / "generated"
WORDS: Final = {"id": "/words/id.json"}
"""Where the words for problems are, by language; English ones come with the problem itself."""


def scripts() -> dict[str, str]:
    """The addresses of the bundles that `cli/bundle.py` made, by name; empty ones where none were made."""
    manifest = GENERATED / "manifest.json"
    made = json.loads(manifest.read_text())["files"] if manifest.exists() else {}
    return {
        name: f"/static/generated/{made[name]}" if name in made else "" for name in ("portal", "hashing", "checker")
    }


class _Compiled(BytecodeCache):
    """What templates were compiled to, once per process, however many portals it makes."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._codes.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


COMPILED: Final = _Compiled()


class Renderer:
    def __init__(self, settings: GatewaySettings, tender: Upstream, kept: Kept) -> None:
        self._settings, self._tender, self._kept = settings, tender, kept
        self._clock_told: tuple[dict[str, Any], float] | None = None
        self._catalogues = {language: load(language) for language in LANGUAGES}
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=COMPILED,
        )
        self._templates.globals["style"] = f"/static/lpse.css?v={_hash(STATIC / 'lpse.css')}"
        self._templates.globals["scripts"] = scripts()
        self._templates.filters["money"] = formats.money
        self._templates.filters["iso"] = formats.iso
        for name in FIRST:
            self._templates.get_template(name)

    @property
    def problem_words(self) -> dict[str, str]:
        """How problems and remedies are said in Indonesian, for a script that was refused something by a service."""
        words = self._catalogues["id"].words
        return {key: word for key, word in words.items() if key.startswith(("problem.", "remedy."))}

    def catalogue(self, request: Request) -> Catalogue:
        return self._catalogues[chosen(request)]

    async def page(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        await self._kept.get("helpdesk", "/announcements", **CURRENT)
        return self._html(request, template, status, clock=await self._clock(), **facts)

    def refusal(self, request: Request, problem: Problem) -> Response:
        """The words of the problem; in Indonesian where the catalogue has them, else as the service said them."""
        t = self.catalogue(request)
        return self._html(
            request, "error.html", problem.status, clock=None, problem=problem, detail=refusals.said(t, problem),
            person=getattr(request.state, "person", None),
            title=t.of("status", str(problem.status)) if f"status.{problem.status}" in t.words else problem.title,
            remedy=refusals.remedy(t, problem),
        )  # fmt: skip

    def unsent(self, request: Request, form: Form, problem: Problem, token: str) -> Response:
        """The refusal of a form whose own page cannot be shown now."""
        return self._html(
            request, "unsent.html", problem.status, clock=None, form=form, form_token=token, back=asked(request),
            typed=list(typed(self.catalogue(request), form)),
        )  # fmt: skip

    def _html(self, request: Request, template: str, status: int, **facts: Any) -> Response:
        t, now = self.catalogue(request), self.business_now()
        frame = {
            "now": rfc3339(now) if now else "",
            "windows": self._windows(now) if now else (),
            "t": t,
            "lang": t.language,
            "person": None,
            "desks": (),
            "notice": "",
            "problem": None,
            "path": request.url.path,
            "switch": {language: _with_lang(request, language) for language in LANGUAGES},
            "instance": self._settings.instance,
            "office": {"address": self._settings.address, "hours": self._settings.hours},
            "training": self._settings.profile == "latihan",
            "practice_npwp": practice.npwp,
            "when": lambda instant: formats.day_time(instant, t.language),
            "to_the_millisecond": lambda instant: formats.day_time(instant, t.language, formats.TO_MILLISECOND),
            "on": lambda date: formats.day(date, t.language),
            "lasting": lambda seconds: formats.lasting(seconds, t.language),
            "number": lambda value: formats.number(value, t.language),
            "size": lambda value: formats.bytes_(value, t.language),
            "exact_size": lambda value: formats.exact_bytes(value, t.language),
            "spelled": lambda amount: SPELLED[t.language](Decimal(amount)),
            "problem_words": WORDS.get(t.language, ""),
            "say": lambda problem: refusals.said(t, problem),
            "wrong": lambda error: refusals.about_field(t, error),
            "called": lambda name: refusals.called(t, name),
            "remedy_of": lambda problem: refusals.remedy(t, problem),
        }
        if person := facts.get("person"):
            frame["desks"] = desks(person)
        content = self._templates.get_template(template).render(frame | facts)
        # what somebody saw while logged in is not for whoever presses "back" on the same computer later; nor is what was said once
        once = person or facts.get("notice") or template == "unsent.html"
        caching = "no-store" if once else "no-cache"
        headers = {"content-language": t.language, "vary": "Accept-Language, Cookie", "cache-control": caching}
        response = HTMLResponse(content, status, headers=headers)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, t.language, max_age=YEAR, httponly=True, samesite="lax")
        return response

    def _windows(self, now: datetime) -> Sequence[Mapping[str, Any]]:
        """What was announced for the next two days; the soonest first. A helpdesk that is away breaks no page."""
        known = self._kept.known("helpdesk", "/announcements", **CURRENT) or {"items": []}
        soon, at = rfc3339(now + WARNED_BEFORE), rfc3339(now)
        return [one for one in reversed(known["items"]) if one["starts_at"] <= soon and one["ends_at"] > at]

    async def _clock(self) -> dict[str, Any] | None:
        """The training instance's business clock, which may stand still; reckoned on from what it said last where it cannot
        be read, None before it said anything.
        """
        if self._settings.profile != "latihan":
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._tender.fetch("GET", "/health/clock")
            if answer.ok:
                self._clock_told = dict(answer.json()), time.monotonic()
        except (Problem, TimeoutError, ValueError):
            pass
        now = self.business_now()
        return {**self._clock_told[0], "now": rfc3339(now)} if self._clock_told and now else None

    def business_now(self) -> datetime | None:
        """What stages and announced windows are reckoned by, without asking: a refusal shows while services are away.

        In production that is the real time; in training what the clock said last. None before it said anything.
        """
        if self._settings.profile != "latihan":
            return datetime.now(UTC)
        if self._clock_told is None:
            return None
        clock, heard = self._clock_told
        passed = timedelta(0) if clock["stopped"] else timedelta(seconds=time.monotonic() - heard)
        return datetime.fromisoformat(clock["now"]) + passed


def asked(request: Request) -> str:
    """The address that was asked for, to come back to."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _with_lang(request: Request, language: str) -> str:
    """This page in the other language."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"{request.url.path}?{urlencode([*query, ('lang', language)])}"


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
