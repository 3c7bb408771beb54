"""Canonical JSON (RFC 8785) for what we hash and sign: objects, arrays, strings, integers, true, false, null.

There are no floats: amounts are strings, and two languages never agree on a float for long.
"""

import json
from collections.abc import Mapping
from typing import Any, Never

MAX_INTEGER = 2**53 - 1  # beyond it JavaScript rounds
MAX_DEPTH = 64  # a fixed limit, so that no two verifiers differ by the size of their stacks


class NotCanonical(ValueError):
    """The value has no canonical form, or the bytes are not that form."""


def canonical(value: object) -> bytes:
    """The one byte string that stands for this value. Raises NotCanonical."""
    try:
        return _text(value, 0).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("a string holds half of a surrogate pair") from error


def parse(data: bytes) -> Any:
    """The value of canonical bytes; whatever else might mean the same is refused. Raises NotCanonical."""
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except NotCanonical:
        raise
    except RecursionError as error:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise NotCanonical(f"not JSON in UTF-8: {error}") from error
    if canonical(value) != data:
        raise NotCanonical("JSON, but not in canonical form (order of keys, spaces, escapes or numbers)")
    return value


def _text(value: object, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return _checked(value).__repr__()
    if isinstance(value, list | tuple):
        return "[" + ",".join(_text(item, depth + 1) for item in value) + "]"
    if isinstance(value, Mapping):
        members = sorted(value.items(), key=_utf16)
        return "{" + ",".join(f"{_text(name, depth + 1)}:{_text(item, depth + 1)}" for name, item in members) + "}"
    raise NotCanonical(f"{type(value).__name__} has no canonical form; floats and times are written as strings")


def _utf16(member: tuple[object, object]) -> bytes:
    name = member[0]
    if not isinstance(name, str):
        raise NotCanonical(f"a key is a string, not {type(name).__name__}")
    return name.encode("utf-16-be")


def _checked(number: int) -> int:
    if abs(number) > MAX_INTEGER:
        raise NotCanonical("an integer is beyond 2^53-1; write it as a string")
    return int(number)


def _integer(literal: str) -> int:
    if len(literal) > 17:
        raise NotCanonical("an integer is beyond 2^53-1; write it as a string")
    return _checked(int(literal))


def _no_float(literal: str) -> Never:
    raise NotCanonical(f"{literal} is not an integer; write it as a string")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise NotCanonical("an object names a key twice")
    return value
