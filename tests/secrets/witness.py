"""Everything secret that passes between users and the portal, and where it must not turn up again."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2

TOLD_ONCE = {"password", "session", "grant", "tracking", "tracking_code", "totp_secret"}
PERSONAL = {"email", "phone", "npwp", "contact"}
PRICES = {"unit_price", "amount", "total", "price"}
HEADERS = {"lpse-grant": "grant", "authorization": "session", "lpse-tracking": "tracking"}
LEAST = 8
"""Shorter values turn up by chance."""


class Witness:
    """Listens to an HTTP client. `values`: kind of secret -> what was sent or answered; `refusals`: problem documents."""

    def __init__(self) -> None:
        self.values: dict[str, set[str]] = defaultdict(set)
        self.refusals: list[str] = []

    def listen(self, http: httpx2.AsyncClient) -> None:
        http.event_hooks = {"request": [self._sent], "response": [self._answered]}

    async def _sent(self, request: httpx2.Request) -> None:
        for header, kind in HEADERS.items():
            if header in request.headers:
                self.note(kind, request.headers[header].removeprefix("Bearer "))
        if request.headers.get("content-type") == "application/json":
            self._walk(json.loads(request.content))

    async def _answered(self, response: httpx2.Response) -> None:
        if response.status_code >= 400:
            self.refusals.append((await response.aread()).decode())
        elif response.headers.get("content-type") == "application/json":
            self._walk(json.loads(await response.aread()))

    def _walk(self, said: Any) -> None:
        match said:
            case dict():
                for name, value in said.items():
                    if name == "number" and said.get("kind") in {"npwp", "ktp"}:
                        self.note("npwp", value)
                    elif isinstance(value, str):
                        self._named(name, value)
                    else:
                        self._walk(value)
            case list():
                for one in said:
                    self._walk(one)

    def _named(self, name: str, value: str) -> None:
        if name in TOLD_ONCE | PERSONAL | PRICES | {"statement", "token"}:
            self.note(name, value)

    def note(self, kind: str, value: str) -> None:
        if len(value) >= LEAST:
            self.values[kind].add(value)

    def told(self, haystack: bytes, kinds: set[str] | None = None) -> list[str]:
        """`kind: value` of what the haystack holds, plainly or in another writing."""
        return [
            f"{kind}: {value[:60]}"
            for kind, values in self.values.items()
            if kinds is None or kind in kinds
            for value in values
            if any(written in haystack for written in writings(value))
        ]


def writings(value: str) -> Iterator[bytes]:
    plain = value.encode()
    yield from {plain, quote(value, safe="").encode(), json.dumps(value)[1:-1].encode(), plain.hex().encode()}
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):  # as it looks within something longer, wherever it begins
            whole = encode(b"\0" * before + plain)
            yield whole[4 if before else 0 : -4]
