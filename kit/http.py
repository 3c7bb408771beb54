"""The HTTP side that every service shares: problem documents, health, and no route without a policy."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from opentelemetry import trace
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.body import Strict
from kit.call import Replayed
from kit.db import is_contended, is_unavailable, is_unstorable
from kit.problems import Problem
from kit.storage import StorageUnavailable

__all__ = [
    "JSON",
    "KEPT_SECONDS",
    "PROBLEM",
    "PROBLEM_RESPONSES",
    "PROBLEM_SCHEMA",
    "encode_problem",
    "install_problems",
    "mistakes",
    "problem_response",
]

log = structlog.get_logger()

LIMITS: Final = frozenset(
    [
        "ge",
        "gt",
        "le",
        "lt",
        "min_length",
        "max_length",
        "max_digits",
        "decimal_places",
        "whole_digits",
        "expected",
        "example",
    ]
)
"""What a mistake may tell beside its type: how the field is meant, never what was typed."""

KEPT_SECONDS: Final = 2.0
"""An idle connection to a service is used again for so long: less than the service keeps it, also when it stops."""

JSON = "application/json"
PROBLEM = "application/problem+json"


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457: what is wrong, which article or rule says so (`article`), what to do next (`remedy`).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; for programs"},
        "article": {"type": "string"},
        "remedy": {"type": "string"},
        "params": {"type": "object", "additionalProperties": {"type": "string"}},
        "reasons": {"type": "object", "description": "By place of the sentence: the problems behind this one"},
        "retry_after": {"type": "integer", "description": "Seconds"},
    },
}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "A refusal", "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}}},
    "503": {"description": "Not just now", "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}}},
}
"""What every route may answer besides its success, for the API's description."""


def encode_problem(problem: Problem) -> bytes:
    return json.dumps(problem.document(), ensure_ascii=False).encode()


def problem_response(problem: Problem) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="lpse"'} if problem.status == 401 else {}
    if "retry_after" in problem.extra:
        headers["Retry-After"] = str(problem.extra["retry_after"])
    return Response(encode_problem(problem), problem.status, media_type=PROBLEM, headers=headers)


def install_problems(app: FastAPI) -> None:
    """Every refusal leaves as problem+json, in the same words for programs and people."""
    app.add_exception_handler(Problem, _handler(_problem))
    app.add_exception_handler(Replayed, _handler(_replayed))
    app.add_exception_handler(RequestValidationError, _handler(_invalid))
    app.add_exception_handler(HTTPException, _handler(_http))
    app.add_middleware(cast("Any", Strict))
    app.add_middleware(cast("Any", _answering))


Handler = Callable[[Request, Exception], Awaitable[Response]]


def _handler(answer: Callable[[Any], Response]) -> Handler:
    async def handle(_request: Request, error: Exception) -> Response:
        return answer(error)

    return handle


def _problem(error: Problem) -> Response:
    return problem_response(error)


def _replayed(error: Replayed) -> Response:
    kind = PROBLEM if error.status >= 400 else JSON
    return Response(error.answer, error.status, media_type=kind, headers={"Idempotent-Replayed": "true"})


def _invalid(error: RequestValidationError) -> Response:
    """The fields that are wrong, by place and reason."""
    places = mistakes(error.errors())
    listed = "; ".join(f"{place['at']}: {place['why']}" for place in places[:5])
    return problem_response(
        Problem(
            "invalid_request",
            "The request does not have the form this route takes: {listed}",
            status=422,
            remedy="Compare it with /api/openapi.json.",
            listed=listed,
            extra={"errors": places},
        )
    )


def mistakes(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a validation found, without what was typed (it may be a password).

    `type` names the kind of mistake and `ctx` the limits it broke, so that the portal can say it in other words.
    """
    return [
        {
            "at": "/".join(str(part) for part in one["loc"]),
            "why": one["msg"],
            "type": one["type"],
            "ctx": {name: str(value) for name, value in one.get("ctx", {}).items() if name in LIMITS},
        }
        for one in found
    ]


def _http(error: HTTPException) -> Response:
    remedy = "Compare the request with /api/openapi.json."
    problem = Problem(f"http_{error.status_code}", "{what}", status=error.status_code, what=error.detail, remedy=remedy)
    response = problem_response(problem)
    response.headers.update(error.headers or {})
    return response


def _answering(app: ASGIApp) -> ASGIApp:
    """Whatever else goes wrong is answered here, inside the request's span, so that the trace can be named."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await app(scope, receive, watched)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await _unexpected(error)(scope, receive, send)

    return answering


def _unexpected(error: Exception) -> Response:
    if is_unavailable(error) or is_contended(error) or isinstance(error, StorageUnavailable):
        log.error("a backend cannot answer now", error=repr(error))
        problem = Problem(
            "temporarily_unavailable",
            "This part of the system cannot answer just now; nothing of your request was stored.",
            status=503,
            remedy="Repeat the request with the same Idempotency-Key in a few seconds.",
        )
        response = problem_response(problem)
        response.headers["Retry-After"] = "1"
        return response
    if is_unstorable(error):
        log.warning("a value cannot be stored", error=repr(error))
        return problem_response(
            Problem(
                "value_out_of_range",
                "The request holds a value that cannot be kept: a NUL character, or a number or date out of range.",
                status=422,
                remedy="Leave control characters out of texts; use dates and amounts of this century.",
            )
        )
    trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
    log.error("unexpected error", exc_info=error, trace_id=trace_id)
    return problem_response(
        Problem(
            "unexpected",
            "Something went wrong on our side (trace {trace_id}).",
            status=500,
            remedy="Tell the helpdesk this number.",
            trace_id=trace_id,
        )
    )
