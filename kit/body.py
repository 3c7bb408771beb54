"""What a body must be before anything else looks at it: one JSON document that every reader reads alike (RFC 7493).

Two members of one name, NaN, half a surrogate pair or a control character mean one thing to one program and another to
the next; a signature or a hash over them proves nothing. POST carries JSON; PUT carries a file's bytes, which no one reads.
"""

import json
import re
from email.message import Message as Headers
from typing import Any, Final, NoReturn

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.problems import Problem, Reason

__all__ = ["Strict", "parse"]

MOST_BYTES: Final = 4 << 20
"""Of a service asked directly; the gateway's own limit lies below."""
DEEPEST: Final = 32
LONGEST_NUMBER: Final = 64
REMEDY: Final = "Send one JSON object in UTF-8, as /api/openapi.json describes it."

# Controls but tab and line ends, half surrogates, and what turns the direction of the text around it without being seen.
UNSOUND = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def parse(body: bytes) -> Any:
    """The document; Problem (422) when it is none, or one that two readers may read differently."""
    try:
        text = body.decode()
        document = json.loads(
            text, object_pairs_hook=_each_once, parse_constant=_number, parse_int=_integer, parse_float=_fraction
        )
    except (ValueError, RecursionError) as error:
        raise _unreadable(Reason("not_json", "it is not JSON in UTF-8")) from error
    _check(document)
    return document


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _unreadable(Reason("name_twice", "a name stands twice in one object"))
    return found


def _number(_text: str) -> NoReturn:
    raise _unreadable(Reason("number_unsound", "a number is not finite or too long"))


def _integer(text: str) -> int:
    return int(text) if len(text) <= LONGEST_NUMBER else _number(text)


def _fraction(text: str) -> float:
    found = float(text)
    return found if len(text) <= LONGEST_NUMBER and abs(found) != float("inf") else _number(text)


def _check(document: Any) -> None:
    """Without recursion: what is too deep must not be found by falling."""
    waiting = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise _unreadable(Reason("too_deep", "it is nested deeper than {deepest}", deepest=DEEPEST))
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, dict):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]


def _check_text(text: str) -> None:
    if found := UNSOUND.search(text):
        sentence = "a text holds the character {character}, which cannot be seen"
        raise _unreadable(Reason("unseen_character", sentence, character=f"U+{ord(found[0]):04X}"))


def _unreadable(why: Reason) -> Problem:
    return Problem("body_unreadable", "The request's body cannot be read: {why}.", status=422, remedy=REMEDY, why=why)


class Strict:
    """ASGI: refuses bodies in another form, and hands on the rest unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from kit.http import problem_response

        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH", "DELETE"}:
            await self._app(scope, receive, send)
            return
        try:
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            _refuse_encoded(headers.get(b"content-encoding", ""))
            if scope["method"] != "PUT":
                body = await _whole(receive)
                if body is None:
                    return
                _refuse_other(headers.get(b"content-type", ""), body)
                receive = _again(body, receive)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refuse_encoded(encoding: str) -> None:
    """Nothing is unpacked: a small body stays small, and a file is what its fingerprints are of."""
    if encoding.strip().lower() not in {"", "identity"}:
        raise Problem(
            "encoding_refused",
            "A body is not taken in the encoding {encoding}.",
            status=415,
            remedy="Send it as it is, without Content-Encoding.",
            encoding=encoding[:40],
        )


async def _whole(receive: Receive) -> bytes | None:
    """None when the client left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Problem(
                "body_too_large",
                "A request here has at most {most} bytes.",
                status=413,
                remedy="Files go to /api/documents/uploads with a grant.",
                most=MOST_BYTES,
            )
        if not message.get("more_body", False):
            return bytes(body)


def _refuse_other(content_type: str, body: bytes) -> None:
    if not body:
        return
    if not _is_json(content_type):
        raise Problem(
            "json_expected",
            "A request's body is JSON in UTF-8; this says it is {given}.",
            status=415,
            remedy="Send it with Content-Type: application/json.",
            given=content_type[:80] or "nothing",
        )
    parse(body)


def _is_json(content_type: str) -> bool:
    header = Headers()
    header["content-type"] = content_type
    charset = header.get_content_charset("utf-8")
    return header.get_content_type() == "application/json" and charset in {"utf-8", "utf8"}


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
