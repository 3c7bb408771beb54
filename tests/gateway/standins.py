"""Small services that stand behind the gateway where not they are what is tested: real ASGI, real tokens, real streams."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.grants import Claims, ServiceToken
from kit.keys import KeyRing, SigningKey

MIB = 1 << 20
PROBLEM = "application/problem+json"


@dataclass
class Registry:
    """Sessions as registry keeps them, with its real tokens. `down` makes it break off every request."""

    keys: Path
    accounts: dict[str, UUID] = field(default_factory=dict)
    traded: list[str] = field(default_factory=list)
    down: bool = False
    lag: timedelta = timedelta(0)
    """How long ago the tokens it issues were issued."""
    roles: tuple[str, ...] = ()
    """What everybody's letters say."""

    def open(self, secret: str | None = None) -> str:
        secret = secret or hashlib.sha256(str(uuid4()).encode()).hexdigest()
        self.accounts[secret] = uuid4()
        return secret

    @property
    def app(self) -> ASGIApp:
        routes = Starlette(
            routes=[
                Route("/sessions", self._log_in, methods=["POST"]),
                Route("/sessions/{which}", self._end, methods=["DELETE"]),
                Route("/internal/tokens", self._trade, methods=["POST"]),
                Route("/me", self._me),
            ]
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if self.down:
                raise ConnectionError("registry is down")
            await routes(scope, receive, send)

        return app

    async def _log_in(self, request: Request) -> Response:
        login = await request.json()
        if login.get("password") != "benar sekali":
            return _problem(401, "login_refused", "User id, password or code is wrong.")
        secret = self.open()
        until = (datetime.now(UTC) + timedelta(hours=12)).isoformat()
        account = {"id": str(self.accounts[secret]), "user_id": login["user_id"]}
        answer = {"session": secret, "expires_at": until, "account": account}
        return JSONResponse(answer, 201, headers={"set-cookie": "stray=1"})

    async def _trade(self, request: Request) -> Response:
        ServiceToken.verify(
            request.headers["lpse-service"], KeyRing(self.keys / "jwks.json"), datetime.now(UTC), audience="registry"
        )
        secret = (await request.json())["session"]
        self.traded.append(secret)
        if secret not in self.accounts:
            return _problem(401, "session_ended", "This session is unknown.")
        claims = Claims(self.accounts[secret], uuid4(), "someone", None, (), datetime.now(UTC) - self.lag)
        token = claims.issue(SigningKey.load(self.keys / "registry", "registry", "access"))
        account = {"id": str(claims.account), "user_id": "someone", "roles": self.roles}
        return JSONResponse({"token": token, "expires_at": claims.expires_at.isoformat(), "account": account})

    async def _end(self, request: Request) -> Response:
        claims = self._claims(request)
        self.accounts = {secret: account for secret, account in self.accounts.items() if account != claims.account}
        return JSONResponse({"ended": True})

    async def _me(self, request: Request) -> Response:
        return JSONResponse({"account": str(self._claims(request).account)})

    def _claims(self, request: Request) -> Claims:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return Claims.verify(token, KeyRing(self.keys / "jwks.json"), datetime.now(UTC))


def _problem(status: int, code: str, detail: str) -> Response:
    told = {"type": f"urn:lpse:problem:{code}", "title": "No", "status": status, "detail": detail, "code": code}
    return Response(json.dumps(told), status, media_type=PROBLEM)


class Echo:
    """Says what it was asked, as it arrived; `/download/{mib}` streams; `/uploads` hashes what streams in."""

    def __init__(self) -> None:
        self.seen: list[Scope] = []
        self.given = 0
        self.app = Starlette(
            routes=[
                Route("/download/{mib:int}", self._download),
                Route("/uploads", self._upload, methods=["PUT"]),
                Route("/moved", self._moved),
                Route("/{path:path}", self._echo, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    async def _echo(self, request: Request) -> Response:
        self.seen.append(request.scope)
        body = await request.body()
        told = {
            "method": request.method,
            "path": request.url.path,
            "raw_path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "headers": dict(request.headers),
            "body": body.decode(),
        }
        stray = {"server": "nginx/1.0", "x-powered-by": "PHP", "set-cookie": "a=b", "x-frame-options": "ALLOWALL"}
        return JSONResponse(told, headers={**stray, "etag": '"1"', "access-control-allow-origin": "*"})

    async def _moved(self, _request: Request) -> Response:
        return Response(status_code=307, headers={"location": "http://tender:8000/elsewhere?a=1"})

    async def _download(self, request: Request) -> Response:
        chunks = request.path_params["mib"] * 16

        async def stream() -> Any:
            chunk = bytes(MIB // 16)
            for self.given in range(1, chunks + 1):
                yield chunk
                await asyncio.sleep(0)

        return StreamingResponse(stream(), headers={"content-length": str(chunks * MIB // 16)})

    async def _upload(self, request: Request) -> Response:
        size, digest = 0, hashlib.sha256()
        async for chunk in request.stream():
            size += len(chunk)
            digest.update(chunk)
        return JSONResponse(
            {"size": size, "sha256": digest.hexdigest(), "length": request.headers["content-length"]}, 201
        )


class Answers:
    """A service whose answers are given: path -> JSON, or (status, JSON). Anything else is not found."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.asked.append(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        found = self.answers.get(request.url.path)
        if found is None:
            response = _problem(404, "not_found", "There is no such thing.")
        elif isinstance(found, tuple):
            status, body = found
            response = Response(json.dumps(body), status, media_type=PROBLEM if status >= 400 else None)
        else:
            response = JSONResponse(found)
        await response(scope, receive, send)
