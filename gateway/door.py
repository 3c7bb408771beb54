"""The outermost layer: one span per request, the form every request must have, and words for every refusal."""

import time
from collections.abc import Callable

import structlog
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clients import Clients, address_of
from gateway.headers import Hosts, decorate, raw_path, refuse_ambiguous, refuse_oversized, security_headers
from gateway.limits import Admission
from gateway.session import Credential, Sessions, cookie_name
from kit.limits import Limits
from kit.problems import Problem, Unauthenticated
from kit.telemetry import Telemetry

__all__ = ["Door"]

log = structlog.get_logger()

Words = Callable[[Scope, Problem], Response]


class _Watched:
    """Whether the answer has begun, and with which status; adds our headers to it."""

    def __init__(self, send: Send, ours: list[tuple[bytes, bytes]]) -> None:
        self._send, self._ours = send, ours
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = decorate(message, self._ours)
        await self._send(message)


class Door:
    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Hosts,
        sessions: Sessions,
        clients: Clients,
        limits: Limits,
        signals: Telemetry,
        words: Words,
        secure: bool,
    ) -> None:
        self._app, self._hosts, self._sessions = app, hosts, sessions
        self._clients, self._limits, self._words, self._secure = clients, limits, words, secure
        self._admission = Admission(limits)
        self._tracer = signals.tracer
        self._seconds = signals.request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = self._clients.behind(scope)
        area = _area(scope["path"])
        watched = _Watched(
            send, security_headers(secure=self._secure, page=area not in {"api", "log/1", "session", "trust-root"})
        )
        began = time.perf_counter()
        # An empty context: a trace that an outsider claims to belong to is not gone on with.
        with self._tracer.start_as_current_span(
            f"{scope['method']} /{area}", context=Context(), kind=SpanKind.SERVER, attributes={"http.route": f"/{area}"}
        ) as span:
            await self._answer(scope, receive, watched, span)
            _describe(span, scope["method"], watched.status)
        about = {
            "http.request.method": scope["method"],
            "http.route": f"/{area}",
            "http.response.status_code": watched.status,
        }
        self._seconds.record(time.perf_counter() - began, about)

    async def _answer(self, scope: Scope, receive: Receive, send: _Watched, span: Span) -> None:
        """Once an answer has begun, an error can only break it off: the client must not take it for whole."""
        try:
            await self._admit(scope, receive, send)
        except Problem as problem:
            await self._refuse(scope, receive, send, problem)
        except Exception:
            if send.status:
                raise
            number = format(span.get_span_context().trace_id, "032x")
            log.exception("unexpected error", trace_id=number)
            await self._refuse(scope, receive, send, _unexpected(number))

    async def _refuse(self, scope: Scope, receive: Receive, send: _Watched, problem: Problem) -> None:
        if send.status:
            raise problem
        await self._words(scope, problem)(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        refuse_oversized(scope, self._limits)
        refuse_ambiguous(scope["headers"])
        path = raw_path(scope)
        if path.startswith((b"/health/", b"/static/")):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        self._hosts.refuse_foreign(headers)
        with self._admission.one(self._account(headers), address_of(scope)):
            await self._app(scope, receive, send)

    def _account(self, headers: Headers) -> str | None:
        """An office behind one address shares nothing once its people are logged in. A guessed session counts as none."""
        try:
            credential = Credential.of(headers, cookie_name(secure=self._secure))
        except Unauthenticated:
            credential = None
        return self._sessions.account_of(credential) if credential else None


def _area(path: str) -> str:
    """What kind of page or service it is: few values, and nothing of what was asked (codes, grants, names)."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        return "api"
    if parts[0] in {"tender", "log", "static", "health", "session", "trust-root"}:
        return "/".join(parts[:2]) if parts[:2] == ["log", "1"] else parts[0]
    return "" if not parts[0] else "other"


def _describe(span: Span, method: str, status: int) -> None:
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _unexpected(number: str) -> Problem:
    return Problem(
        "unexpected",
        "Something went wrong on our side (trace {trace_id}).",
        status=500,
        remedy="Tell the helpdesk this number.",
        trace_id=number,
    )
