"""Stages: which are active, whether a schedule is lawful, and what has to happen when.

A stage is active from its first instant to its last, both included: the deadline itself is still in time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from contracts.calendar import WIB, add_working_days, is_working_day, working_days_between
from kit.problems import Conflict, RuleViolation
from services.tender.rules.regime import ANNOUNCEMENT, UPLOAD, Interval, Offset, Template

__all__ = [
    "Breach",
    "Span",
    "active",
    "check",
    "closing_time",
    "propose",
    "require_active",
    "require_begun",
    "time_events",
]

TICK = timedelta(milliseconds=1)
ORDER = "Perpres 54/2010 Pasal 59-61"


@dataclass(frozen=True, slots=True)
class Span:
    """One stage in time; `starts_at` and `ends_at` both belong to it."""

    code: str
    starts_at: datetime
    ends_at: datetime

    def holds(self, now: datetime) -> bool:
        return self.starts_at <= now <= self.ends_at


Broken = Literal["past", "ends_first", "not_working_day", "too_early", "too_few_days", "too_many_days"]
SENTENCES: Final[Mapping[Broken, str]] = {
    "past": "{stage} ends in the past.",
    "ends_first": "{stage} ends before it begins.",
    "not_working_day": "{stage} does not end on a working day.",
    "too_early": "{stage}.{edge} lies before {after} ({source}).",
    "too_few_days": "From {after} to {stage}.{edge}: {days} working days, at least {least} ({source}).",
    "too_many_days": "From {after} to {stage}.{edge}: {days} working days, at most {most} ({source}).",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule that a schedule breaks, and the stage whose `edge` (its start or its end) would have to move.

    `after`: the moment ("stage.starts", "stage.ends") it is counted from, where the rule is about a distance.
    """

    stage: str
    edge: Literal["starts", "ends"]
    rule: Broken
    source: str
    after: str | None = None
    days: int | None = None
    least: int | None = None
    most: int | None = None

    @property
    def sentence(self) -> str:
        return SENTENCES[self.rule].format(**asdict(self))

    def told(self) -> dict[str, Any]:
        """For programs: what is known, without what the rule does not have."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def active(spans: Iterable[Span], now: datetime) -> list[str]:
    """The codes of the stages that are active now, in their order. Several may be."""
    return [span.code for span in spans if span.holds(now)]


def require_active(spans: Sequence[Span], code: str, now: datetime, *, name: str) -> None:
    span = _of(spans, code)
    if not span.holds(now):
        raise Conflict(
            "stage_not_active",
            "This is done in the stage {name}, from {starts_at} to {ends_at}; now it is {now}.",
            article=ORDER,
            remedy="Do it while the stage is active.",
            name=name,
            starts_at=_wib(span.starts_at),
            ends_at=_wib(span.ends_at),
            now=_wib(now),
        )


def require_begun(spans: Sequence[Span], code: str, now: datetime, *, name: str) -> None:
    span = _of(spans, code)
    if now < span.starts_at:
        raise Conflict(
            "stage_not_begun",
            "The stage {name} begins at {starts_at}; now it is {now}.",
            article=ORDER,
            remedy="Wait for the stage.",
            name=name,
            starts_at=_wib(span.starts_at),
            now=_wib(now),
        )


def closing_time(spans: Sequence[Span]) -> datetime:
    """The deadline for bids."""
    return _of(spans, UPLOAD).ends_at


def time_events(spans: Sequence[Span], now: datetime, *, grace: timedelta) -> list[tuple[datetime, str]]:
    """What has to happen later: a look at the stages at each border, and the closing of the bids.

    It comes `grace` after the deadline: consents in flight at the deadline are decided before bidding closes.
    """
    borders = {span.starts_at for span in spans} | {span.ends_at + TICK for span in spans}
    looks = [(when, "stage_boundary") for when in sorted(borders) if when > now]
    return [*looks, (closing_time(spans) + grace, "close_bidding")]


def propose(template: Template, start: datetime) -> list[Span]:
    """A lawful schedule that begins at `start`, from the template's own table."""
    moments = {"start": start}
    for stage in template.stages:
        moments[f"{stage.code}.starts"] = _moment(stage.begins, moments)
        moments[f"{stage.code}.ends"] = _moment(stage.finishes, moments)
    return [
        Span(stage.code, moments[f"{stage.code}.starts"], moments[f"{stage.code}.ends"]) for stage in template.stages
    ]


