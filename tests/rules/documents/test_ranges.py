"""Which bytes a Range header asks for (RFC 9110 section 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.problems import Problem
from services.documents.rules import span

SIZES = st.integers(0, 50)


@given(SIZES, st.integers(0, 60), st.none() | st.integers(0, 60))
def test_a_range_is_the_slice_it_names(size: int, first: int, last: int | None) -> None:
    content = bytes(range(size))
    header = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert not span(header, None, etag="e", size=size).partial
    elif first >= size:
        with pytest.raises(Problem) as refused:
            span(header, None, etag="e", size=size)
        assert refused.value.status == 416
    else:
        found = span(header, None, etag="e", size=size)
        wanted = content[first : None if last is None else last + 1]
        assert content[found.first : found.first + found.length] == wanted
        assert found.content_range == f"bytes {first}-{first + len(wanted) - 1}/{size}"


@given(SIZES, st.integers(0, 60))
def test_a_suffix_is_the_end(size: int, count: int) -> None:
    if count == 0 or size == 0:
        with pytest.raises(Problem):
            span(f"bytes=-{count}", None, etag="e", size=size)
        return
    found = span(f"bytes=-{count}", None, etag="e", size=size)
    assert (found.first, found.length) == (max(0, size - count), min(size, count))


@given(SIZES, st.sampled_from([None, "", "bytes=", "bytes=-", "bytes=0-1,2-3", "items=0-1", "bytes=a-b", "bytes=٣-"]))
def test_what_is_not_one_range_is_the_whole(size: int, header: str | None) -> None:
    found = span(header, None, etag="e", size=size)
    assert (found.first, found.length, found.partial) == (0, size, False)


def test_another_version_is_the_whole() -> None:
    assert span("bytes=1-2", '"a"', etag='"a"', size=9).partial
    assert not span("bytes=1-2", '"b"', etag='"a"', size=9).partial
