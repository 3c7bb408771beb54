"""What waits for somebody at each of their desks, asked side by side: a service that is away says nothing, and that is all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.pages.desks import desks
from gateway.pages.visit import Visit
from gateway.session import Person

__all__ = ["waiting"]

MOST: Final = 100
"""Nobody counts further by eye."""


async def waiting(visit: Visit, person: Person) -> Mapping[str, str]:
    """By desk, `3` or `100+`; desks where nothing waits are left out."""
    asked = {desk.key: ASKED[desk.key] for desk in desks(person) if desk.key in ASKED}
    counts = await asyncio.gather(*(ask(visit) for ask in asked.values()))
    return {key: count for key, count in zip(asked, counts, strict=True) if count}


def _rows(service: str, path: str, **query: str) -> Callable[[Visit], Awaitable[str]]:
    async def count(visit: Visit) -> str:
        page = await visit.glance(service, path, **query, limit=MOST)
        return _said(len(page["items"]), more=bool(page["next"])) if page else ""

    return count


async def _dead_letters(visit: Visit) -> str:
    told = await asyncio.gather(*(visit.glance(service, "/operations") for service in visit.services))
    return _said(sum(_dead(one) for one in told if one))


def _dead(operations: Mapping[str, Any]) -> int:
    return int(operations["queue"]["dead"]) if operations["queue"] else 0


def _said(count: int, *, more: bool = False) -> str:
    return f"{count}+" if more else str(count or "")


ASKED: Final[Mapping[str, Callable[[Visit], Awaitable[str]]]] = {
    "verification": _rows("registry", "/verifications"),
    "committee": _rows("tender", "/packages", waiting="true"),
    "tickets": _rows("helpdesk", "/tickets", status="open"),
    "complaints": _rows("helpdesk", "/complaints", state="overdue"),
    "system": _dead_letters,
}
