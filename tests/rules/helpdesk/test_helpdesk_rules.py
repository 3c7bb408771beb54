"""Complaints go to both and in time; maintenance is announced by who knows what it hits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.calendar import WIB, is_working_day
from kit.problems import Problem
from services.helpdesk import rules, tracking

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
CODES = st.sets(st.sampled_from(["26000000001", "26000000002", "26000000003"]))


@given(st.sets(st.sampled_from(rules.RECIPIENTS)))
def test_both_recipients_or_none(recipients: set[str]) -> None:
    if len(recipients) == 2:
        rules.require_both_recipients(recipients)
        return
    with pytest.raises(Problem) as refused:
        rules.require_both_recipients(recipients)
    assert all(name in refused.value.detail for name in set(rules.RECIPIENTS) - recipients)


@given(MOMENTS)
def test_forwarding_is_due_at_the_end_of_the_second_working_day_after(submitted: datetime) -> None:
    due = rules.forward_due(submitted).astimezone(WIB)
    day, last = submitted.astimezone(WIB).date(), (due - timedelta(microseconds=1)).date()
    between = [day + timedelta(days=number) for number in range(1, (last - day).days + 1)]
    assert (due.hour, due.minute) == (0, 0)
    assert sum(map(is_working_day, between)) == rules.FORWARD_WORKING_DAYS
    assert is_working_day(last)


def test_a_complaint_on_friday_is_due_on_tuesday_night() -> None:
    friday = datetime(2026, 11, 27, 9, 0, tzinfo=WIB)
    assert rules.forward_due(friday) == datetime(2026, 12, 2, 0, 0, tzinfo=WIB)


@pytest.mark.parametrize(
    ("forwarded", "answered", "code"),
    [(None, None, "not_forwarded"), (NOW, None, None), (NOW, NOW, "already_answered")],
)
def test_an_answer_comes_once_and_after_forwarding(
    forwarded: datetime | None, answered: datetime | None, code: str | None
) -> None:
    if code is None:
        rules.require_answerable(forwarded, answered)
        return
    with pytest.raises(Problem) as refused:
        rules.require_answerable(forwarded, answered)
    assert refused.value.code == code


@given(CODES, CODES)
def test_exactly_the_tenders_hit_are_acknowledged(affected: set[str], acknowledged: set[str]) -> None:
    if affected == acknowledged:
        rules.require_acknowledged(sorted(affected), acknowledged)
        return
    with pytest.raises(Problem) as refused:
        rules.require_acknowledged(sorted(affected), acknowledged)
    assert refused.value.document()["tenders"] == sorted(affected)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_a_window_begins_after_it_is_announced_and_ends_later(starts: datetime, ends: datetime, now: datetime) -> None:
    if now <= starts < ends:
        rules.require_window(starts, ends, now)
        return
    with pytest.raises(Problem):
        rules.require_window(starts, ends, now)


@pytest.mark.parametrize("channel", ["telepon", "kunjungan"])
def test_only_the_helpdesk_writes_down_calls_and_visits(channel: str) -> None:
    rules.require_channel(channel, by_helpdesk=True)
    rules.require_channel("internet", by_helpdesk=False)
    with pytest.raises(Problem):
        rules.require_channel(channel, by_helpdesk=False)


def test_tracking_codes_are_random_and_forgive_how_they_are_typed() -> None:
    codes = {tracking.new_code() for _ in range(1000)}
    assert len(codes) == 1000
    code = codes.pop()
    assert tracking.digest(code) == tracking.digest(f" {code.upper().replace('-', ' ')} ")
    assert tracking.digest(code) != tracking.digest(codes.pop())
