"""`/api/{service}/{path}`: one request, its session traded for a token, passed on to the service and streamed back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from gateway.headers import Hosts, from_service, raw_path, to_service
from gateway.limits import Buckets, address_of, read_body
from gateway.session import Credential, Sessions, cookie_name, refuse_foreign_write
from gateway.upstream import Upstream, scope_for
from kit.problems import NotFound, Problem

__all__ = ["Proxy", "Target"]

NEVER: Final = frozenset({"internal", "health", "openapi.json"})
UPLOADS: Final = ("documents", "PUT", "/uploads")
"""The one place that takes large bodies: streamed, bounded by the grant, not by us."""
LOGIN: Final = ("registry", "POST", "/sessions")
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
        """What `/api/...` names; `/log/1/...` is audit's under its own public address."""
        raw = raw_path(scope).decode("ascii")
        if raw.startswith("/log/"):
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
    def is_login(self) -> bool:
        return (self.service, self.method, self.path.rstrip("/")) == LOGIN

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
        logins: Buckets,
        max_json_bytes: int,
    ) -> None:
        self._upstreams, self._sessions, self._hosts = upstreams, sessions, hosts
        self._cookie, self._logins, self._most = cookie_name(secure=secure), logins, max_json_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = Target.of(scope)
        upstream = self._upstreams.get(target.service)
        if upstream is None or target.hidden:
            raise NotFound("address", scope["path"])
        trace.get_current_span().set_attribute("lpse.upstream", target.service)
        headers = Headers(scope=scope)
        credential = Credential.of(headers, self._cookie)
        authorization = await self._authorization(credential, target, headers)
        reply = _Reply(send, target.prefix)
        if target.is_login:
            self._logins.take(address_of(scope))
        outer = to_service(scope["headers"]) + authorization
        await self._pass_on(upstream, target, scope, outer, receive, reply)
        if target.is_login and reply.status == 201:
            self._logins.give_back(address_of(scope))
        if target.ends_sessions and credential and (account := self._sessions.account_of(credential)):
            self._sessions.forget_account(account)

    async def _authorization(
        self, credential: Credential | None, target: Target, headers: Headers
    ) -> list[tuple[bytes, bytes]]:
        """A cookie that lost its session goes on as nobody, who may read what is public; a header must be right."""
        if credential is None or target.is_login:
            return []
        if credential.by == "cookie":
            refuse_foreign_write(target.method, headers, self._hosts)
        try:
            passed = await self._sessions.trade(credential)
        except Problem as refusal:
            if credential.by == "cookie" and refusal.status == 401:
                return []
            raise
        return [(b"authorization", f"Bearer {passed.token}".encode())]

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
            await upstream.forward(inner, receive, reply, UPLOAD_PATIENCE)
            return
        body = await read_body(receive, Headers(scope=scope).get("content-length"), self._most)
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
