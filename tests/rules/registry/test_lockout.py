"""Who is shut out by failed logins, and who never is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.limits import Limits
from services.registry.rules.lockout import Failure, wait

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
LIMITS = Limits(guesses_per_place=5, guesses_per_user_id=20, guess_window=900)


def failures(many: int, place: bytes = b"here", *, known: bool = False, age: int = 60) -> list[Failure]:
    return [Failure(NOW - timedelta(seconds=age), place, known)] * many


def strangers(many: int) -> list[Failure]:
    return [failure for number in range(many) for failure in failures(1, f"there {number}".encode())]


@pytest.mark.parametrize("known", [False, True])
def test_a_place_is_closed_after_its_own_failures_until_they_are_old(known: bool) -> None:
    assert wait(failures(4, known=known), b"here", NOW, LIMITS, known=known) == 0
    assert wait(failures(5, known=known), b"here", NOW, LIMITS, known=known) == 840
    assert wait(failures(5, known=known, age=900), b"here", NOW, LIMITS, known=known) == 0


def test_failures_elsewhere_close_no_other_place_below_the_ceiling() -> None:
    assert wait(failures(19, b"there"), b"here", NOW, LIMITS, known=False) == 0


def test_past_the_ceiling_only_known_places_get_through() -> None:
    assert wait(strangers(20), b"here", NOW, LIMITS, known=False) == 840
    assert wait(strangers(20), b"here", NOW, LIMITS, known=True) == 0


def test_failures_at_known_places_close_nothing_to_strangers() -> None:
    assert wait(failures(30, b"home", known=True), b"here", NOW, LIMITS, known=False) == 0


def test_it_opens_when_the_oldest_that_counts_is_old() -> None:
    given = failures(1, age=890) + failures(4, age=10)
    assert wait(given, b"here", NOW, LIMITS, known=False) == 10
    assert wait([*given, *failures(1, age=5)], b"here", NOW, LIMITS, known=False) == 890


@given(st.lists(st.floats(0, 2000), max_size=12))
def test_it_ends_exactly_when_it_says(ages: list[float]) -> None:
    own = [Failure(NOW - timedelta(seconds=age), b"here", known=False) for age in ages]
    seconds = wait(own, b"here", NOW, LIMITS, known=False)
    assert (seconds > 0) == (len([age for age in ages if age < 900]) >= 5)
    if seconds:
        assert wait(own, b"here", NOW + timedelta(seconds=seconds), LIMITS, known=False) == 0
    if seconds > 1:
        assert wait(own, b"here", NOW + timedelta(seconds=seconds - 1.001), LIMITS, known=False) > 0
