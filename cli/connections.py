"""What one connection may cost: how many there are, how long a request's head may take, how long nobody reads an answer.

Connections that wait for a request make room for new ones, the one that waits longest first: idle ones shut nobody out.
"""

import asyncio
import json
import resource
import socket
from collections import Counter, defaultdict
from typing import Any

from cli.protocol import Plain
from gateway.clients import Clients, counted_as
from gateway.errors import headers_of
from gateway.limits import TooMany
from kit.http import PROBLEM
from kit.limits import Limits
from kit.problems import Problem
from kit.settings import GatewaySettings

__all__ = ["Connections"]

SPARE_FILES = 256
"""File descriptors left for everything but clients."""
UNSENT = 128 << 10
"""Bytes of an answer that the kernel takes ahead of what the client's window lets out."""
LINGER = 5.0
"""Seconds that the rest of a body is read away after its answer, so that the answer is not lost with the connection."""


class Connections:
    """Makes the protocol of each connection (`uvicorn.Config(http=...)`) and knows them all."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.limits, self._clients = settings.limits, Clients(settings.trusted_proxies)
        limits = self.limits
        self._most = min(limits.connections, max(8, _raised_file_limit() // 2 - SPARE_FILES))
        self._open: Counter[str] = Counter()
        self._all = 0
        self._waiting: dict[_Connection, None] = {}
        self._waiting_of: defaultdict[str, dict[_Connection, None]] = defaultdict(dict)

    def __call__(self, **given: Any) -> "_Connection":
        return _Connection(self, **given)

    def opened(self, connection: "_Connection") -> Problem | None:
        """Counts one more; says what is wrong when it is one too many and none of those that wait can go."""
        address = connection.address
        own_full = self._open[address] >= self.limits.connections_per_address and not self._clients.is_trusted(address)
        refused = None
        if own_full and not self._drop_one(self._waiting_of[address]):
            refused = _full("Your address has too many connections open.")
        elif self._all >= self._most and not self._drop_one(self._waiting):
            refused = _full("Too many connections are open.", status=503)
        self._open[address] += 1
        self._all += 1
        return refused

    def closed(self, connection: "_Connection") -> None:
        self.busy(connection)
        self._all -= 1
        self._open[connection.address] -= 1
        if not self._open[connection.address]:
            del self._open[connection.address]

    def waits(self, connection: "_Connection") -> None:
        self._waiting[connection] = None
        self._waiting_of[connection.address][connection] = None

    def busy(self, connection: "_Connection") -> None:
        self._waiting.pop(connection, None)
        own = self._waiting_of.get(connection.address)
        if own is not None:
            own.pop(connection, None)
            if not own:
                del self._waiting_of[connection.address]

    def _drop_one(self, waiting: dict["_Connection", None]) -> bool:
        longest = next(iter(waiting), None)
        if longest is None:
            return False
        self.busy(longest)
        longest.transport.abort()
        return True


class _Connection(Plain):
    """One timer at a time: idle, the head, the rest of a body nobody wants. One more for a client that does not read."""

    def __init__(self, all_: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._all, self._limits = all_, all_.limits
        self.timeout_keep_alive = all_.limits.idle_seconds  # type: ignore[assignment]  # any number will do
        self.address = "unknown"
        self._head = 0
        """Bytes that came of a head that is not whole yet; -1 while a body comes."""
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = counted_as(self.client[0]) if self.client else "unknown"
        sock = transport.get_extra_info("socket")
        if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        if refused := self._all.opened(self):
            self._refuse(refused)
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        self._all.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._head == 0 and self._answered():
            self._set_timer(self._limits.head_seconds, self._head_is_late)
        if self._head >= 0:
            self._head += len(data)
        super().data_received(data)
        if self._head > self._limits.head_bytes + self._limits.target_bytes:
            self._refuse(_head_too_large(self._limits))

    def on_headers_complete(self) -> None:
        self._head = -1
        self._set_timer(None)
        self._all.busy(self)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head = 0
        if self._answered():
            self._await_head()

    def on_response_complete(self) -> None:
        unread = self.cycle is not None and self.cycle.more_body
        super().on_response_complete()
        if unread:
            self._set_timer(LINGER, self.transport.close)
        elif not self.pipeline and not self.transport.is_closing():
            self._await_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self._limits.stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._all.waits(self)
        if self._head > 0:
            self._set_timer(self._limits.head_seconds, self._head_is_late)
        else:
            self._set_timer(self._limits.idle_seconds, self.transport.close)

    def _head_is_late(self) -> None:
        remedy = "Send it again, in one go."
        self._refuse(Problem("head_slow", "The request's headers did not arrive in time.", status=408, remedy=remedy))

    def _set_timer(self, seconds: float | None, act: Any = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, act)

    def _refuse(self, problem: Problem) -> None:
        """An answer from below the application, where there is none yet to give it."""
        if self.transport.is_closing():
            return
        body = json.dumps(problem.document()).encode()
        headers = {
            "content-type": PROBLEM,
            "content-length": str(len(body)),
            "cache-control": "no-store",
            "connection": "close",
            **headers_of(problem),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if self._begun():
            self.transport.close()
            return
        self.transport.write(f"HTTP/1.1 {problem.status} Refused\r\n{lines}\r\n".encode() + body)
        self.transport.close()


def _full(detail: str, status: int = 429) -> Problem:
    problem = TooMany("too_many_connections", detail, retry_after=5)
    problem.status = status
    return problem


def _head_too_large(limits: Limits) -> Problem:
    return Problem(
        "headers_too_large",
        "A request has at most {size} bytes of headers.",
        status=431,
        remedy="Delete this site's cookies, or send less.",
        size=limits.head_bytes,
    )


def _raised_file_limit() -> int:
    """As many files as this process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1 << 20 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
