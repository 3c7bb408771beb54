"""One address of the portal: who may see it, what it shows, and what its forms do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.errors import wants_page
from gateway.pages.forms import Form
from gateway.pages.visit import Reception, Visit
from kit.problems import Problem

__all__ = ["Page"]

Show = Callable[[Visit], Awaitable[Mapping[str, Any] | Response]]
Act = Callable[[Visit, Form], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """`show` gathers the facts of the template, or sends somewhere else. `act` does what a form of the page asks; a refusal
    shows the page again with what was typed. `roles`: None is everybody, none named is everybody who is logged in.
    """

    path: str
    template: str
    show: Show
    act: Act | None = None
    roles: frozenset[str] | None = None

    def route(self, reception: Reception) -> Route:
        async def endpoint(request: Request) -> Response:
            visit = await reception.receive(request, public=self.roles is None)
            try:
                return await self._answer(visit)
            except Problem as refusal:
                if refusal.status == 401 and visit.person is None and wants_page(request.scope):
                    return reception.to_login(request)
                raise

        return Route(self.path, endpoint, methods=["GET", "POST"] if self.act else ["GET"])

    async def _answer(self, visit: Visit) -> Response:
        if self.roles is not None:
            visit.require(*self.roles)
        if visit.request.method != "POST" or self.act is None:
            return await self._shown(visit)
        form = await visit.form()
        try:
            visit.refuse_foreign(form)
            return await self.act(visit, form)
        except Problem as refusal:
            if (refusal.status == 401 and self.roles is not None) or not wants_page(visit.request.scope):
                raise
            return await self._shown(visit, form.refused(refusal), refusal.status)

    async def _shown(self, visit: Visit, form: Form | None = None, status: int = 200) -> Response:
        shown = await self.show(visit)
        return (
            shown if isinstance(shown, Response) else await visit.page(self.template, status=status, form=form, **shown)
        )
