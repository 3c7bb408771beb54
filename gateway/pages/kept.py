"""What services say to everybody, kept for a minute: an old word is better than a page that waits or breaks."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from gateway.upstream import Upstream
from kit.problems import Problem

__all__ = ["Kept"]

SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 5.0
"""After a question that nobody answered."""
PATIENCE: Final = 2.0
"""How long a page waits for what it could do without."""


class Kept:
    """For a few fixed questions: what is asked here is never forgotten."""

    def __init__(self, services: Mapping[str, Upstream]) -> None:
        self._services = services
        self._known: dict[str, Any] = {}
        self._ask_again: dict[str, float] = {}

    async def get(self, service: str, path: str, **query: Any) -> Any:
        """None for what was never answered. Of many who come at once one asks; the others take what is known."""
        place = f"{service} {path} {urlencode(query)}"
        if time.monotonic() >= self._ask_again.get(place, 0.0):
            self._ask_again[place] = time.monotonic() + SECONDS
            try:
                async with asyncio.timeout(PATIENCE):
                    answer = await self._services[service].fetch("GET", path, query=urlencode(query))
                if answer.ok:
                    self._known[place] = answer.json()
                    return self._known[place]
            except (Problem, TimeoutError, ValueError):
                pass
            self._ask_again[place] = time.monotonic() + AGAIN_SECONDS
        return self._known.get(place)

    def known(self, service: str, path: str, **query: Any) -> Any:
        """Without asking."""
        return self._known.get(f"{service} {path} {urlencode(query)}")
