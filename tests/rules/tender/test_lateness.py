"""One boundary rule: in time if and only if the instant is not after the deadline."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.problems import Conflict
from services.tender.rules.lateness import decide

OPENS = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
CLOSES = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)
TICK = timedelta(milliseconds=1)


@given(st.integers(-10_000, 10_000), st.booleans())
def test_accepted_if_and_only_if_not_after_the_deadline_and_not_closed(off: int, closed: bool) -> None:
    verdict = decide(CLOSES + off * TICK, opens_at=OPENS, closes_at=CLOSES, closed=closed)
    assert verdict.accepted == (off <= 0 and not closed)
    assert verdict.disturbed == (off <= 0 and closed)
    assert (verdict.instant, verdict.closes_at) == (CLOSES + off * TICK, CLOSES)


def test_the_boundary_itself() -> None:
    assert decide(CLOSES, opens_at=OPENS, closes_at=CLOSES, closed=False).accepted
    assert decide(CLOSES + TICK, opens_at=OPENS, closes_at=CLOSES, closed=False).reason == "late"


def test_late_is_late_even_when_the_tender_is_closed() -> None:
    assert decide(CLOSES + TICK, opens_at=OPENS, closes_at=CLOSES, closed=True).reason == "late"


def test_before_the_stage_nothing_is_decided() -> None:
    with pytest.raises(Conflict):
        decide(OPENS - TICK, opens_at=OPENS, closes_at=CLOSES, closed=False)
    assert decide(OPENS, opens_at=OPENS, closes_at=CLOSES, closed=False).accepted
