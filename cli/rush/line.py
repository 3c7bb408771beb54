"""A bidder's own line to the portal: from an address of its own, and stubborn, as people are before a deadline."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from cli.demo.portal import Portal

__all__ = ["GaveUp", "Line", "Try"]

AGAIN: Final = frozenset({429, 500, 502, 503, 504})
LONGEST_PAUSE: Final = 1.0
PATIENCE: Final = 240.0
"""Seconds until a bidder gives up: longer than any outage a rush makes."""


class GaveUp(Exception):
    """No definite answer, however often it was tried."""


@dataclass(frozen=True)
class Try:
    """One time a request was sent; instants of `time.time()`. `outcome`: a status with the problem's code, or the name of what broke."""

    sent: float
    ended: float
    outcome: str


@dataclass
class Line(Portal):
    """Sends the same request, with the same Idempotency-Key, until it gets an answer that is meant for it."""

    retries: Counter[str] = field(default_factory=Counter)
    """What made a request be sent again, and how often."""

    async def request(self, method: str, path: str, **request: Any) -> httpx2.Response:
        tries: list[Try] = request.pop("tries", [])
        for pause in _pauses():
            sent = time.time()
            try:
                response = await super().request(method, path, **request)
                outcome = _told(response)
            except httpx2.TransportError as error:
                response, outcome = None, type(error).__name__
            tries.append(Try(sent, time.time(), outcome))
            if response is not None and response.status_code not in AGAIN:
                return response
            self.retries[outcome] += 1
            await asyncio.sleep(max(pause, _asked(response)))
        raise GaveUp(f"{method} {path}: {len(tries)} tries, the last ended with {tries[-1].outcome}")


def _pauses() -> Any:
    """Longer and longer, never the same for two: a crowd that comes back together is a second rush."""
    began, pause = time.monotonic(), 0.05
    while time.monotonic() - began < PATIENCE:
        yield pause * random.uniform(0.5, 1.5)  # noqa: S311  spreads clients, keeps no secret
        pause = min(LONGEST_PAUSE, pause * 2)


def _told(response: httpx2.Response) -> str:
    """`201`, `503 upstream_unreachable`."""
    code = response.json().get("code", "") if response.status_code >= 400 else ""
    return f"{response.status_code} {code}".strip()


def _asked(response: httpx2.Response | None) -> float:
    """What the portal asks us to wait, in seconds."""
    return float(response.headers.get("retry-after", 0)) if response is not None else 0
