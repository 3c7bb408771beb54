"""`/daftar`: an account for a firm. The steps after it are on `/penyedia`, on this day or another."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from gateway.login import Login
from gateway.pages.forms import Form, WrongField, beside
from gateway.pages.page import Page
from gateway.pages.visit import Visit
from kit.problems import Problem

__all__ = ["RegistrationPages"]

NEXT: Final = "/penyedia"
FIELDS: Final = (
    *("user_id", "password", "email", "kind", "name", "npwp", "address", "phone", "responsible_name"),
    *("amended_deed", "branch"),
)


class RegistrationPages:
    def __init__(self, login: Login) -> None:
        self._login = login

    def pages(self) -> tuple[Page, ...]:
        return (Page("/daftar", "provider/registration.html", self._show, self._register),)

    async def _show(self, visit: Visit) -> Mapping[str, Any] | Response:
        return RedirectResponse(NEXT, 303) if visit.person else {}

    async def _register(self, visit: Visit, form: Form) -> Response:
        if visit.person is not None:
            return visit.go(NEXT)
        if form["password"] != form["password_again"]:
            raise await self._differ(visit, form)
        with beside(user_id_taken="user_id"):
            await visit.post("registry", "/registrations", form.body(*FIELDS), key=form.key)
        onward = visit.go(NEXT, "registered")
        try:
            await self._login.enter(visit.request, {"user_id": form["user_id"], "password": form["password"]}, onward)
        except Problem:  # the account is there: its owner logs in when that is possible again
            return visit.go("/masuk", "registered")
        return onward

    async def _differ(self, visit: Visit, form: Form) -> WrongField:
        """With whatever else is wrong: registry says it of a body without a password, which it never takes."""
        others: list[Any] = []
        try:
            body = form.body(*(name for name in FIELDS if name != "password"))
            await visit.post("registry", "/registrations", body, key=form.key)
        except Problem as refusal:
            others = [error for error in refusal.document().get("errors", ()) if error["at"] != "body/password"]
        return WrongField(
            "password_again", "passwords_differ", "The two passwords are not the same.", extra={"errors": others}
        )
