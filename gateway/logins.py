"""What stands between the world and a login: who tries how often from where, before registry hears of it.

Registry decides who is shut out and for how long; here that is remembered, so that trying again costs nearly nothing. A
device that logged in with this user id before carries our mark, and is counted apart from everybody else.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from gateway.limits import Buckets, InFlight, TooMany
from gateway.session import ServiceTokens, problem_of
from gateway.upstream import Answer
from kit.grants import Device, Refused
from kit.keys import KeyRing, SigningKey
from kit.limits import Limits

__all__ = ["DEVICE_HEADER", "Attempt", "Logins", "device_cookie"]

DEVICE_HEADER = "lpse-device"
MOST_CLOSED = 50_000


def device_cookie(*, secure: bool) -> str:
    return "__Host-lpse_device" if secure else "lpse_device"


@dataclass(frozen=True, slots=True)
class Attempt:
    """`user` is the SHA-256 of the user id; `device` is one that logged in with it before."""

    user: str
    address: str
    device: UUID | None

    @property
    def place(self) -> str:
        return f"{self.user} {self.device or self.address}"


class Logins:
    def __init__(
        self,
        limits: Limits,
        tokens: ServiceTokens,
        keys: Path,
        ring: KeyRing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens, self._keys, self._ring, self._clock = tokens, keys, ring, clock
        self._failures = Buckets(
            "too_many_logins",
            "Too many logins from this address have failed.",
            limits.failed_logins_per_address,
            limits.failed_logins_burst,
        )
        self._all = InFlight(
            limits.logins_at_once, "too_many_logging_in", "Too many people are logging in at the same time."
        )
        self._of_address = InFlight(
            limits.logins_at_once_per_address,
            "too_many_logging_in_here",
            "Too many people behind your address log in now.",
        )
        self._closed: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def attempt(self, body: Any, address: str, mark: str) -> Attempt:
        user_id = body.get("user_id") if isinstance(body, dict) else None
        user = _digest(user_id) if isinstance(user_id, str) else ""
        return Attempt(user, address, self._device(mark, user))

    def _device(self, mark: str, user: str) -> UUID | None:
        if not mark:
            return None
        try:
            device = Device.verify(mark, self._ring, datetime.now(UTC))
        except Refused:
            return None
        return device.id if device.user == user else None

    @contextmanager
    def under_way(self, attempt: Attempt) -> Iterator[None]:
        """A failed attempt costs the address one of its tries; one that succeeds gives it back (`answered`)."""
        self._refuse_closed(attempt)
        with ExitStack() as stack:
            stack.enter_context(self._all.one(""))
            if attempt.device is None:
                stack.enter_context(self._of_address.one(attempt.address))
                self._failures.take(attempt.address)
            yield

    def answered(self, attempt: Attempt, answer: Answer) -> None:
        if answer.status == 201 and attempt.device is None:
            self._failures.give_back(attempt.address)
        if answer.status == 429 and attempt.user:
            self._close(attempt.place, answer)

    def _close(self, place: str, answer: Answer) -> None:
        seconds = answer.headers.get("retry-after", "1")
        self._closed[place] = self._clock() + (int(seconds) if seconds.isdecimal() else 1), answer
        self._closed.move_to_end(place)
        if len(self._closed) > MOST_CLOSED:
            self._closed.popitem(last=False)

    def _refuse_closed(self, attempt: Attempt) -> None:
        until, answer = self._closed.get(attempt.place, (0.0, None))
        if answer is not None and (left := until - self._clock()) > 0:
            told = problem_of(answer)
            raise TooMany(told.code, told.detail, retry_after=left, article=told.article, remedy=told.remedy)

    def headers(self, attempt: Attempt) -> dict[str, str]:
        """What registry is told about where an attempt comes from."""
        said = {"lpse-client-address": attempt.address}
        if attempt.device:
            said["lpse-client-device"] = str(attempt.device)
        return said | self._tokens.header("registry")

    def mark(self, attempt: Attempt) -> str:
        """For the device that just logged in; one that is known keeps its name."""
        now = datetime.now(UTC)
        key = SigningKey.load(self._keys, "gateway", "service", now)
        return Device(attempt.device or uuid4(), attempt.user).issue(key, now)


def _digest(user_id: str) -> str:
    """Of the user id as registry reads it: without spaces around it, in small letters."""
    return hashlib.sha256(user_id.strip().lower().encode(errors="replace")).hexdigest()
