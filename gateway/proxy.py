"""`/api/{service}/{path}`: one request, its session traded for a token, passed on to the service and streamed back."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from gateway.bodies import Steady, read_body
from gateway.clients import address_of
from gateway.headers import Hosts, from_service, raw_path, to_service
from gateway.limits import Transfers
from gateway.session import Credential, Pass, Sessions, cookie_name, refuse_foreign_write
from gateway.upstream import Upstream, scope_for
from kit.limits import Limits
from kit.problems import NotFound, Problem

__all__ = ["Proxy", "Target"]

NEVER: Final = frozenset({"internal", "health", "openapi.json"})
TRUST_ROOT: Final = "/trust-root"
UPLOADS: Final = ("documents", "PUT", "/uploads")
"""The one place that takes large bodies: streamed, bounded by the grant, not by us."""
UPLOAD_PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Target:
    service: str
    method: str
    path: str
    """In the service, as it was sent: percent-encoded."""
    prefix: str

    @classmethod
    def of(cls, scope: Scope) -> "Target":
        """What `/api/...` names; `/log/1/...` and `/trust-root` are audit's under their own public addresses."""
        raw = raw_path(scope).decode("ascii")
        if raw.startswith("/log/") or raw == TRUST_ROOT:
            return cls("audit", scope["method"], raw, "")
        service, _, path = raw.removeprefix("/api/").partition("/")
        return cls(service, scope["method"], f"/{path}", f"/api/{service}")

    @property
    def hidden(self) -> bool:
        return unquote(self.path).split("/")[1].lower() in NEVER

    @property
    def streamed(self) -> bool:
        return (self.service, self.method, self.path) == UPLOADS

    @property
    def downloaded(self) -> bool:
        """A document; a list of who read it is none."""
        return self.service == "documents" and self.method == "GET" and self.path.startswith("/objects/")

    @property
    def ends_sessions(self) -> bool:
        return self.service == "registry" and self.method == "DELETE" and self.path.startswith("/sessions/")


class _Reply:
    """The way back: cleans what the service says, and remembers how it went."""

    def __init__(self, send: Send, prefix: str) -> None:
        self._send, self._prefix = send, prefix
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = from_service(message, self._prefix)
        await self._send(message)


class Proxy:
    """An ASGI application; raises Problem where it refuses."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        sessions: Sessions,
        hosts: Hosts,
        *,
        secure: bool,
        limits: Limits,
    ) -> None:
        self._upstreams, self._sessions, self._hosts = upstreams, sessions, hosts
        self._cookie, self._limits, self._transfers = cookie_name(secure=secure), limits, Transfers(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = Target.of(scope)
        upstream = self._upstreams.get(target.service)
        if upstream is None or target.hidden:
            raise NotFound("address", scope["path"])
        trace.get_current_span().set_attribute("lpse.upstream", target.service)
        headers = Headers(scope=scope)
        credential = Credential.of(headers, self._cookie)
        passed = await self._passed(credential, target, scope, headers)
        outer = to_service(scope["headers"])
        if passed:
            outer.append((b"authorization", f"Bearer {passed.token}".encode()))
        reply = _Reply(send, target.prefix)
        with self._place(target, passed.account if passed else None, address_of(scope)):
            await self._pass_on(upstream, target, scope, outer, receive, reply)
        if target.ends_sessions and credential and (account := self._sessions.account_of(credential)):
            self._sessions.forget_account(account)

    async def _passed(
        self, credential: Credential | None, target: Target, scope: Scope, headers: Headers
    ) -> Pass | None:
        """A cookie that lost its session goes on as nobody, who may read what is public; a header must be right."""
        if credential is None:
            return None
        if credential.by == "cookie":
            refuse_foreign_write(target.method, headers, self._hosts)
        try:
            return await self._sessions.trade(credential, address_of(scope))
        except Problem as refusal:
            if credential.by == "cookie" and refusal.status == 401:
                return None
            raise

    def _place(self, target: Target, account: str | None, address: str) -> AbstractContextManager[None]:
        if target.streamed and account:
            return self._transfers.up(account)
        return self._transfers.down(account, address) if target.downloaded else nullcontext()

    async def _pass_on(
        self,
        upstream: Upstream,
        target: Target,
        scope: Scope,
        headers: list[tuple[bytes, bytes]],
        receive: Receive,
        reply: _Reply,
    ) -> None:
        path, query = target.path.encode("ascii"), scope["query_string"]
        if target.streamed:
            inner = scope_for(target.method, path, query, headers, scope)
            await upstream.forward(inner, Steady(receive, self._limits), reply, UPLOAD_PATIENCE)
            return
        limits, known = self._limits, any(name == b"authorization" for name, _ in headers)
        most = limits.body_bytes if known else limits.anonymous_body_bytes
        body = await read_body(receive, Headers(scope=scope).get("content-length"), most, limits.body_seconds)
        if body is None:
            return
        headers = [pair for pair in headers if pair[0] != b"content-length"]
        if body:
            headers.append((b"content-length", str(len(body)).encode()))
        inner = scope_for(target.method, path, query, headers, scope)
        await upstream.forward(inner, _replayed(body, receive), reply)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever the client does."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again
