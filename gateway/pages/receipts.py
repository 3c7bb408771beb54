"""Receipts as files that stand alone: what was signed, with the log's entry and its proof as soon as the witnesses saw it.

Whoever decided keeps the receipt, audit the entry, and documents prints: none asks the other, so they are put together here.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.visit import Visit
from integrity import receipts
from kit.problems import Problem

__all__ = ["FORMS", "as_file", "form_of"]

FORMS: Final = ("json", "pdf")


async def as_file(
    visit: Visit, kept: Mapping[str, Any], called: str, form: str, *, with_record: bool = False
) -> Response:
    """`kept`: a service's `ReceiptOut`. `form`: json or pdf. `called`: the file's name without its end."""
    content = await _assembled(visit, kept, with_record=with_record)
    if form == "pdf":
        content = await visit.sent("documents", "/receipts", content, "application/json", accept="application/pdf")
    name = re.sub(r"[^A-Za-z0-9-]", "", called)
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}.{form}"'}
    return Response(content, media_type=f"application/{form}", headers=headers)


def form_of(visit: Visit) -> str:
    """By the end of the address."""
    return visit.request.url.path.rpartition(".")[2]


async def _assembled(visit: Visit, kept: Mapping[str, Any], *, with_record: bool) -> bytes:
    """Final where enough witnesses saw the entry; provisional otherwise, also where audit cannot be asked."""
    record = kept["record"] if with_record else None
    try:
        entry = await visit.granted("audit", "/log/1/opening", kept["grant"])
        proof = await visit.text("audit", "/log/1/proof/entry", index=entry["index"], seen="true")
    except Problem:
        return receipts.build(kept["receipt"], record=record)
    return receipts.build(kept["receipt"], record=record, entry=entry, proof=proof.decode())
