"""How much one account or address may ask for. In memory, per replica; the figures are in kit/limits.py."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from kit.limits import Limits
from kit.problems import Problem

__all__ = ["Admission", "Buckets", "InFlight", "TooMany", "Transfers"]

MOST_KEYS = 50_000


class TooMany(Problem):
    status = 429
    title = "Too many requests"

    def __init__(
        self, code: str, detail: str, *, retry_after: float, article: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(code, detail, article=article, remedy=remedy or "Wait a little, then go on more slowly.")
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

    def __init__(
        self,
        most: int,
        code: str = "too_many_at_once",
        detail: str = "Too many of your requests are running at the same time.",
    ) -> None:
        self._most, self._code, self._detail = most, code, detail
        self._running: Counter[str] = Counter()

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        if self._running[key] >= self._most:
            raise TooMany(self._code, self._detail, retry_after=1)
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]


class Admission:
    """Requests, counted on the account that is logged in, or else on the address."""

    def __init__(self, limits: Limits) -> None:
        of_a_minute = "too_many_requests", "Too many requests in a minute."
        self._of_accounts = Buckets(*of_a_minute, limits.requests_per_account)
        self._of_addresses = Buckets(*of_a_minute, limits.requests_per_address)
        self._accounts = InFlight(limits.at_once_per_account)
        self._addresses = InFlight(limits.at_once_per_address)

    @contextmanager
    def one(self, account: str | None, address: str) -> Iterator[None]:
        buckets, running = (self._of_accounts, self._accounts) if account else (self._of_addresses, self._addresses)
        key = account or address
        with running.one(key):
            buckets.take(key)
            yield


class Transfers:
    """Files on their way take long by nature: each account has few at a time, so that it holds few of the places."""

    def __init__(self, limits: Limits) -> None:
        self._uploads = InFlight(
            limits.uploads_per_account, "too_many_uploads", "You are sending other files at the same time."
        )
        reading = "too_many_downloads", "You are reading other documents at the same time."
        self._downloads = InFlight(limits.downloads_per_account, *reading)
        self._public = InFlight(limits.downloads_per_address, *reading)

    def up(self, account: str) -> AbstractContextManager[None]:
        return self._uploads.one(account)

    def down(self, account: str | None, address: str) -> AbstractContextManager[None]:
        return self._downloads.one(account) if account else self._public.one(address)
