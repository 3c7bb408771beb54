"""When what is hidden is logged: in even steps as long as little waits, and never much later."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.audit.rules import PATIENCE, QUIET, RUSH, blind_due, ticks

PERIOD = timedelta(seconds=60)
NONE = timedelta()
AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@given(waiting=st.integers(0, RUSH - 1), seconds=st.integers(0, PATIENCE * 60))
def test_between_the_steps_nothing_is_logged(waiting: int, seconds: int) -> None:
    assert blind_due(waiting, timedelta(seconds=seconds), PERIOD, tick=False) is None


@given(waiting=st.integers(0, RUSH - 1), seconds=st.integers(0, PATIENCE * 60))
def test_a_step_takes_what_there_is_up_to_its_size(waiting: int, seconds: int) -> None:
    assert blind_due(waiting, timedelta(seconds=seconds), PERIOD, tick=True) == min(waiting, QUIET)


@given(waiting=st.integers(RUSH, 5000), tick=st.booleans())
def test_a_rush_is_logged_whole(waiting: int, tick: bool) -> None:
    assert blind_due(waiting, NONE, PERIOD, tick=tick) == waiting


@given(waiting=st.integers(1, RUSH - 1), tick=st.booleans())
def test_nobody_waits_for_ever(waiting: int, tick: bool) -> None:
    assert blind_due(waiting, PATIENCE * PERIOD + timedelta(milliseconds=1), PERIOD, tick=tick) == waiting


def test_nothing_that_waits_is_no_reason() -> None:
    assert blind_due(0, timedelta(days=1), PERIOD, tick=False) is None


@given(arrivals=st.lists(st.integers(0, QUIET), max_size=30))
def test_whoever_counts_entries_counts_steps(arrivals: list[int]) -> None:
    """At most a step's size arrives in each period: however it varies, every batch has the same size and none is left behind."""
    waiting = 0
    for new in arrivals:
        waiting += new
        due = blind_due(waiting, PERIOD if waiting else NONE, PERIOD, tick=True)
        assert due is not None
        assert due <= QUIET
        waiting -= due
    assert waiting == 0


def test_steps_begin_on_a_grid_and_not_with_events() -> None:
    assert ticks(None, AT, PERIOD)
    assert not ticks(AT, AT + timedelta(seconds=59.9), PERIOD)
    assert ticks(AT, AT + PERIOD, PERIOD)
    assert ticks(AT + timedelta(seconds=59.9), AT + PERIOD, PERIOD)
    assert not ticks(AT + PERIOD, AT, PERIOD), "a clock that is set back brings no step of its own"
