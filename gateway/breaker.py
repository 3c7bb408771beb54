"""What stands between the gateway and one upstream: a limit of calls at a time, patience, and a circuit breaker.

A service that hangs or fails must cost the others nothing: its callers are turned away at once instead of piling up.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.types import Message, Receive, Scope, Send

from gateway.upstream import Answer, Broken, Unreachable, Upstream
from kit.problems import Problem

__all__ = ["Breaker", "Guarded", "Unavailable"]

log = structlog.get_logger()

UNKNOWN_OUTCOME = "Whether it was carried out is not known: repeat it with the same Idempotency-Key."
FETCH_SECONDS = 35
LATER = "Try again in a few seconds."


class Unavailable(Problem):
    """An upstream gave no answer. `retry_after` is in seconds."""

    status = 503
    title = "A part of the system does not answer"

    def __init__(self, code: str, detail: str, *, status: int, remedy: str, retry_after: float, service: str) -> None:
        super().__init__(code, detail, status=status, remedy=remedy, service=service)
        self.extra["retry_after"] = max(1, round(retry_after))


@dataclass
class Breaker:
    """Opens when, within one window, at least `most` calls failed and more failed than succeeded. Times in seconds."""

    clock: Callable[[], float] = time.monotonic
    window: float = 10.0
    pause: float = 1.0
    most: int = 5

    def __post_init__(self) -> None:
        self._opened_until: float | None = None
        self._probing = False
        self._begin_window()

    def _begin_window(self) -> None:
        self._since, self._good, self._bad = self.clock(), 0, 0

    def wait(self) -> float:
        """Seconds until a call may be tried; 0 lets this one through (as the one probe, if the breaker was open)."""
        if self._opened_until is None:
            return 0
        if self._probing:
            return 1
        if (left := self._opened_until - self.clock()) > 0:
            return left
        self._probing = True
        return 0

    def succeeded(self) -> None:
        if self._opened_until is not None:
            self._opened_until, self._probing = None, False
            self._begin_window()
        self._count(good=1)

    def failed(self) -> None:
        self._count(bad=1)
        if self._probing or (self._bad >= self.most and self._bad > self._good):
            self._opened_until, self._probing = self.clock() + self.pause, False

    def undecided(self) -> None:
        """The call ended for the caller's reasons: it says nothing about the upstream."""
        self._probing = False

    def _count(self, good: int = 0, bad: int = 0) -> None:
        if self.clock() - self._since > self.window:
            self._begin_window()
        self._good += good
        self._bad += bad


class _Call:
    """One call as it passes: has the answer begun, has it ended, is the client still there."""

    def __init__(
        self, breaker: Breaker, patience: asyncio.Timeout, seconds: float, receive: Receive, send: Send
    ) -> None:
        self._breaker, self._patience, self._seconds = breaker, patience, seconds
        self._receive, self._send = receive, send
        self._body_ended = self.started = self.finished = self.gone = False

    async def receive(self) -> Message:
        """While the client's body is awaited, it is not the upstream that is slow."""
        if not self._body_ended:
            self._patience.reschedule(None)
        message = await self._receive()
        self.gone = message["type"] == "http.disconnect"
        if not self._body_ended and not self.started:
            self._patience.reschedule(asyncio.get_running_loop().time() + self._seconds)
        self._body_ended = self.gone or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._patience.reschedule(None)
            self._breaker.succeeded()
        self.finished = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class Guarded(Upstream):
    """`forward` raises `Unavailable` while nothing of the answer has left; later it raises what broke the answer off."""

    def __init__(self, name: str, inner: Upstream, *, at_once: int = 512, breaker: Breaker | None = None) -> None:
        self._name, self._inner, self._at_once = name, inner, at_once
        self._breaker = breaker or Breaker()
        self._busy = 0

    async def forward(self, scope: Scope, receive: Receive, send: Send, patience: float = 30.0) -> None:
        with self._slot():
            try:
                async with asyncio.timeout(patience) as timeout:
                    call = _Call(self._breaker, timeout, patience, receive, send)
                    await self._run(call, scope)
            except TimeoutError:
                self._breaker.failed()
                raise self._unavailable(
                    "upstream_slow", 504, "The service {service} gave no answer in time.", UNKNOWN_OUTCOME
                ) from None

    async def fetch(
        self, method: str, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Answer:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await super().fetch(method, path, query=query, headers=headers, body=body)
        except (Broken, TimeoutError) as error:
            raise self._unavailable(
                "upstream_broken", 502, "The service {service} broke off its answer.", UNKNOWN_OUTCOME
            ) from error

    async def _run(self, call: _Call, scope: Scope) -> None:
        try:
            await self._inner.forward(scope, call.receive, call.send)
        except Exception as error:  # noqa: BLE001  whatever a service raises is judged, and raised again where needed
            self._judge(call, error)
            return
        if not call.started and not call.gone:
            self._judge(call, Broken("it ended without an answer"))

    def _judge(self, call: _Call, error: Exception) -> None:
        """An error after the whole answer is the service's own and logged there; so is what a vanished client causes."""
        if call.finished:
            return
        if call.gone:
            self._breaker.undecided()
            return
        if isinstance(error, Problem):  # of the client's side: a sender that is too slow
            self._breaker.undecided()
            raise error
        self._breaker.failed()
        log.warning("upstream failed", upstream=self._name, error=repr(error))
        if call.started:
            raise error
        if isinstance(error, Unreachable):
            raise self._unavailable(
                "upstream_unreachable", 503, "The service {service} cannot be reached.", LATER
            ) from error
        raise self._unavailable(
            "upstream_broken", 502, "The service {service} broke off before it answered.", UNKNOWN_OUTCOME
        ) from error

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if wait := self._breaker.wait():
            raise self._unavailable(
                "upstream_unreachable", 503, "The service {service} cannot be reached.", LATER, wait
            )
        if self._busy >= self._at_once:
            self._breaker.undecided()
            raise self._unavailable("upstream_busy", 503, "The service {service} is busy.", LATER, 1)
        self._busy += 1
        try:
            yield
        except asyncio.CancelledError:
            self._breaker.undecided()
            raise
        finally:
            self._busy -= 1

    def _unavailable(self, code: str, status: int, detail: str, remedy: str, retry_after: float = 1) -> Unavailable:
        return Unavailable(code, detail, status=status, remedy=remedy, retry_after=retry_after, service=self._name)

    async def aclose(self) -> None:
        await self._inner.aclose()
