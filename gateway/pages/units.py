"""Work units, committees and the business clock, as pages of officials name them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.pages.language import Catalogue
from gateway.pages.visit import Visit

__all__ = ["business_now", "committee", "committees", "instant", "skpd_names", "unit_named"]


async def everything(visit: Visit, service: str, path: str) -> list[dict[str, Any]]:
    """A short list as a whole: units and committees of one city."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await visit.get(service, path, limit=100, cursor=cursor)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


async def skpd_names(visit: Visit) -> Mapping[str, str]:
    return {unit["code"]: unit["name"] for unit in await everything(visit, "registry", "/skpd")}


def unit_named(t: Catalogue, code: str, name: str | None) -> str:
    """As a list to choose from has it."""
    word = t("code.skpd")
    return f"{name} ({word} {code})" if name else f"{word} {code}"


async def committees(visit: Visit) -> list[dict[str, Any]]:
    return await everything(visit, "registry", "/committees")


async def committee(visit: Visit, id: str) -> dict[str, Any]:
    """With its members; before registry's word of it has come round, one that nobody knows the name of."""
    known = {found["id"]: found for found in await committees(visit)}
    return known.get(id, {"id": id, "name": id, "members": []})


async def business_now(visit: Visit) -> datetime:
    """What deadlines and stages are reckoned by."""
    return instant((await visit.get("tender", "/health/clock"))["now"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
