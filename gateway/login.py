"""Logging in and out: `/session` for browsers (a cookie no script can read), `/api/registry/sessions` for programs."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.bodies import read_body
from gateway.clients import address_of
from gateway.errors import problem_response
from gateway.headers import Hosts
from gateway.logins import DEVICE_HEADER, Attempt, Logins, device_cookie
from gateway.session import Credential, Sessions, cookie_name, problem_of, refuse_foreign_write
from gateway.upstream import Answer, Upstream
from kit.grants import DEVICE_LIFETIME
from kit.limits import Limits
from kit.problems import Problem, Unauthenticated

__all__ = ["Login"]

LARGEST = 4096
"""Bytes of a login."""


class Login:
    def __init__(
        self, registry: Upstream, sessions: Sessions, hosts: Hosts, logins: Logins, *, secure: bool, limits: Limits
    ) -> None:
        self._registry, self._sessions, self._hosts = registry, sessions, hosts
        self._secure, self._logins, self._seconds = secure, logins, limits.body_seconds

    async def open(self, request: Request) -> Response:
        refuse_foreign_write("POST", request.headers, self._hosts, strict=False)
        answer, attempt = await self._attempted(request, await self._body(request), self._device(request))
        if answer.status != 201:
            return _as_told(answer)
        opened = answer.json()
        response = JSONResponse({"account": opened["account"], "expires_at": opened["expires_at"]}, 201)
        self._admit(response, opened, attempt)
        return response

    async def enter(self, request: Request, body: Mapping[str, Any], onward: Response) -> None:
        """Log in from the page: `onward` takes the cookies along. Raises registry's refusal."""
        answer, attempt = await self._attempted(request, body, self._device(request))
        if answer.status != 201:
            raise problem_of(answer)
        self._admit(onward, answer.json(), attempt)

    def _device(self, request: Request) -> str:
        return request.cookies.get(device_cookie(secure=self._secure), "")

    def _admit(self, response: Response, opened: Mapping[str, Any], attempt: Attempt) -> None:
        until = datetime.fromisoformat(opened["expires_at"])
        self._set_cookie(response, cookie_name(secure=self._secure), opened["session"], until)
        mark, until = self._logins.mark(attempt), datetime.now(UTC) + DEVICE_LIFETIME
        self._set_cookie(response, device_cookie(secure=self._secure), mark, until)

    async def open_for_program(self, request: Request) -> Response:
        """As registry describes it. A program that shows `Lpse-Device` next time is known again."""
        body = await self._body(request)
        answer, attempt = await self._attempted(request, body, request.headers.get(DEVICE_HEADER, ""))
        response = _as_told(answer)
        if answer.status == 201:
            response.headers[DEVICE_HEADER] = self._logins.mark(attempt)
        return response

    async def _attempted(self, request: Request, body: Any, mark: str) -> tuple[Answer, Attempt]:
        attempt = self._logins.attempt(body, address_of(request.scope), mark)
        with self._logins.under_way(attempt):
            headers = self._logins.headers(attempt) | _key(request.headers)
            answer = await self._registry.fetch("POST", "/sessions", headers=headers, body=body)
        self._logins.answered(attempt, answer)
        if answer.status == 201:
            opened = answer.json()
            self._sessions.opened(opened["session"], str(opened["account"]["id"]))
        return answer, attempt

    async def close(self, request: Request) -> Response:
        """The cookie goes in any case: who leaves a shared computer is out of this browser at once."""
        credential = Credential.of(request.headers, cookie_name(secure=self._secure))
        if credential is None:
            raise Unauthenticated("not_logged_in", "There is no session to end.", remedy="You are logged out.")
        if credential.by == "cookie":
            refuse_foreign_write("DELETE", request.headers, self._hosts)
        response = await self._ended(credential, request)
        await self._leave(response, credential)
        return response

    async def leave(self, request: Request, *onward: Response) -> bool:
        """Log out from the page, whose form was checked; whether registry ended the session too."""
        credential = Credential.of(request.headers, cookie_name(secure=self._secure))
        if credential is None:
            return True
        ended = await self._ended(credential, request)
        for response in onward:
            await self._leave(response, credential)
        return ended.status_code == 204

    async def _leave(self, response: Response, credential: Credential) -> None:
        await self._sessions.forget(credential)
        # the prices of a bid that was not sent yet stay on no shared computer
        response.headers["clear-site-data"] = '"storage"'
        self._set_cookie(response, cookie_name(secure=self._secure), "", datetime.fromtimestamp(0, UTC))

    async def _ended(self, credential: Credential, request: Request) -> Response:
        """A session that registry does not know any more is as good as ended."""
        try:
            await self._end(credential, request)
        except Problem as problem:
            if problem.status != 401:
                return problem_response(problem)
        return Response(status_code=204)

    async def _end(self, credential: Credential, request: Request) -> None:
        passed = await self._sessions.trade(credential, address_of(request.scope))
        sent = {"authorization": f"Bearer {passed.token}", **_key(request.headers)}
        answer = await self._registry.fetch("DELETE", "/sessions/current", headers=sent)
        if not answer.ok:
            raise problem_of(answer)

    async def _body(self, request: Request) -> Any:
        body = await read_body(request.receive, request.headers.get("content-length"), LARGEST, self._seconds)
        try:
            return json.loads(body or b"")
        except (ValueError, RecursionError) as error:
            raise Problem(
                "login_unreadable",
                "The login must be a JSON object with user_id and password.",
                status=422,
                remedy="Compare it with /api/openapi.json.",
            ) from error

    def _set_cookie(self, response: Response, name: str, value: str, expires: datetime) -> None:
        response.set_cookie(name, value, expires=expires, path="/", httponly=True, samesite="lax", secure=self._secure)


def _key(headers: Headers) -> dict[str, str]:
    return {"idempotency-key": headers.get("idempotency-key") or str(uuid4())}


def _as_told(answer: Answer) -> Response:
    told = ("content-type", "retry-after", "www-authenticate")
    return Response(answer.body, answer.status, headers={n: answer.headers[n] for n in told if n in answer.headers})
