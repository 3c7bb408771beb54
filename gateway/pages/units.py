"""Work units, committees and the business clock, as pages of officials name them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.pages.language import Catalogue
from gateway.pages.visit import Visit
from kit.problems import Problem

__all__ = ["MOST", "business_now", "committee", "everything", "instant", "skpd_names", "unit_named"]


PAGE: Final = 100
MOST: Final = 2_000
"""More than one city has of anything that people choose from, and as much as a list to choose from can bear."""


async def everything(visit: Visit, service: str, path: str, **query: str) -> list[dict[str, Any]]:
    """A list as a whole, page after page, up to MOST: what people choose from must hold what they look for."""
    found: list[dict[str, Any]] = []
    cursor = None
    while len(found) < MOST:
        page = await visit.get(service, path, **query, limit=PAGE, cursor=cursor)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    return found[:MOST]


async def skpd_names(visit: Visit) -> Mapping[str, str]:
    return {unit["code"]: unit["name"] for unit in await everything(visit, "registry", "/skpd")}


def unit_named(t: Catalogue, code: str, name: str | None) -> str:
    """As a list to choose from has it."""
    word = t("code.skpd")
    return f"{name} ({word} {code})" if name else f"{word} {code}"


async def committee(visit: Visit, id: str) -> dict[str, Any]:
    """With its members; one that registry does not know has its number for a name."""
    try:
        return dict(await visit.get("registry", f"/committees/{id}"))
    except Problem as refusal:
        if refusal.status != 404:
            raise
        return {"id": id, "name": id, "members": []}


async def business_now(visit: Visit) -> datetime:
    """What deadlines and stages are reckoned by."""
    return instant((await visit.get("tender", "/health/clock"))["now"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
