"""The verifier's desk (Pasal 9(2)): what a provider wrote beside the papers it handed in, and the decision."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

QUEUE: Final = "/verifikasi"


async def show_queue(visit: Visit) -> Mapping[str, Any]:
    queue, pager = await visit.listed(QUEUE, "registry", "/verifications")
    return {"queue": queue, **pager}


async def show_provider(visit: Visit) -> Mapping[str, Any]:
    provider = await visit.get("registry", f"/providers/{visit.id('provider')}")
    twins = await asyncio.gather(*(visit.get("registry", f"/providers/{id}") for id in provider["duplicates"] or ()))
    uploaded = [paper for paper in provider["papers"] if paper["sha256"]]
    return {
        "provider": provider,
        "papers": list({paper["kind"]: paper for paper in uploaded}.values()),  # the one that came last counts
        "twins": twins,
        "against": [_parted(one) for one in provider["deficiencies"] or ()],
    }


def _parted(deficiency: str) -> tuple[str, str]:
    """`ktp: expired` as the paper and what is wrong with it."""
    item, _, fault = deficiency.partition(": ")
    return item, fault


async def decide(visit: Visit, form: Form) -> Response:
    body = form.body("outcome", "place", "notes") | {
        "originals": form.all("originals"),
        "resolved_duplicates": form.all("resolved_duplicates"),
        "deficiencies": [line.strip() for line in form["deficiencies"].splitlines() if line.strip()],
    }
    decided = await visit.post("registry", f"/providers/{visit.id('provider')}/decision", body, key=form.key)
    return visit.go(QUEUE, f"provider_{decided['status']}")


PAGES: Final = (
    Page(QUEUE, "verification/queue.html", show_queue, roles=roles_of("verification")),
    Page(f"{QUEUE}/{{provider:str}}", "verification/provider.html", show_provider, decide, roles_of("verification")),
)
