"""The officials of the training tenant at work: logged in, with the training clock in their hands, and able to wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from cli import clocks, events
from cli.demo.portal import Portal, Refused, User
from cli.system import System, Trainee

__all__ = ["Office", "Unmet"]

LARGEST_CROWD: Final = 1_000
CODE_SECONDS: Final = 30


class Unmet(Exception):
    """Something that was promised did not come true; the sentence says what."""


class Office:
    """`cast`: 0, or where others have played before, a number that sets this play's people and letters apart."""

    def __init__(self, system: System, portal: Portal, cast: int = 0) -> None:
        self.system = system
        self.portal = portal
        self.cast = cast
        self.officials: dict[str, User] = {}

    async def log_in(self, *roles: str) -> None:
        for trainee in self.system.trainees:
            if trainee.role in roles:
                self.officials[trainee.user_id] = await self._logged_in(trainee)

    async def _logged_in(self, trainee: Trainee) -> User:
        """Where another play went before, its code may be spent: each opens one session, and the next comes within 30 s."""
        known = trainee.user_id, trainee.password, trainee.totp_secret
        try:
            return await self.portal.login(*known)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED or not self.cast:
                raise
        await asyncio.sleep(CODE_SECONDS - time.time() % CODE_SECONDS + 0.1)
        return await self.portal.login(*known)

    def official(self, role: str) -> User:
        return self._all(role)[0]

    def pokja(self) -> list[User]:
        return self._all("pokja")

    def _all(self, role: str) -> list[User]:
        return [self.officials[trainee.user_id] for trainee in self.system.trainees if trainee.role == role]

    def number(self, person: int) -> int:
        """Of this play's first, second, ... person: what taxpayers' and identity numbers are made from."""
        return self.cast * LARGEST_CROWD + person

    async def listed(self, user: User, path: str) -> list[dict[str, Any]]:
        answer = await user.get(path)
        items: list[dict[str, Any]] = answer["items"] if isinstance(answer, dict) else answer
        return items

    async def now(self) -> datetime:
        return await clocks.now(self.system.installation)

    async def clock(self, action: str, at: datetime | None = None) -> None:
        """Move the training clock of all five databases together."""
        await clocks.move(self.system.installation, action, at)

    async def not_before(self, instant: datetime) -> None:
        if await self.now() < instant:
            await self.clock("set", instant)

    def must(self, true: bool, otherwise: str) -> None:
        if not true:
            raise Unmet(f"{otherwise[:1].upper()}{otherwise[1:]}.")

    async def eventually(self, what: str, ask: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not await ask():
            if time.monotonic() > deadline:
                raise Unmet(f"Waited {seconds:.0f} s in vain until {what}.")
            await asyncio.sleep(0.1)

    async def settled(self, what: str, seconds: float = 60) -> None:
        async def handled() -> bool:
            count = await events.count(self.system.installation)
            # an event that gets its place in the log makes another, which tells it
            return count.emitted == count.handled and await events.all_logged(self.system.installation)

        await self.eventually(what, handled, seconds)
