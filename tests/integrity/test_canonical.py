"""Canonical JSON: agrees with an independent implementation, and accepts one spelling of each value."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from integrity.canonical import MAX_DEPTH, MAX_INTEGER, NotCanonical, canonical, parse

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


@given(values)
def test_agrees_with_rfc8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_parse_reads_back(value: Any) -> None:
    assert parse(canonical(value)) == value


@given(values, st.sampled_from([{"indent": 1}, {"separators": (", ", ":")}, {"ensure_ascii": True}]))
def test_any_other_spelling_is_refused(value: Any, style: dict[str, Any]) -> None:
    other = json.dumps(value, **style).encode()
    if other != canonical(value):
        with pytest.raises(NotCanonical):
            parse(other)


def test_keys_are_sorted_by_utf16_and_not_by_code_point() -> None:
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()


def test_escapes() -> None:
    assert canonical('\x00\x1f\x7f"\\/\n\u2028') == '"\\u0000\\u001f\x7f\\"\\\\/\\n\u2028"'.encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.0, "float"),
        ([1, {"a": 0.5}], "float"),
        (b"bytes", "bytes"),
        ({1: 2}, "a key is a string"),
        ({True: 2}, "a key is a string"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        (MAX_INTEGER + 1, "2\\^53-1"),
        (-MAX_INTEGER - 1, "2\\^53-1"),
    ],
)
def test_values_without_canonical_form(value: Any, reason: str) -> None:
    with pytest.raises(NotCanonical, match=reason):
        canonical(value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'{"a":{"b":1,"b":2}}', "twice"),
        (b'{"b":1,"a":2}', "canonical form"),
        (b'{"a": 1}', "canonical form"),
        (b"1\n", "canonical form"),
        (b"-0", "canonical form"),
        (b'"\\u0041"', "canonical form"),
        (b'"\\/"', "canonical form"),
        (b'"\\ud800"', "surrogate"),
        (b"1.0", "not an integer"),
        (b"1e2", "not an integer"),
        (b"NaN", "not an integer"),
        (b"-Infinity", "not an integer"),
        (b"9007199254740992", "2\\^53-1"),
        (b"-9007199254740992", "2\\^53-1"),
        (b"1" * 5000, "2\\^53-1"),
        (b"\xff", "UTF-8"),
        (b"\xef\xbb\xbf1", "not JSON"),
        (b"", "not JSON"),
        (b"1 1", "not JSON"),
        (b"01", "not JSON"),
        (b'"\n"', "not JSON"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_bytes_that_are_not_canonical(data: bytes, reason: str) -> None:
    with pytest.raises(NotCanonical, match=reason):
        parse(data)


def test_depth_has_one_fixed_limit() -> None:
    deepest = b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    assert canonical(parse(deepest)) == deepest
    with pytest.raises(NotCanonical, match="nested"):
        parse(b"[" + deepest + b"]")
