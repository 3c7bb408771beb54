"""Tracking codes in pages: typed into a form, shown once, never in an address and never kept by a browser."""

import re
from typing import Any

from starlette.responses import Response

from gateway.pages.forms import Form, WrongField
from gateway.pages.visit import Visit
from kit.problems import Problem

__all__ = ["told_once", "tracked"]


async def told_once(visit: Visit, template: str, **facts: Any) -> Response:
    """The answer to a form itself, where no address may lead to what it shows. Sent again it says the same."""
    response = await visit.page(template, **facts)
    response.headers["cache-control"] = "no-store"
    return response


async def tracked(visit: Visit, form: Form, path: str) -> Any:
    """What became of the matter whose code was typed, with or without its dashes."""
    code = re.sub(r"[\s-]", "", form.required("code")).lower()
    if not re.fullmatch(r"[0-9a-f]{32}", code):
        raise WrongField(
            "code", "tracking_unreadable", "A tracking code has 32 characters, 0 to 9 and a to f, in groups of four."
        )
    try:
        return await visit.tracked("helpdesk", path, code)
    except Problem as refusal:
        if refusal.status != 404:
            raise
        raise Problem(
            "tracking_unknown",
            "There is nothing under this tracking code.",
            status=404,
            remedy="Compare it with your print, sign by sign. Complaints and questions are followed on pages of their own.",
        ) from refusal