def check(template: Template, spans: Sequence[Span], now: datetime) -> None:
    """Raises RuleViolation with every breach: the stages of the template, their lengths and distances."""
    wanted = [stage.code for stage in template.stages]
    if [span.code for span in spans] != wanted:
        raise RuleViolation(
            "stages_differ",
            "A schedule by template {template} has exactly these stages, in this order: {stages}.",
            article="Perwali Mojokerto 21/2011 Pasal 8(4)",
            remedy="Start from GET /schedule-proposals.",
            template=template.code,
            stages=", ".join(wanted),
        )
    breaches = [*_each(spans, now), *_intervals(template.intervals, _moments(spans, now))]
    if breaches:
        raise RuleViolation(
            "schedule_unlawful",
            "The schedule breaks {count} rules: {listed}",
            article=ORDER,
            remedy="Move the stages named; GET /schedule-proposals gives a lawful schedule.",
            count=len(breaches),
            listed=" ".join(breach.sentence for breach in breaches),
            extra={"breaches": [breach.told() for breach in breaches]},
        )


def _each(spans: Sequence[Span], now: datetime) -> Iterable[Breach]:
    for span in spans:
        if span.code in {ANNOUNCEMENT, UPLOAD} and span.ends_at <= now:
            yield Breach(span.code, "ends", "past", ORDER)
        if span.ends_at <= span.starts_at:
            yield Breach(span.code, "ends", "ends_first", ORDER)
        elif not is_working_day((span.ends_at.astimezone(WIB) - timedelta(microseconds=1)).date()):
            yield Breach(span.code, "ends", "not_working_day", ORDER)


def _intervals(intervals: Iterable[Interval], moments: Mapping[str, datetime]) -> Iterable[Breach]:
    for interval in intervals:
        first, second = moments[interval.from_], moments[interval.to]
        days = working_days_between(first, second)
        if second < first:
            yield _breach(interval, "too_early")
        elif interval.least is not None and days < interval.least:
            yield _breach(interval, "too_few_days", days, least=interval.least)
        elif interval.most is not None and days > interval.most:
            yield _breach(interval, "too_many_days", days, most=interval.most)


def _breach(
    interval: Interval, rule: Broken, days: int | None = None, *, least: int | None = None, most: int | None = None
) -> Breach:
    """It stands at the later of the two moments."""
    stage, _, edge = interval.to.partition(".")
    return Breach(
        stage, "ends" if edge == "ends" else "starts", rule, interval.source, interval.from_, days, least, most
    )


def _moments(spans: Sequence[Span], now: datetime) -> dict[str, datetime]:
    """What was planned to begin before the announcement begins with it."""
    starts = {f"{span.code}.starts": max(span.starts_at, now) for span in spans}
    return starts | {f"{span.code}.ends": span.ends_at for span in spans}


def _moment(offset: Offset, moments: Mapping[str, datetime]) -> datetime:
    after = moments[offset.after].astimezone(WIB)
    if offset.days:
        after = add_working_days(after, offset.days) - timedelta(days=1)
    day, hour = after.date(), offset.at or after.time()
    return datetime.combine(day, hour, WIB) if offset.at or offset.days else moments[offset.after]


def _of(spans: Sequence[Span], code: str) -> Span:
    return next(span for span in spans if span.code == code)


def _wib(moment: datetime) -> str:
    return moment.astimezone(WIB).strftime("%d-%m-%Y %H:%M:%S WIB")
