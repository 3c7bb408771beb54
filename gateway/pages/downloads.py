"""`/unduh/...`: the owner of a document gives a download grant, documents hands the bytes out under it.

A grant travels in a header, which a link cannot send; and a reading is recorded, so that it is a form's POST. The bytes
go through the same door as the API's: streamed, counted with the account's other downloads, resumable by `Range`.
"""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import wants_page
from gateway.pages.forms import Form
from gateway.pages.visit import Reception, Visit
from gateway.session import problem_of
from gateway.upstream import Answer
from kit.problems import Problem

__all__ = ["KINDS", "Downloads", "Kind"]


@dataclass(frozen=True)
class Kind:
    """`name` stands in our address and in that of the owner: `/unduh/papers/{id}`, `/papers/{id}/download`."""

    name: str
    owner: str
    roles: frozenset[str]


KINDS: Final = (
    Kind("tender-documents", "tender", frozenset({"ppk", "pa", "kpa", "pokja", "penyedia"})),
    Kind("bid-files", "tender", frozenset({"penyedia", "pokja"})),
    Kind("papers", "registry", frozenset({"penyedia", "verifikator"})),
    Kind("objection-documents", "tender", frozenset({"pokja", "ppk", "pa", "kpa", "penyedia", "inspektur"})),
)


class Downloads:
    """`proxy` is what `/api` leads to."""

    def __init__(self, proxy: ASGIApp) -> None:
        self._proxy = proxy

    def routes(self, reception: Reception) -> list[Route]:
        return [self._route(reception, kind) for kind in KINDS]

    def _route(self, reception: Reception, kind: Kind) -> Route:
        async def endpoint(request: Request) -> Response:
            visit = await reception.receive(request, public=False)
            try:
                visit.require(*kind.roles)
            except Problem as refusal:
                if refusal.status == 401 and wants_page(request.scope):
                    return reception.to_login(request)
                raise
            if request.method == "POST":
                return await self._hand_out(visit, kind, await reception.form(request))
            return await visit.page("download.html")  # who logged in on the way here, or came by the back button

        return Route(f"/unduh/{kind.name}/{{id:str}}", endpoint, methods=["GET", "POST"])

    async def _hand_out(self, visit: Visit, kind: Kind, form: Form) -> Response:
        visit.refuse_foreign(form)
        # a grant runs out in minutes: every press of the button asks for a new one
        given = await visit.post(kind.owner, f"/{kind.name}/{visit.path('id')}/download", key=str(uuid4()))
        return _Streamed(self._proxy, given["object"], given["grant"])


class _Streamed(Response):
    """The answer of documents as it comes; what it refuses is told like every other refusal."""

    def __init__(self, proxy: ASGIApp, object: str, grant: str) -> None:
        super().__init__()
        self._proxy, self._path, self._grant = proxy, f"/api/documents/objects/{object}", grant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [pair for pair in scope["headers"] if not pair[0].startswith((b"content-", b"lpse-grant"))]
        inner = {
            **scope,
            "method": "GET",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "headers": [*kept, (b"lpse-grant", self._grant.encode())],
        }
        reply = _Reply(send)
        await self._proxy(inner, _Empty(receive), reply)
        if reply.refusal is not None:
            raise problem_of(reply.refusal)


class _Empty:
    """A request without a body, then whatever the client does."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._told = receive, False

    async def __call__(self) -> Message:
        if self._told:
            return await self._receive()
        self._told = True
        return {"type": "http.request", "body": b"", "more_body": False}


class _Reply:
    """Lets a document through and keeps a refusal back."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.refusal: Answer | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self.refusal = Answer(message["status"], Headers(raw=list(message.get("headers", ()))), b"")
        elif self.refusal is not None:
            body = self.refusal.body + message.get("body", b"")
            self.refusal = Answer(self.refusal.status, self.refusal.headers, body)
        else:
            await self._send(message)
