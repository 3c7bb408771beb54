"""Logging in and out, the personal start page, one's own sessions."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from gateway.login import Login
from gateway.pages.desks import desks
from gateway.pages.forms import Form
from gateway.pages.page import Page
from gateway.pages.provider.firm import own_standing
from gateway.pages.units import skpd_names, unit_named
from gateway.pages.visit import Visit, local
from gateway.pages.waiting import waiting

__all__ = ["AccountPages"]

HOME = "/beranda"


class AccountPages:
    def __init__(self, login: Login) -> None:
        self._login = login

    def pages(self) -> tuple[Page, ...]:
        logged_in: frozenset[str] = frozenset()
        return (
            Page("/masuk", "account/login.html", self._show_login, self._log_in),
            Page("/keluar", "account/logout.html", self._show_logout, self._log_out),
            Page(HOME, "account/home.html", self._show_home, roles=logged_in),
            Page("/akun", "account/sessions.html", self._show_sessions, self._end_session, roles=logged_in),
        )

    async def _show_login(self, visit: Visit) -> Mapping[str, Any] | Response:
        back = local(visit.query("kembali", 2000), HOME)
        return RedirectResponse(back, 303) if visit.person else {"back": back}

    async def _log_in(self, visit: Visit, form: Form) -> Response:
        onward = RedirectResponse(local(form["kembali"], HOME), 303)
        body = {"user_id": form["user_id"], "password": form["password"]}
        if form["totp"]:
            body["totp"] = form["totp"].replace(" ", "")
        await self._login.enter(visit.request, body, onward)
        return onward

    async def _show_logout(self, visit: Visit) -> Mapping[str, Any] | Response:
        return {} if visit.person else RedirectResponse("/", 303)

    async def _log_out(self, visit: Visit, _form: Form) -> Response:
        out, left = visit.go("/"), visit.go("/", "left_open")
        return out if await self._login.leave(visit.request, out, left) else left

    async def _show_home(self, visit: Visit) -> Mapping[str, Any]:
        person = visit.require()
        me, waits, firm = await asyncio.gather(
            visit.get("registry", "/me"), waiting(visit, person), own_standing(visit)
        )
        units = await skpd_names(visit) if any(letter["skpd"] for letter in me["letters"]) else {}
        return {
            "desks": desks(person),
            "me": me,
            "waits": waits,
            "standing": firm,
            "unit_named": lambda code: unit_named(visit.t, code, units.get(code)),
        }

    async def _show_sessions(self, visit: Visit) -> Mapping[str, Any]:
        me, sessions, (logins, pager) = await asyncio.gather(
            visit.get("registry", "/me"),
            visit.get("registry", "/sessions"),
            visit.listed("/akun", "registry", "/logins"),
        )
        return {"me": me, "sessions": sessions["items"], "logins": logins, **pager}

    async def _end_session(self, visit: Visit, form: Form) -> Response:
        await visit.delete("registry", f"/sessions/{form.required('session')}", key=form.key)
        visit.sessions_changed()
        return visit.go("/akun", "session_ended")
