"""How much one account or address may ask for. In memory, per replica; lockout of accounts is registry's."""

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope

from kit.problems import Problem

__all__ = ["Buckets", "InFlight", "TooMany", "address_of", "read_body"]

MOST_KEYS = 50_000
BODY_SECONDS = 30


class TooMany(Problem):
    status = 429
    title = "Too many requests"

    def __init__(self, code: str, detail: str, *, retry_after: float) -> None:
        super().__init__(code, detail, remedy="Wait a little, then go on more slowly.")
        self.extra["retry_after"] = max(1, round(retry_after))


class Buckets:
    """One bucket of tokens per key, filled again at `per_minute`; it holds `burst` at most (default: a minute's worth).

    The keys used longest ago are forgotten first: a forgotten bucket is a full one.
    """

    def __init__(
        self, code: str, detail: str, per_minute: float, burst: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._code, self._detail, self._clock = code, detail, clock
        self._per_second, self._burst = per_minute / 60, burst or per_minute
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        level = self._level(key)
        if level < 1:
            raise TooMany(self._code, self._detail, retry_after=(1 - level) / self._per_second)
        self._set(key, level - 1)

    def give_back(self, key: str) -> None:
        self._set(key, min(self._burst, self._level(key) + 1))

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (self._burst, self._clock()))
        return min(self._burst, level + (self._clock() - at) * self._per_second)

    def _set(self, key: str, level: float) -> None:
        self._levels[key] = level, self._clock()
        self._levels.move_to_end(key)
        if len(self._levels) > MOST_KEYS:
            self._levels.popitem(last=False)


class InFlight:
    """How many requests of one key run at a time: a rate alone would let slow ones fill every place there is."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[str] = Counter()

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        if self._running[key] >= self._most:
            raise TooMany("too_many_at_once", "Too many of your requests are running at the same time.", retry_after=1)
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]


def address_of(scope: Scope) -> str:
    """The client's address; of IPv6 the /64, which one household or office holds as a whole."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


async def read_body(receive: Receive, declared: str | None, most: int) -> bytes | None:
    """A small body, whole, before any service is troubled: a slow sender holds none of its places.

    None when the client left. 413 as soon as the length is known or counted to be above `most`; 408 after a while.
    """
    if declared is not None and declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > most:
                    raise _too_large(most)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Problem("body_slow", "The request did not arrive in time.", status=408, remedy="Send it again.") from None


def _too_large(most: int) -> Problem:
    return Problem(
        "body_too_large",
        "A request here has at most {most} bytes.",
        status=413,
        remedy="Files go to /api/documents/uploads with a grant.",
        most=most,
    )
