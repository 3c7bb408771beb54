"""A refusal as an answer: problem+json for programs, a page with the same words for people."""

import json
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from kit.problems import Problem

__all__ = ["headers_of", "problem_response", "wants_page"]


def headers_of(problem: Problem) -> dict[str, str]:
    headers = {}
    if problem.status == 401:
        headers["www-authenticate"] = 'Bearer realm="lpse"'
    if "retry_after" in problem.extra:
        headers["retry-after"] = str(problem.extra["retry_after"])
    return headers


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(problem.document(), ensure_ascii=False)
    return Response(
        content,
        problem.status,
        media_type="application/problem+json",
        headers={**headers_of(problem), **(headers or {})},
    )


def wants_page(scope: Scope) -> bool:
    """`/api` always speaks JSON, also to a browser."""
    path: str = scope["path"]
    return not path.startswith(("/api/", "/log/1/", "/session", "/trust-root")) and "text/html" in Headers(
        scope=scope
    ).get("accept", "")
