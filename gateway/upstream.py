"""The services behind the door, in this process or over HTTP. Both stream both ways, chunk by chunk, with flat memory."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx2
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit import telemetry
from kit.http import KEPT_SECONDS

__all__ = ["Answer", "Broken", "Http", "InProcess", "Unreachable", "Upstream", "scope_for"]

LARGEST_ANSWER = 8 << 20
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding"}
    | {b"upgrade"}
)


class Unreachable(Exception):
    """No connection: the request was not carried out."""


class Broken(Exception):
    """The upstream broke off: whether it carried the request out is not known."""


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return json.loads(self.body)


class Upstream(ABC):
    @abstractmethod
    async def forward(self, scope: Scope, receive: Receive, send: Send, patience: float = 30.0) -> None:
        """Pass one request on as it comes, and its answer back as it comes. `patience`: seconds until it must begin."""

    async def fetch(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """One small question of the gateway's own, answered whole. `body` is sent as JSON, bytes as they are."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"accept": "application/json", **(headers or {})}
        if body is not None:
            sent = {"content-type": "application/json", **sent, "content-length": str(len(content))}
        collector = _Collector(content)
        scope = scope_for(method, path.encode("ascii"), query.encode("ascii"), _raw(sent))
        await self.forward(scope, collector.receive, collector.send)
        return collector.answer()

    async def aclose(self) -> None:  # noqa: B027  most have nothing to let go of
        """Let go of connections."""


def scope_for(
    method: str, raw_path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], outer: Scope | None = None
) -> Scope:
    """A new ASGI scope that holds what a service may know of the request `outer`, and no more.

    The trace goes on from the gateway's own span; what an outsider claims about traces was never read.
    """
    if traceparent := telemetry.traceparent():
        headers = [*headers, (b"traceparent", traceparent.encode())]
    return {
        "type": "http",
        "asgi": outer["asgi"] if outer else {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"gateway"), *headers],
        "client": outer.get("client") if outer else None,
        "server": ("gateway", 80),
        "state": {},
    }


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


class _Collector:
    """The client's side of a fetch: gives the body once, then waits; takes the answer up to a limit."""

    def __init__(self, content: bytes) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]
        self._start: Message = {}
        self._body = bytearray()

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        return await asyncio.Future()  # it never goes away

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        self._body += message.get("body", b"")
        if len(self._body) > LARGEST_ANSWER:
            raise Broken(f"an answer of more than {LARGEST_ANSWER} bytes to a small question")

    def answer(self) -> Answer:
        if not self._start:
            raise Broken("no answer")
        return Answer(self._start["status"], Headers(raw=list(self._start.get("headers", ()))), bytes(self._body))


class InProcess(Upstream):
    """A service in the same event loop: its ASGI application is called, nothing is copied or buffered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def forward(self, scope: Scope, receive: Receive, send: Send, patience: float = 30.0) -> None:  # noqa: ARG002
        await self._app(scope, receive, send)


class Http(Upstream):
    """A service over HTTP/1.1. No redirect is followed, no cookie kept, nothing decompressed."""

    def __init__(self, base_url: str, *, connections: int = 1024) -> None:
        self._base = base_url.rstrip("/")
        # Idle connections are dropped before uvicorn does (5 s), so that no request meets one that is just closing.
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=64, keepalive_expiry=KEPT_SECONDS)
        timeout = httpx2.Timeout(300.0, connect=2.0, pool=2.0)
        # A service that starts again is back within seconds. Before there is a connection nothing was sent, so that
        # every request may wait for it: it is tried at 0, 0, 0.5 and 1.5 s.
        transport = httpx2.AsyncHTTPTransport(limits=limits, trust_env=False, retries=3)
        self._client = httpx2.AsyncClient(timeout=timeout, transport=transport, trust_env=False)

    async def forward(self, scope: Scope, receive: Receive, send: Send, patience: float = 30.0) -> None:  # noqa: ARG002
        try:
            response = await self._client.send(self._request(scope, receive), stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Unreachable(repr(error)) from error
        except httpx2.TransportError as error:
            raise Broken(repr(error)) from error
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await _relay(response, send, gone)
        finally:
            gone.cancel()
            await response.aclose()

    def _request(self, scope: Scope, receive: Receive) -> httpx2.Request:
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        names = {name for name, _ in headers}
        streamed = not names.isdisjoint({b"content-length", b"transfer-encoding"})
        return httpx2.Request(
            scope["method"],
            self._base + target.decode("ascii"),
            headers=[(name, value) for name, value in headers if name not in HOP_BY_HOP],
            content=_body(receive) if streamed else None,
        )

    async def aclose(self) -> None:
        await self._client.aclose()


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            return


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _relay(response: httpx2.Response, send: Send, gone: "asyncio.Task[None]") -> None:
    """A client that left is noticed between two chunks: nobody reads on for it."""
    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in HOP_BY_HOP]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    try:
        async for chunk in response.aiter_raw():
            if gone.done():
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except httpx2.TransportError as error:
        raise Broken(repr(error)) from error
    await send({"type": "http.response.body", "body": b"", "more_body": False})
