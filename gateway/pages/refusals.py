"""A refusal in the language of the page: its sentence, the values in it, what to do next, and what is wrong with a field.

English stands in the code beside the rule; Indonesian in the catalogue as `problem.<code>` and `remedy.<code>`, with the
same places (tests/gateway/test_words.py). A value that is a code is said as `place.<place>.<value>` or by the group of
words it belongs to; an instant is said in WIB; a reason is a refusal of its own.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from babel.dates import format_date

from gateway.pages import formats
from gateway.pages.language import Catalogue
from kit.problems import Problem

__all__ = ["about_field", "called", "named", "remedy", "said"]

GROUPS: Final[Mapping[str, str]] = {
    "roles": "role",
    "role": "role",
    "held": "role",
    "stage": "stage",
    "stages": "stage",
    "category": "category",
    "method": "method",
    "before": "step",
    "allowed": "next_action",
    "paper": "place.missing",
}
"""Places whose values have words of their own already."""
MONEY: Final = frozenset({"hps", "pagu", "corrected", "ceiling"})
COUNTS: Final = frozenset(
    {"size", "most", "largest", "stored", "declared", "received", "count", "rate", "seconds", "length"}
)
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
NUMBER: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A record's own, which says nothing to anybody."""
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
FIRST: Final = 5
"""So many wrong fields are named in the sentence; all of them stand beside their fields."""


def said(t: Catalogue, problem: Problem) -> str:
    return _sentence(t, problem.document())


def remedy(t: Catalogue, problem: Problem) -> str | None:
    return t.words.get(f"remedy.{problem.code}", problem.remedy)


def about_field(t: Catalogue, error: Problem | Mapping[str, Any] | None) -> str:
    """What is wrong with one field: a problem of our own, or what a service found, by its type of mistake."""
    if error is None:
        return ""
    if isinstance(error, Problem):
        return said(t, error)
    kind, place = error.get("type"), _names(str(error.get("at", "")).replace("/", "."))
    word = t.words.get(f"invalid.{kind}.{place[-1] if place else ''}", t.words.get(f"invalid.{kind}"))
    if word is None:
        return str(error["why"])
    return word.format_map({name: _figure(t, name, str(value)) for name, value in error.get("ctx", {}).items()})


def called(t: Catalogue, place: str) -> str:
    """A field's name; in want of one, what a service calls it."""
    return named(t, place) or (_names(place) or [place])[-1].replace("_", " ")


def named(t: Catalogue, place: str) -> str | None:
    """A field's name: `rows.3.unit` is said as `field.rows.#.unit`, which may name its line `{no}`, or as `field.unit`."""
    lines = [int(part) + 1 for part in place.split(".") if part.isdecimal()]
    pattern = ".".join("#" if part.isdecimal() else part for part in place.split("."))
    if word := t.words.get(f"field.{pattern}"):
        return word.format(no=lines[-1] if lines else "")
    word = t.words.get(f"field.{(_names(place) or [place])[-1]}")
    return f"{word}, {t('form.line', no=lines[-1])}" if word and lines else word


def _names(place: str) -> list[str]:
    return [part for part in place.removeprefix("body.").split(".") if part and not part.isdecimal()]


def _sentence(t: Catalogue, told: Mapping[str, Any]) -> str:
    """As the service said it where this catalogue is older than the service: then only its times and sums are put right."""
    params, detail = told.get("params") or {}, str(told["detail"])
    exact = formats.telling_apart(value for value in params.values() if INSTANT.fullmatch(value))
    sentence = t.words.get(f"problem.{told['code']}")
    if sentence is None:
        for name, value in params.items():
            detail = detail.replace(value, _figure(t, name, value, exact)) if value else detail
        return detail
    reasons = told.get("reasons") or {}
    places = {
        name: " ".join(_sentence(t, reason) for reason in reasons[name])
        if name in reasons
        else _value(t, name, value, exact)
        for name, value in params.items()
    }
    if told.get("errors"):
        places["listed"] = _fields(t, told["errors"])
    try:
        return sentence.format_map(places)
    except KeyError:
        return detail


def _fields(t: Catalogue, errors: list[Mapping[str, Any]]) -> str:
    named = [(called(t, str(error["at"]).replace("/", ".").removeprefix("body.")), error) for error in errors]
    return " ".join(f"{name}: {about_field(t, error)}" for name, error in named[:FIRST])


def _value(t: Catalogue, place: str, value: str, exact: int) -> str:
    """A value, a list of them (`ktp, npwp`), or a list of matters with what is the matter (`ktp: expired; ...`)."""
    figure = _figure(t, place, value, exact)
    if figure != value:
        return figure
    if "; " in value or ": " in value:
        pairs = (part.partition(": ") for part in value.split("; "))
        return "; ".join(f"{_word(t, 'missing', item)}{mark}{_word(t, 'fault', fault)}" for item, mark, fault in pairs)
    return ", ".join(_word(t, place, part) for part in value.split(", "))


def _word(t: Catalogue, place: str, value: str) -> str:
    code = re.sub(r"\W+", "_", value.lower()).strip("_")
    group = GROUPS.get(place, "")
    return t.words.get(f"place.{place}.{code}", t.words.get(f"{group}.{code}", value))


def _figure(t: Catalogue, place: str, value: str, exact: int = formats.TO_MINUTE) -> str:
    if INSTANT.fullmatch(value):
        return formats.day_time(value, t.language, exact)
    if place == "identifier" and NUMBER.fullmatch(value):
        return t("error.that_number")
    if DAY.fullmatch(value):
        return format_date(date.fromisoformat(value), "d MMMM y", locale=t.language)
    if place in MONEY and re.fullmatch(r"\d+(\.\d+)?", value):
        return formats.money(Decimal(value)).removeprefix("Rp ")
    if place in COUNTS and value.isdecimal():
        return formats.number(int(value), t.language)
    return value
