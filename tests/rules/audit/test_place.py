"""Where an event stands in its source's chain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.envelope import FIRST
from services.audit.rules import Place, place

MINE, OTHER = "a" * 64, "b" * 64
numbers = st.integers(min_value=0, max_value=2**40)


def test_the_first_event_follows_nothing() -> None:
    assert place(1, FIRST, last_seq=0, last_digest=FIRST) is Place.NEXT
    assert place(1, MINE, last_seq=0, last_digest=FIRST) is Place.BROKEN


@given(last=numbers)
def test_the_next_one_names_the_one_before(last: int) -> None:
    assert place(last + 1, MINE, last_seq=last, last_digest=MINE) is Place.NEXT
    assert place(last + 1, OTHER, last_seq=last, last_digest=MINE) is Place.BROKEN


@given(last=numbers, ahead=st.integers(min_value=2, max_value=1000), prev=st.sampled_from([MINE, OTHER]))
def test_one_that_is_too_early_waits(last: int, ahead: int, prev: str) -> None:
    assert place(last + ahead, prev, last_seq=last, last_digest=MINE) is Place.LATER


@given(last=numbers, back=st.integers(min_value=0, max_value=1000))
def test_another_event_in_a_taken_place_breaks_the_chain(last: int, back: int) -> None:
    assert place(last - back, MINE, last_seq=last, last_digest=MINE) is Place.BROKEN


@pytest.mark.parametrize("seq", [0, -1])
def test_no_place_before_the_first(seq: int) -> None:
    assert place(seq, FIRST, last_seq=0, last_digest=FIRST) is Place.BROKEN
