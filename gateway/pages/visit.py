"""One request for a page and the person behind it: what they may see and do is asked of the services in their name."""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.bodies import read_body
from gateway.clients import address_of
from gateway.headers import Hosts
from gateway.pages.forms import Form
from gateway.pages.kept import Kept
from gateway.pages.language import Catalogue
from gateway.pages.render import Renderer, asked
from gateway.session import (
    Credential,
    Pass,
    Person,
    Sessions,
    cookie_name,
    problem_of,
    refuse_foreign_write,
)
from gateway.upstream import Answer, Upstream
from kit.clock import WIB
from kit.limits import Limits
from kit.problems import Forbidden, NotFound, Problem, Unauthenticated

__all__ = ["FORM_COOKIE", "NOTICE", "Reception", "Visit", "form_token", "local"]

log = structlog.get_logger()

PATIENCE: Final = 2.0
"""Seconds a public page waits to know who reads it."""
FORM_COOKIE: Final = "lpse_form"
"""What binds the forms of somebody who is not logged in to their browser."""
GLANCE_SECONDS: Final = 3.0
NOTICE: Final = "lpse_notice"
"""What was just done, for the page that comes next: no link of anybody can say it, and reloading does not say it again."""
NOTICE_SECONDS: Final = 60


class Visit:
    """What a page needs of a request. `person` is None for somebody who is not logged in."""

    def __init__(
        self, reception: "Reception", request: Request, passed: Pass | None, secret: str, *, fresh: bool
    ) -> None:
        self._reception, self.request, self._passed = reception, request, passed
        self._secret, self._fresh = secret, fresh

    @property
    def person(self) -> Person | None:
        return self._passed.person if self._passed else None

    @property
    def t(self) -> Catalogue:
        return self._reception.render.catalogue(self.request)

    @property
    def today(self) -> date:
        """By the business clock, as far as it was heard without asking."""
        return (self._reception.render.business_now() or datetime.now(UTC)).astimezone(WIB).date()

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def id(self, name: str) -> str:
        """A record's number in the address; what is none has no page."""
        try:
            return str(UUID(self.path(name)))
        except ValueError:
            raise NotFound("address", self.request.url.path) from None

    def query(self, name: str, most: int = 200) -> str:
        return self.request.query_params.get(name, "").strip()[:most]

    def require(self, *roles: str) -> Person:
        """Somebody who is logged in and, if roles are named, holds one of them by a letter in force."""
        if self.person is None:
            raise Unauthenticated("login_required", "Log in first.", remedy="Log in, then open this page again.")
        if roles and self.person.roles.isdisjoint(roles):
            raise Forbidden(
                "role_required",
                "This page is for: {roles}.",
                article="Perwali Mojokerto 21/2011 Pasal 5, 7",
                remedy="Ask the Admin Agency whether your letter of assignment is registered and in force.",
                roles=", ".join(self.t.of("role", role) for role in roles),
            )
        return self.person

    # What the services say

    async def get(self, service: str, path: str, **query: Any) -> Any:
        asked = urlencode({name: value for name, value in query.items() if value not in {None, ""}})
        return await self._ask(service, "GET", path, query=asked)

    async def text(self, service: str, path: str, **query: Any) -> bytes:
        """As `get`, for what is no JSON: a note, a policy."""
        return (await self._answer(service, "GET", path, query=urlencode(query))).body

    async def public(self, service: str, path: str, **query: Any) -> Any:
        """What everybody is told, not older than a minute; None where the service cannot be asked."""
        return await self._reception.kept.get(service, path, **query)

    async def public_file(self, service: str, path: str) -> bytes | None:
        """What everybody may read and is no JSON; None where there is none, or the service cannot be asked."""
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._reception.services[service].fetch("GET", path)
        except (Problem, TimeoutError):
            return None
        return answer.body if answer.ok else None

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self._reception.services)

    async def glance(self, service: str, path: str, **query: Any) -> Any | None:
        """As `get`, for what a page can do without: None where there is no answer, or not soon enough."""
        try:
            async with asyncio.timeout(GLANCE_SECONDS):
                return await self.get(service, path, **query)
        except (Problem, TimeoutError):
            return None

    async def listed(
        self,
        address: str,
        service: str,
        path: str,
        *,
        limit: int = 25,
        said: Mapping[str, str] | None = None,
        **wanted: str,
    ) -> tuple[Any, dict[str, str | None]]:
        """One page of a list by cursor: its lines, and the pager's addresses below `address` (`first`, `later`).

        `said`: what is wanted in the words of the address, where these are not the service's.
        """
        cursor = self.query("cursor", 500)
        page = await self.get(service, path, **wanted, limit=limit, cursor=cursor)
        asked = {name: value for name, value in (wanted if said is None else said).items() if value}
        first = f"{address}?{urlencode(asked)}" if asked else address
        later = f"{address}?{urlencode({**asked, 'cursor': page['next']})}" if page["next"] else None
        return page["items"], {"first": first if cursor else None, "later": later}

    async def post(self, service: str, path: str, body: Any = None, *, key: str) -> Any:
        """`key` is the form's: the same form sent twice has one effect."""
        return await self._ask(
            service, "POST", path, body={} if body is None else body, headers={"idempotency-key": key}
        )

    async def delete(self, service: str, path: str, *, key: str) -> Any:
        return await self._ask(service, "DELETE", path, headers={"idempotency-key": key})

    async def tracked(self, service: str, path: str, code: str) -> Any:
        """What became of a matter, for who holds its tracking code."""
        if not re.fullmatch(r"[!-~]{1,200}", code):
            raise NotFound("matter", "of this code")
        return await self._ask(service, "GET", path, headers={"lpse-tracking": code})

    async def granted(self, service: str, path: str, grant: str) -> Any:
        """What another service lets the bearer of its grant see."""
        return await self._ask(service, "GET", path, headers={"lpse-grant": grant})

    async def sent(self, service: str, path: str, content: bytes, type_: str, *, accept: str) -> bytes:
        """What comes of a file, of which the service keeps nothing."""
        headers = {"content-type": type_, "accept": accept}
        return (await self._answer(service, "POST", path, body=content, headers=headers)).body

    async def _ask(self, service: str, method: str, path: str, **more: Any) -> Any:
        answer = await self._answer(service, method, path, **more)
        return answer.json() if answer.body else None

    async def _answer(
        self,
        service: str,
        method: str,
        path: str,
        *,
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        bearer = {"authorization": f"Bearer {self._passed.token}"} if self._passed else {}
        if not {"", ".", ".."}.isdisjoint(path.split("/")[1:]):
            raise NotFound("address", path)
        answer = await self._reception.services[service].fetch(
            method, quote(path, safe="/:"), query=query, headers={**bearer, **(headers or {})}, body=body
        )
        if not answer.ok:
            raise problem_of(answer)
        return answer

    # What goes back

    async def page(self, template: str, *, status: int = 200, form: Form | None = None, **facts: Any) -> Response:
        notice = self.request.cookies.get(NOTICE, "")
        response = await self._reception.render.page(
            self.request,
            template,
            status=status,
            person=self.person,
            form=form or Form.blank(),
            form_token=masked(self.form_token),
            notice="" if form and form.problem else notice,
            **facts,
        )
        if notice:
            self._reception.set_cookie(response, NOTICE, "", 0)
        if self._fresh:
            self._reception.set_cookie(response, FORM_COOKIE, self._secret)
        return response

    def sessions_changed(self) -> None:
        """What this account's sessions may is asked anew at their next request."""
        if self.person:
            self._reception.sessions.forget_account(self.person.account)

    def go(self, path: str, notice: str = "") -> Response:
        """On to the page that shows what became of it, so that reloading does nothing twice."""
        response = RedirectResponse(path, 303)
        if notice:
            self._reception.set_cookie(response, NOTICE, notice, NOTICE_SECONDS)
        return response

    # What came

    @property
    def form_token(self) -> str:
        """Stands in every form; a page of another site cannot know it."""
        return form_token(self._secret)

    def refuse_foreign(self, form: Form) -> None:
        """403 for a form that no page of ours made for this browser and this session."""
        refuse_foreign_write("POST", self.request.headers, self._reception.hosts, strict=False)
        if not hmac.compare_digest(unmasked(form.token), self.form_token):
            raise Forbidden(
                "form_outdated",
                "This form was made for another session.",
                remedy="It is shown again with what you typed: send it once more.",
            )


def form_token(secret: str) -> str:
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()[:32]


def masked(token: str) -> str:
    """Another text each time: the length of a compressed page must not tell whether something typed resembles the token."""
    pad = secrets.token_bytes(16)
    return pad.hex() + _xor(pad, bytes.fromhex(token))


def unmasked(given: str) -> str:
    """The token itself may come too: who knows it was given it."""
    if not re.fullmatch("[0-9a-f]{32}|[0-9a-f]{64}", given):
        return ""
    both = bytes.fromhex(given)
    return _xor(both[:-16] or bytes(16), both[-16:])


def _xor(one: bytes, other: bytes) -> str:
    return bytes(a ^ b for a, b in zip(one, other, strict=True)).hex()


class Reception:
    """Receives everybody: finds out who asks, and gives pages what they need."""

    def __init__(
        self,
        render: Renderer,
        services: Mapping[str, Upstream],
        kept: Kept,
        sessions: Sessions,
        hosts: Hosts,
        *,
        limits: Limits,
        secure: bool,
    ) -> None:
        self.render, self.services, self.kept, self.hosts, self.limits = render, services, kept, hosts, limits
        self.sessions, self.secure = sessions, secure

    async def receive(self, request: Request, *, public: bool) -> Visit:
        """A cookie that lost its session is nobody's: its owner sees what is public and may log in again.

        What is public is shown also when nobody says in time whose session it is.
        """
        credential = self._credential(request)
        passed = None
        if credential is not None:
            try:
                async with asyncio.timeout(PATIENCE if public and request.method == "GET" else None):
                    passed = await self.sessions.trade(credential, address_of(request.scope))
            except TimeoutError:
                log.warning("a public page is shown without asking registry")
            except Problem as refusal:
                if refusal.status != 401 and not public:
                    raise
        if passed:
            request.state.person = passed.person  # so that a refusal, which knows no more than the request, greets them
        secret, fresh = self._secret(request, credential if passed else None)
        return Visit(self, request, passed, secret, fresh=fresh)

    async def form(self, request: Request) -> Form:
        """What was sent: read before anything else, so that nothing that fails later can lose it."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Problem(
                "form_type", "This page takes forms only.", status=415, remedy="Send it from the page itself."
            )
        known = self._credential(request) is not None
        most = self.limits.body_bytes if known else self.limits.anonymous_body_bytes
        body = await read_body(request.receive, request.headers.get("content-length"), most, self.limits.body_seconds)
        return Form.parse(body or b"")

    def unsent(self, request: Request, form: Form, refusal: Problem) -> Response:
        """A page that needs no service: what is wrong, and what was typed, to be sent again."""
        secret, fresh = self._secret(request, self._credential(request))
        response = self.render.unsent(request, form.refused(refusal), refusal, masked(form_token(secret)))
        if fresh:
            self.set_cookie(response, FORM_COOKIE, secret)
        return response

    def _credential(self, request: Request) -> Credential | None:
        return Credential.of(request.headers, cookie_name(secure=self.secure))

    def _secret(self, request: Request, credential: Credential | None) -> tuple[str, bool]:
        """What the forms of this browser are bound to, and whether it was made just now."""
        if credential is not None:
            return credential.secret, False
        known = request.cookies.get(FORM_COOKIE, "")
        fresh = not 40 <= len(known) <= 80
        return secrets.token_urlsafe(32) if fresh else known, fresh

    def set_cookie(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        """For so many seconds; None: until the browser is closed."""
        response.set_cookie(name, value, seconds, path="/", httponly=True, samesite="strict", secure=self.secure)

    def to_login(self, request: Request) -> Response:
        """Back to this page after logging in; a form that was sent is not sent again by itself."""
        return RedirectResponse(f"/masuk?{urlencode({'kembali': asked(request)})}", 303)


def local(path: str, otherwise: str) -> str:
    """An address within this portal, whatever a link says: never another site's."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else otherwise
