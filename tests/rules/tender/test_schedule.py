"""Schedules: what is active, what is lawful, what happens when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.calendar import WIB, is_working_day
from kit.problems import Conflict, RuleViolation
from services.tender.regimes import REGIMES, regime
from services.tender.rules import schedule
from services.tender.rules.regime import UPLOAD, Regime
from services.tender.rules.schedule import Breach, Span

T1 = regime("P70-2012").template("T1")
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
TICK = timedelta(milliseconds=1)
starts = st.datetimes(min_value=datetime(2025, 1, 1), max_value=datetime(2028, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=WIB)
)


def lawful(start: datetime = START) -> list[Span]:
    return schedule.propose(T1, start)


def moved(spans: list[Span], code: str, **changes: Any) -> list[Span]:
    return [replace(span, **changes) if span.code == code else span for span in spans]


def breaches(spans: list[Span], now: datetime = START) -> list[str]:
    with pytest.raises(RuleViolation) as caught:
        schedule.check(T1, spans, now)
    told = [Breach(**breach) for breach in caught.value.extra["breaches"]]
    assert all(breach.sentence in caught.value.detail for breach in told)
    return [breach.sentence for breach in told]


@given(starts)
def test_every_proposal_is_lawful(start: datetime) -> None:
    spans = lawful(start)
    schedule.check(T1, spans, start)
    for span in spans:
        assert span.starts_at < span.ends_at
        assert is_working_day(span.ends_at.astimezone(WIB).date())


@given(starts, st.integers(0, 11), st.integers(-5, 5))
def test_a_stage_is_active_at_both_its_ends_and_not_beyond(start: datetime, no: int, off: int) -> None:
    span = lawful(start)[no]
    for edge in (span.starts_at, span.ends_at):
        now = edge + off * TICK
        assert (span.code in schedule.active([span], now)) == (span.starts_at <= now <= span.ends_at)


@given(starts, st.sampled_from([interval for interval in T1.intervals if interval.least]))
def test_one_day_less_than_the_least_is_a_breach(start: datetime, interval: object) -> None:
    """Each row of the table is enforced: shorten exactly that distance below its least."""
    from services.tender.rules.regime import Interval

    assert isinstance(interval, Interval)
    assert interval.least is not None
    spans = {span.code: span for span in lawful(start)}
    first = interval.from_.split(".")
    second = interval.to.split(".")
    at = getattr(spans[first[0]], f"{first[1]}_at")
    spans[second[0]] = replace(spans[second[0]], **{f"{second[1]}_at": at})
    found = breaches(list(spans.values()), start)
    assert any(interval.from_ in breach and interval.to in breach for breach in found)


def test_the_appointment_waits_no_longer_than_six_working_days() -> None:
    spans = lawful()
    late = next(span for span in spans if span.code == "sppbj").ends_at + timedelta(days=1)
    assert any("at most 6" in breach for breach in breaches(moved(spans, "sppbj", ends_at=late)))


def test_opening_comes_after_the_deadline() -> None:
    spans = lawful()
    closes_at = schedule.closing_time(spans)
    early = moved(spans, "pembukaan", starts_at=closes_at - TICK)
    assert any("pembukaan.starts lies before upload_penawaran.ends" in breach for breach in breaches(early))
    schedule.check(T1, moved(spans, "pembukaan", starts_at=closes_at), START)


def test_a_stage_does_not_end_on_a_saturday() -> None:
    spans = lawful()
    evaluation = next(span for span in spans if span.code == "evaluasi")
    saturday = evaluation.ends_at.replace(day=5)
    assert any(
        "evaluasi does not end on a working day" in b for b in breaches(moved(spans, "evaluasi", ends_at=saturday))
    )


def test_an_announcement_that_comes_late_counts_from_when_it_came() -> None:
    spans = lawful()
    schedule.check(T1, spans, START + timedelta(hours=3))
    assert any("pengumuman_pascakualifikasi" in breach for breach in breaches(spans, START + timedelta(days=1)))


def test_a_breach_names_the_stage_that_would_have_to_move_and_the_numbers_of_its_rule() -> None:
    spans = lawful()
    ends_at = next(span for span in spans if span.code == "pengumuman_pemenang").ends_at
    with pytest.raises(RuleViolation) as caught:
        schedule.check(T1, moved(spans, "masa_sanggah", ends_at=ends_at + timedelta(days=1)), START)
    told = next(
        breach for breach in caught.value.extra["breaches"] if breach.get("after") == "pengumuman_pemenang.ends"
    )
    assert told == {
        "stage": "masa_sanggah",
        "edge": "ends",
        "rule": "too_few_days",
        "after": "pengumuman_pemenang.ends",
        "days": 0,
        "least": 5,
        "source": "Perpres 70/2012 Pasal 81: 5 hari kerja setelah pengumuman pemenang",
    }


def test_a_deadline_in_the_past_is_a_breach_of_the_stage_that_ended() -> None:
    spans = lawful()
    closes_at = schedule.closing_time(spans)
    assert "upload_penawaran ends in the past." in breaches(spans, closes_at)
    assert "upload_penawaran ends in the past." not in breaches(spans, closes_at - TICK)


def test_stages_of_another_template_are_refused() -> None:
    with pytest.raises(RuleViolation) as caught:
        schedule.check(T1, lawful()[:-1], START)
    assert caught.value.code == "stages_differ"


@given(starts, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_every_change_of_the_active_stages_has_its_time_event(start: datetime, later: timedelta) -> None:
    """Between two neighbouring events nothing changes, so a job at each of them misses nothing."""
    spans = lawful(start)
    now = start + later
    looks = [
        when
        for when, what in schedule.time_events(spans, start, grace=timedelta(seconds=30))
        if what == "stage_boundary"
    ]
    before = max([start, *(when for when in looks if when <= now)])
    assert schedule.active(spans, now) == schedule.active(spans, before)


@pytest.mark.parametrize("grace", [timedelta(seconds=30), timedelta(minutes=2)])
def test_closing_comes_so_long_after_the_deadline_also_when_that_is_past(grace: timedelta) -> None:
    spans = lawful()
    closes_at = schedule.closing_time(spans)
    for now in (START, closes_at + timedelta(days=1)):
        assert schedule.time_events(spans, now, grace=grace)[-1] == (closes_at + grace, "close_bidding")


def test_before_and_after_a_stage_its_acts_are_refused() -> None:
    spans = lawful()
    upload = next(span for span in spans if span.code == UPLOAD)
    schedule.require_active(spans, UPLOAD, upload.starts_at, name="Upload")
    schedule.require_active(spans, UPLOAD, upload.ends_at, name="Upload")
    for now in (upload.starts_at - TICK, upload.ends_at + TICK):
        with pytest.raises(Conflict, match="Upload"):
            schedule.require_active(spans, UPLOAD, now, name="Upload")
    with pytest.raises(Conflict):
        schedule.require_begun(spans, UPLOAD, upload.starts_at - TICK, name="Upload")
    schedule.require_begun(spans, UPLOAD, upload.ends_at + timedelta(days=9), name="Upload")


@pytest.mark.parametrize("code", sorted(REGIMES))
def test_a_regime_survives_being_frozen(code: str) -> None:
    law = regime(code)
    copy = Regime.model_validate(law.model_dump(mode="json", by_alias=True))
    assert copy == law
    assert copy.sha256() == law.sha256()


def test_every_row_of_law_names_its_source() -> None:
    law = regime("P70-2012")
    rows = [*law.categories, *law.methods, law.hps, *law.winner_authority, *law.failure_grounds, *law.templates]
    rows += [*T1.intervals, T1.bidders, T1.objection, T1.reserves]
    assert all(row.source.strip() for row in rows)
    assert [stage.no for stage in T1.stages] == list(range(1, 13))
