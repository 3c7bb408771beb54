"""Sends what schemathesis makes of an API's description, mixed with what makes it reach deep: people who are logged in,
identifiers of records that are there, grants, and requests that are right but for one place.

Nothing is raised on the way: what breaks a promise of the description is kept in `broken`, each kind once.
"""

import json
import random
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import anyio
import httpx2
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.openapi import checks as _  # noqa: F401  registers the checks
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.access.requests import body_of
from tests.access.story import upload_grant
from tests.access.table import Row, rows
from tests.access.world import PDF, PORTAL, Person, World
from tests.fuzz.oddities import mutated

__all__ = ["Fuzzer"]

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
QUIET = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
Case = schemathesis.Case[Any]
PATIENCE = 30.0
"""Seconds."""
PROBLEM = "application/problem+json"
MEMBERS = {"type", "title", "status", "detail", "code"}


@dataclass
class Fuzzer:
    world: World
    target: str
    """A service, or the gateway with all of them behind it."""
    answered: Counter[str] = field(default_factory=Counter)
    """Requests by route."""
    statuses: Counter[int] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)
    _seen: deque[str] = field(default_factory=lambda: deque(maxlen=500))
    """Identifiers and cursors that were answered lately."""
    _sessions: dict[str, str] = field(default_factory=dict)
    _rows: dict[tuple[str, str], list[Row]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in rows():
            path = row.path if self.target != "gateway" or row.service == "gateway" else f"/api/{row.service}{row.path}"
            if self.target in {"gateway", row.service}:
                self._rows.setdefault((row.method, path), []).append(row)

    async def run(self, examples: int, until: float = 0.0, first: int = 0) -> None:
        """Every route with so many requests that fit its description and as many that do not; again and again until then,
        each time with another seed.
        """
        document = "/api/openapi.json" if self.target == "gateway" else "/openapi.json"
        described = (await self.world.ask(None, self.target, "GET", document)).json()
        schema = schemathesis.openapi.from_dict(described)
        operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        number = first
        while number == first or time.monotonic() < until:
            for operation in operations:
                await anyio.to_thread.run_sync(self._route, operation, examples, number)
            number += 1

    def _route(self, operation: APIOperation[Any, Any, Any, Any], examples: int, number: int) -> None:
        for mode in MODES:

            @settings(QUIET, max_examples=examples)
            @seed(number)
            @given(case=operation.as_strategy(generation_mode=mode), chance=st.integers(0, 2**64))
            def one(case: Case, chance: int) -> None:
                anyio.from_thread.run(self._one, case, random.Random(chance))

            try:
                one()
            except Unsatisfiable:
                assert mode is not MODES[0], (
                    f"nothing fits {operation.label}"
                )  # where nothing is asked, nothing is wrong

    async def _one(self, case: Case, chance: random.Random) -> None:
        row = chance.choice(self._rows.get((case.method, case.path)) or [None])
        who = self._somebody(row, chance)
        await self._deepen(case, row, chance)
        label = f"{self.target} {case.operation.label}"
        try:
            with anyio.fail_after(PATIENCE):
                response = await self._send(case, await self._permits(case, who, chance))
        except TimeoutError:
            self.broken[f"{label}: no answer"] = f"{case.path_parameters} {case.query} {case.body!r}"[:2000]
            return
        if response.status_code == 401 and who is not None:
            self._sessions.pop(who.name, None)  # an earlier request may have ended it
        self.answered[label] += 1
        self.statuses[response.status_code] += 1
        self._learn(response)
        if why := _broken_promise(case, response):
            self.broken.setdefault(f"{label}: {why}", _told(response))

    def _somebody(self, row: Row | None, chance: random.Random) -> Person | None:
        """Mostly somebody who gets past the door."""
        everybody = [None, *self.world.people.values()]
        may = [who for who in everybody if row is not None and row.refusal(who) is None]
        return chance.choice(may if may and chance.random() < 0.8 else everybody)

    async def _deepen(self, case: Case, row: Row | None, chance: random.Random) -> None:
        """Half of the time each: an identifier of a record that is there, and a body that is right or nearly."""
        for name in case.path_parameters:
            if chance.random() < 0.5:
                known = [*self.world.records.values(), *self._seen]
                case.path_parameters[name] = chance.choice(known)
        if row is None or chance.random() < 0.5:
            return
        if row.record in self.world.records:
            case.path_parameters.update(dict.fromkeys(case.path_parameters, self.world.records[row.record]))
        body = await body_of(self.world, row)
        if body is not None and not isinstance(body, bytes):
            whole = mutated(body, chance) if chance.random() < 0.7 else body
            case.body, case.media_type = json.dumps(whole).encode(), "application/json"
        if isinstance(case.query, dict) and "cursor" in case.query and self._seen:
            case.query["cursor"] = chance.choice(list(self._seen))

    async def _send(self, case: Case, permits: Mapping[str, str]) -> httpx2.Response:
        base = PORTAL if self.target == "gateway" else f"http://{self.target}"
        sent = case.as_transport_kwargs(base_url=base)
        if isinstance(case.body, bytes):
            sent.pop("json", None)
            sent["data"] = case.body
        prepared = requests.Request(**sent).prepare()
        headers = {str(name).lower(): value for name, value in prepared.headers.items()}
        headers |= {"content-type": "application/json"} if isinstance(case.body, bytes) else {}
        headers |= permits
        client = self.world.clients[self.target]
        client.cookies.clear()
        request = client.build_request(
            str(prepared.method),
            base + prepared.path_url,
            headers=[(_octets(name), _octets(value)) for name, value in headers.items()],
            content=_octets(prepared.body or b""),
        )
        return await client.send(request)

    async def _permits(self, case: Case, who: Person | None, chance: random.Random) -> Mapping[str, str]:
        """What opens doors: the session or token, the key of the request, grants."""
        said = {}
        if who is not None:
            said["authorization"] = f"Bearer {await self._token(who)}"
        if case.method != "GET" and chance.random() < 0.9:
            said["idempotency-key"] = str(uuid4())
        if case.path.endswith("/internal/tokens") and chance.random() < 0.5:
            said["lpse-service"] = self.world.service_token(self.target)
        if case.path.endswith("/uploads") and who is not None and chance.random() < 0.7:
            said["lpse-grant"] = upload_grant(self.world, who)[1]
            said["content-type"] = "application/pdf"
            said["content-disposition"] = "attachment; filename*=UTF-8''berkas.pdf"
            case.body = PDF
        if case.path.endswith("/objects/{id}") and chance.random() < 0.7:
            case.path_parameters["id"] = self.world.records["object"]
            said["lpse-grant"] = self.world.bodies["reading public"]
            if chance.random() < 0.5:
                said["range"] = chance.choice(("bytes=0-3", "bytes=2-", "bytes=-1", "bytes=9-2", "bytes=99-", "x"))
        return said

    async def _token(self, who: Person) -> str:
        if self.target != "gateway":
            return who.token(self.world.key_home)
        if who.name not in self._sessions:
            self._sessions[who.name] = await self.world.open_session(who)
        return self._sessions[who.name]

    def _learn(self, response: httpx2.Response) -> None:
        """Remember what later requests may ask for."""
        if response.is_success and response.headers.get("content-type") == "application/json":
            answer = response.json()
            found = [answer, *answer.get("items", [])] if isinstance(answer, dict) else answer
            for row in found if isinstance(found, list) else ():
                if isinstance(row, dict):
                    self._seen.extend(str(row[name]) for name in ("id", "next", "code", "event_id") if row.get(name))

    def summary(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "routes": sorted(self.answered),
            "requests": self.answered.total(),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


def _broken_promise(case: Case, response: httpx2.Response) -> str | None:
    """What of the API's promises this answer does not keep."""
    if response.status_code >= 500:
        return f"status {response.status_code}"
    if response.status_code >= 400:
        if response.headers.get("content-type") != PROBLEM:
            return f"a refusal as {response.headers.get('content-type')}"
        told = response.json()
        if not told.keys() >= MEMBERS or told["status"] != response.status_code:
            return "an incomplete problem document"
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as failures:
        return "; ".join(sorted({f"{type(f).__name__}: {f.message[:300]}" for f in failures.exceptions}))
    return None


def _octets(said: object) -> bytes:
    """What goes over the line: headers travel as Latin-1, what that cannot hold as UTF-8."""
    if isinstance(said, bytes):
        return said
    try:
        return str(said).encode("latin-1")
    except UnicodeEncodeError:
        return str(said).encode(errors="surrogatepass")


def _told(response: httpx2.Response) -> str:
    request = response.request
    sent = {name: value for name, value in request.headers.items() if name not in {"authorization", "lpse-service"}}
    asked = f"{request.method} {request.url} {sent} {request.content[:600]!r}"
    return f"{asked}\n  -> {response.status_code} {response.text[:600]}"
