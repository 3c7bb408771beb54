"""The HTTP side of documents. Bytes stream both ways; nothing here holds a whole file."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.requests import ClientDisconnect

from kit.auth import ActorDep, actor_of, logged_in, public
from kit.paging import Cursor, Limit, Page
from kit.problems import Problem
from kit.service import service_of
from services.documents import commands, queries, rules
from services.documents.models import Document
from services.documents.printing.press import Press
from services.documents.schemas import AccessOut, UploadOut

__all__ = ["router"]

router = APIRouter(tags=["documents"])

GrantHeader = Annotated[str | None, Header(alias="Lpse-Grant", description="The grant, as its owner issued it")]

_uploading = logged_in()
_uploading["openapi_extra"]["requestBody"] = {
    "required": True,
    "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
}


@router.put("/uploads", status_code=201, **_uploading)
async def upload(request: Request, actor: ActorDep, lpse_grant: GrantHeader = None) -> UploadOut:
    """Hand in one file under an upload grant: the raw bytes are the body (Pasal 14(4)).

    Needs `Content-Length`, a `Content-Type` the grant allows, and the name in
    `Content-Disposition: attachment; filename*=UTF-8''...`. An interrupted upload may be repeated with the same grant.
    """
    service, headers = service_of(request), request.headers
    grant = await commands.granted_upload(service, _given(lpse_grant), actor)
    file = commands.Incoming(
        name=rules.file_name(headers.get("content-disposition")),
        media_type=rules.media_type(headers.get("content-type"), allowed=grant.media_types),
        size=rules.declared_size(headers.get("content-length"), largest=grant.max_size),
    )
    try:
        return UploadOut.of(await commands.store(service, grant, file, request.stream()))
    except ClientDisconnect:
        raise Problem("upload_interrupted", "The line broke.", remedy="Send the file again.", status=499) from None


@router.get("/uploads/{grant_id}", **logged_in())
async def finished_upload(request: Request, grant_id: UUID, actor: ActorDep) -> UploadOut:
    """What the upload under this grant was answered, once more."""
    async with service_of(request).database.reading() as db:
        return UploadOut.of(await queries.upload(db, grant_id, actor))


_BYTES = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}


@router.get(
    "/objects/{id}",
    response_class=StreamingResponse,
    responses={200: {"description": "The document", **_BYTES}, 206: {"description": "The part asked for", **_BYTES}},
    **public(),
)
async def download(
    request: Request,
    id: UUID,
    lpse_grant: GrantHeader = None,
    grant: Annotated[str | None, Query(description="The grant, where a header cannot be sent (a link)")] = None,
) -> StreamingResponse:
    """Read a document under a download grant; one `Range` may be asked for. The reading is recorded."""
    service, actor = service_of(request), actor_of(request)
    granted, document = await commands.granted_read(service, _given(lpse_grant or grant), id, actor)
    span = rules.span(
        request.headers.get("range"), request.headers.get("if-range"), etag=_etag(document), size=document.size
    )
    chunks = await commands.open_document(service, granted, document, span, actor)
    headers = _headers(document) | {"Content-Length": str(span.length)}
    if span.partial:
        headers["Content-Range"] = span.content_range
    return StreamingResponse(chunks, 206 if span.partial else 200, headers=headers)


@router.get("/objects/{id}/accesses", **logged_in())
async def accesses(
    request: Request, id: UUID, actor: ActorDep, cursor: Cursor = None, limit: Limit = 50
) -> Page[AccessOut]:
    """Who read a document: for the account that handed it in, and for auditors (Pasal 4(2)b)."""
    async with service_of(request).database.reading() as db:
        rows, following = await queries.accesses(db, id, actor, cursor=cursor, limit=limit)
    return Page(items=[AccessOut.of(row) for row in rows], next=following)


_printing = public()
_printing["openapi_extra"]["requestBody"] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"type": "object", "description": "A receipt's file (receipt-file/v1)"}}
    },
}
_PDF = {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}


@router.post(
    "/receipts",
    response_class=Response,
    responses={200: {"description": "The receipt as a sealed PDF", **_PDF}},
    **_printing,
)
async def print_receipt(request: Request) -> Response:
    """Print a receipt, which is checked first: a PDF/A with a seal (PAdES) and the receipt itself inside.

    The body is a receipt's file word for word, as the pages give it. Nothing is stored and nothing happens, so there is no
    `Idempotency-Key`. One without its place in the log yet is printed as provisional. Who is not logged in may send 64 KiB.
    """
    press: Press = service_of(request).resources["press"]
    pdf = await press.printed(await request.body())
    headers = {"Content-Disposition": 'attachment; filename="tanda-terima.pdf"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)


def _given(token: str | None) -> str:
    if token:
        return token
    raise Problem(
        "grant_missing",
        "Bytes are taken and given only under a grant.",
        remedy="Ask for one where the document belongs (a bid, a paper, a tender) and send it as `Lpse-Grant`.",
    )


def _etag(document: Document) -> str:
    return f'"{document.sha256}"'


def _headers(document: Document) -> dict[str, str]:
    """A document is never shown in the portal's own origin: it is saved, as the type it was handed in as."""
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Type": document.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.name, safe='')}",
        "ETag": _etag(document),
        "X-Content-Type-Options": "nosniff",
    }
