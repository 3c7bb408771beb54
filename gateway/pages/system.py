"""How the system is, for the Admin PPE: each service tells of itself (kit/operations.py), and who gives no answer is named."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form, WrongField
from gateway.pages.page import Page
from gateway.pages.visit import Visit
from kit.problems import NotFound

__all__ = ["PAGES"]

PATH: Final = "/sistem"


async def show(visit: Visit) -> Mapping[str, Any]:
    told = await asyncio.gather(*(visit.glance(name, "/operations") for name in visit.services))
    services = [{"name": name, "told": one} for name, one in zip(visit.services, told, strict=True)]
    there = [one for one in told if one]
    return {
        "services": services,
        "there": there,
        "queues": [one for one in there if one["queue"]],
        "disk": _disk(there),
        "letters": await _letters(visit, there),
    }


def _disk(told: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Of the machine the databases lie on: audit's, whose log only grows, else any that is known."""
    known = {one["service"]: one["disk"] for one in told if one["disk"]}
    return known.get("audit") or next(iter(known.values()), None)


async def _letters(visit: Visit, told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    owners = [one["service"] for one in told if one["queue"] and one["queue"]["dead"]]
    lists = await asyncio.gather(*(visit.glance(name, "/operations/letters") for name in owners))
    return [
        {**letter, "service": name, "href": f"{PATH}/{name}/{quote(letter['id'], safe='')}"}
        for name, found in zip(owners, lists, strict=True)
        if found
        for letter in found["items"]
    ]


async def show_letter(visit: Visit) -> Mapping[str, Any]:
    service, id = _named(visit)
    letter = await visit.get(service, f"/operations/letters/{id}")
    body = letter["event"]
    text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
    return {"service": service, "letter": letter, "body": text}


async def act_on_letter(visit: Visit, form: Form) -> Response:
    service, id = _named(visit)
    if form.do == "discard":
        if not form.ticked("sure"):
            raise WrongField("sure", "discard_unconfirmed", "Confirm that this event is to be given up.")
        await visit.post(service, f"/operations/letters/{id}/discard", key=form.key)
        return visit.go(PATH, "letter_discarded")
    await visit.post(service, f"/operations/letters/{id}/retry", key=form.key)
    return visit.go(PATH, "letter_retried")


def _named(visit: Visit) -> tuple[str, str]:
    service = visit.path("service")
    if service not in visit.services:
        raise NotFound("address", visit.request.url.path)
    return service, visit.path("id")


PAGES: Final = (
    Page(PATH, "system/overview.html", show, roles=roles_of("system")),
    Page(f"{PATH}/{{service:str}}/{{id:str}}", "system/letter.html", show_letter, act_on_letter, roles_of("system")),
)
