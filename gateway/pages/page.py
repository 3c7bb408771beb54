"""One address of the portal: who may see it, what it shows, and what its forms do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.errors import wants_page
from gateway.pages.forms import Form
from gateway.pages.visit import Reception, Visit
from kit.problems import Problem

__all__ = ["SQUEEZED", "Act", "Page", "Show"]

SQUEEZED: Final = (Middleware(GZipMiddleware, minimum_size=1000),)
"""Pages and what belongs to them, for thin lines. What the API and the log answer is left as it is."""

Show = Callable[[Visit], Awaitable[Mapping[str, Any] | Response]]
Act = Callable[[Visit, Form], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """`show` gathers the facts of the template, or sends somewhere else. `act` does what a form of the page asks; a refusal
    shows the page again with what was typed. `roles`: None is everybody, none named is everybody who is logged in.
    `senders`: who may send its forms, where not everybody may who sees it.
    """

    path: str
    template: str
    show: Show
    act: Act | None = None
    roles: frozenset[str] | None = None
    senders: frozenset[str] = frozenset()

    def route(self, reception: Reception) -> Route:
        async def shown(request: Request) -> Response:
            visit = await reception.receive(request, public=self.roles is None)
            try:
                return await self._shown(visit)
            except Problem as refusal:
                if refusal.status == 401 and visit.person is None and wants_page(request.scope):
                    return reception.to_login(request)
                raise

        async def sent(request: Request) -> Response:
            form = await reception.form(request)
            try:
                return await self._acted(await reception.receive(request, public=self.roles is None), form)
            except Problem as refusal:
                if not wants_page(request.scope):
                    raise
                return reception.unsent(request, form, refusal)

        async def endpoint(request: Request) -> Response:
            return await (sent(request) if request.method == "POST" else shown(request))

        return Route(self.path, endpoint, methods=["GET", "POST"] if self.act else ["GET"], middleware=SQUEEZED)

    async def _acted(self, visit: Visit, form: Form) -> Response:
        if self.act is None:
            raise RuntimeError(f"{self.path} takes no form")
        self._admit(visit)
        if self.senders:
            visit.require(*self.senders)
        try:
            visit.refuse_foreign(form)
            return await self.act(visit, form)
        except Problem as refusal:
            if refusal.status == 401 and self.roles is not None:
                raise
            again = await self._shown(visit, form.refused(refusal), refusal.status)
            if wants_page(visit.request.scope):
                return again
            raise  # programs, too, learn why only where they see the page

    async def _shown(self, visit: Visit, form: Form | None = None, status: int = 200) -> Response:
        self._admit(visit)
        shown = await self.show(visit)
        if isinstance(shown, Response):
            return shown
        return await visit.page(self.template, status=status, form=form, **shown)

    def _admit(self, visit: Visit) -> None:
        if self.roles is not None:
            visit.require(*self.roles)
