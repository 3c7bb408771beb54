"""One OpenAPI document of everything programs may do here, merged from what each service says of itself."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.upstream import Upstream
from kit.http import PROBLEM_SCHEMA
from kit.problems import Problem

__all__ = ["Merged", "merge"]

Document = dict[str, Any]

FRESH: Final = 60.0
INCOMPLETE: Final = 5.0
COMPONENTS: Final = "#/components/"
HIDDEN: Final = ("/internal", "/health")

ABOUT: Final = """\
Everything people do here, programs may do too. `x-policy` says who: a role, everybody logged in, or the public.

- **Session.** `POST /api/registry/sessions` answers `session`; send it as `Authorization: Bearer ...`. Officials add `totp`,
  the six digits of their authenticator app.
- **Writes** carry an `Idempotency-Key`. Repeating a request with its key repeats the answer, not the effect.
- **Files.** The service that wants a file answers a `grant`. Send the bytes with `PUT /api/documents/uploads`, the grant in the
  header `Lpse-Grant`. Compare the fingerprints in the answer with your own, then hand its `statement` and your fingerprints
  back to the service. Downloads work the same way: ask the owner for a grant, then `GET /api/documents/objects/{id}`.
- **Lists** answer `items` and `next`; ask again with `cursor=<next>`.
- **Money** is a string with two decimals, in rupiah. **Instants** are RFC 3339 with their offset.
- **Refusals** are `application/problem+json`: what is wrong, which article or rule says so, what to do.
"""
REFUSAL: Final[Document] = {
    "description": "A refusal",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
SECURITY: Final[Document] = {
    "session": {"type": "http", "scheme": "bearer", "description": "`session` of POST /api/registry/sessions"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "lpse_session", "description": "Set by POST /session"},
}
LOGIN_PATHS: Final[Document] = {
    "/session": {
        "post": {
            "operationId": "gateway_log_in",
            "summary": "Log a browser in: the session goes into a cookie",
            "tags": ["gateway"],
            "x-policy": ["public"],
            "security": [],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["user_id", "password"],
                            "properties": {name: {"type": "string"} for name in ("user_id", "password", "totp")},
                        }
                    }
                },
            },
            "responses": {"201": {"description": "The account"}, "default": REFUSAL},
        },
        "delete": {
            "operationId": "gateway_log_out",
            "summary": "End this session and drop its cookie",
            "tags": ["gateway"],
            "x-policy": ["logged in"],
            "responses": {"204": {"description": "The session is ended"}, "default": REFUSAL},
        },
    }
}


class Merged:
    """The document, asked for anew once a minute; sooner while a service is missing from it."""

    def __init__(self, upstreams: Mapping[str, Upstream], clock: Callable[[], float] = time.monotonic) -> None:
        self._upstreams, self._clock = upstreams, clock
        self._document: Document = {}
        self._until = float("-inf")
        self._asking = asyncio.Lock()

    async def document(self) -> Document:
        async with self._asking:
            if self._clock() >= self._until:
                answers = await asyncio.gather(*(_ask(upstream) for upstream in self._upstreams.values()))
                told = dict(zip(self._upstreams, answers, strict=True))
                self._document = merge(told)
                self._until = self._clock() + (INCOMPLETE if None in answers else FRESH)
        return self._document


async def _ask(upstream: Upstream) -> Document | None:
    try:
        answer = await upstream.fetch("GET", "/openapi.json")
        found = answer.json() if answer.ok else None
    except (Problem, ValueError):
        return None
    return found if isinstance(found, dict) and "paths" in found else None


def merge(told: Mapping[str, Document | None]) -> Document:
    """`told`: each service's own document, None where it gave no answer."""
    merged: Document = {
        "openapi": "3.1.0",
        "info": {"title": "OpenLPSE", "version": "1", "description": ABOUT},
        "paths": dict(LOGIN_PATHS),
        "components": {"schemas": {"Problem": PROBLEM_SCHEMA}, "securitySchemes": SECURITY},
        "security": [{"session": []}, {"cookie": []}],
        "x-unavailable": sorted(service for service, document in told.items() if document is None),
    }
    for service, document in told.items():
        if document is not None:
            _add(merged, service, document)
    return merged


def _add(merged: Document, service: str, document: Document) -> None:
    paths = {path: item for path, item in document["paths"].items() if not path.startswith(HIDDEN)}
    for path, item in paths.items():
        operations = {method: _operation(service, method, path, said) for method, said in item.items()}
        merged["paths"][f"/api/{service}{path}"] = operations
    components = document.get("components", {})
    for kind, name in _needed(paths, components):
        merged["components"].setdefault(kind, {})[f"{service}_{name}"] = _renamed(service, components[kind][name])


def _operation(service: str, method: str, path: str, said: Any) -> Any:
    if not isinstance(said, dict):  # parameters or summary of the whole path
        return _renamed(service, said)
    operation = _renamed(service, said)
    operation["operationId"] = f"{service}_{said.get('operationId', f'{method}_{path}')}"
    operation["tags"] = [service]
    told = {status: what for status, what in operation.get("responses", {}).items() if status not in {"4XX", "503"}}
    operation["responses"] = {**told, "default": REFUSAL}
    if said.get("x-policy") == ["public"]:
        operation["security"] = []
    return operation


def _renamed(service: str, value: Any) -> Any:
    """The same with every reference pointing at this service's own components."""
    if isinstance(value, list):
        return [_renamed(service, item) for item in value]
    if isinstance(value, dict):
        return {name: _renamed(service, item) for name, item in value.items()}
    if isinstance(value, str) and value.startswith(COMPONENTS):
        head, _, name = value.rpartition("/")
        return f"{head}/{service}_{name}"
    return value


def _needed(value: Any, components: Document) -> list[tuple[str, str]]:
    """The components that can be reached: what only internal paths use stays inside."""
    found: list[tuple[str, str]] = []
    waiting = list(_references(value))
    while waiting:
        kind, name = waiting.pop()
        if (kind, name) not in found:
            found.append((kind, name))
            waiting += _references(components[kind][name])
    return sorted(found)


def _references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value.startswith(COMPONENTS):
        kind, _, name = value.removeprefix(COMPONENTS).partition("/")
        yield kind, name
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item)
