"""`/session`: a browser logs in and out. The secret goes into a cookie that no script can read."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.errors import problem_response
from gateway.headers import Hosts
from gateway.limits import Buckets, address_of, read_body
from gateway.session import Credential, Sessions, cookie_name, problem_of, refuse_foreign_write
from gateway.upstream import Upstream
from kit.problems import Problem, Unauthenticated

__all__ = ["Login"]


class Login:
    def __init__(
        self, registry: Upstream, sessions: Sessions, hosts: Hosts, *, secure: bool, logins: Buckets, max_bytes: int
    ) -> None:
        self._registry, self._sessions, self._hosts = registry, sessions, hosts
        self._secure, self._logins, self._most = secure, logins, max_bytes

    async def open(self, request: Request) -> Response:
        """A failed attempt costs the address one of its tries; one that succeeds gives it back."""
        refuse_foreign_write("POST", request.headers, self._hosts, strict=False)
        attempt = await self._body(request)
        address = address_of(request.scope)
        self._logins.take(address)
        answer = await self._registry.fetch("POST", "/sessions", headers=_key(request.headers), body=attempt)
        if answer.status != 201:
            return Response(answer.body, answer.status, headers=_told(answer.headers))
        self._logins.give_back(address)
        opened = answer.json()
        response = JSONResponse({"account": opened["account"], "expires_at": opened["expires_at"]}, 201)
        self._set_cookie(response, opened["session"], datetime.fromisoformat(opened["expires_at"]))
        return response

    async def close(self, request: Request) -> Response:
        """The cookie goes in any case: who leaves a shared computer is out of this browser at once."""
        credential = Credential.of(request.headers, cookie_name(secure=self._secure))
        if credential is None:
            raise Unauthenticated("login_required", "There is no session to end.", remedy="You are logged out.")
        if credential.by == "cookie":
            refuse_foreign_write("DELETE", request.headers, self._hosts)
        response = await self._ended(credential, request.headers)
        await self._sessions.forget(credential)
        self._set_cookie(response, "", datetime.fromtimestamp(0, UTC))
        return response

    async def _ended(self, credential: Credential, headers: Headers) -> Response:
        """A session that registry does not know any more is as good as ended."""
        try:
            await self._end(credential, headers)
        except Problem as problem:
            if problem.status != 401:
                return problem_response(problem)
        return Response(status_code=204)

    async def _end(self, credential: Credential, headers: Headers) -> None:
        passed = await self._sessions.trade(credential)
        sent = {"authorization": f"Bearer {passed.token}", **_key(headers)}
        answer = await self._registry.fetch("DELETE", "/sessions/current", headers=sent)
        if not answer.ok:
            raise problem_of(answer)

    async def _body(self, request: Request) -> object:
        body = await read_body(request.receive, request.headers.get("content-length"), self._most)
        try:
            return json.loads(body or b"")
        except (ValueError, RecursionError) as error:
            raise Problem(
                "invalid_request",
                "The login must be a JSON object with user_id and password.",
                status=422,
                remedy="Compare it with /api/openapi.json.",
            ) from error

    def _set_cookie(self, response: Response, secret: str, expires: datetime) -> None:
        response.set_cookie(
            cookie_name(secure=self._secure),
            secret,
            expires=expires,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )


def _key(headers: Headers) -> dict[str, str]:
    return {"idempotency-key": headers.get("idempotency-key") or str(uuid4())}


def _told(headers: Headers) -> dict[str, str]:
    return {name: headers[name] for name in ("content-type", "retry-after", "www-authenticate") if name in headers}
