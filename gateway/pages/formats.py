"""How values read on a page: money as on Indonesian paper, times in WIB."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from babel.dates import format_date, format_time, format_timedelta, get_day_names, get_month_names
from babel.numbers import format_decimal

from kit.clock import WIB

__all__ = [
    "TO_MILLISECOND",
    "TO_MINUTE",
    "bytes_",
    "day",
    "day_time",
    "exact_bytes",
    "iso",
    "lasting",
    "money",
    "month",
    "number",
    "telling_apart",
    "wib_words",
]


def money(amount: str | Decimal) -> str:
    """`Rp 1.250.000.000,00`, in every language: it is the currency's own way."""
    return f"Rp {format_decimal(Decimal(amount), '#,##0.00', locale='id')}"


def number(value: str | float | Decimal, language: str) -> str:
    return format_decimal(Decimal(str(value)), locale=language, decimal_quantization=False)


TO_MINUTE, TO_SECOND, TO_MILLISECOND = 0, 1, 2
TIMES: Final = {"id": ("HH.mm", "HH.mm.ss", "HH.mm.ss,SSS"), "en": ("HH:mm", "HH:mm:ss", "HH:mm:ss.SSS")}
"""By how exact they are."""


def day_time(instant: str | datetime, language: str, exact: int = TO_MINUTE) -> str:
    """Seconds are shown where there are any: a deadline is exact. `exact`: at least so exact."""
    moment = _wib(instant)
    pattern = TIMES[language][max(exact, TO_SECOND if moment.second else TO_MINUTE)]
    day = format_date(moment, "EEE, d MMM y", locale=language)
    return f"{day}, {format_time(moment, pattern, tzinfo=WIB, locale=language)} WIB"


def telling_apart(instants: Iterable[str]) -> int:
    """How exact several instants must be told so that no two of them look the same: one of them may be a millisecond late."""
    moments = {_wib(instant) for instant in instants}
    if len({moment.replace(second=0, microsecond=0) for moment in moments}) == len(moments):
        return TO_MINUTE
    return TO_SECOND if len({moment.replace(microsecond=0) for moment in moments}) == len(moments) else TO_MILLISECOND


def wib_words(language: str) -> dict[str, str]:
    """For a script that says an instant to the millisecond or second as `day_time` does: names, Sunday and January first, and
    the two forms.
    """
    days, months = get_day_names("abbreviated", locale=language), get_month_names("abbreviated", locale=language)
    forms = {"second": TIMES[language][TO_SECOND], "instant": TIMES[language][TO_MILLISECOND]}
    for letters, name in (("HH", "{hour}"), ("mm", "{minute}"), ("ss", "{second}"), ("SSS", "{millisecond}")):
        forms = {exact: form.replace(letters, name) for exact, form in forms.items()}
    return {
        **{exact: f"{{day}}, {{date}} {{month}} {{year}}, {form} WIB" for exact, form in forms.items()},
        "days": " ".join(days[(day - 1) % 7] for day in range(7)),
        "months": " ".join(months[month] for month in range(1, 13)),
    }


def _wib(instant: str | datetime) -> datetime:
    return (instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)).astimezone(WIB)


def month(number: int, language: str, *, short: bool = False) -> str:
    return str(get_month_names("abbreviated" if short else "wide", locale=language)[number])


def day(date: str, language: str) -> str:
    """A day without a time, as on a letter."""
    return format_date(datetime.fromisoformat(date).date(), "d MMM y", locale=language)


def lasting(seconds: float, language: str) -> str:
    """`3 menit`: how long something has waited."""
    return format_timedelta(timedelta(seconds=round(seconds)), locale=language)


def iso(instant: str | datetime) -> str:
    """For `<time datetime>`."""
    moment = _wib(instant)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def bytes_(size: int, language: str) -> str:
    """`3,3 MB`: by 1 024, as most people's computers reckon. gateway/browser/src/words.ts says the same."""
    value, unit = float(size), ""
    for bigger in ("KB", "MB", "GB"):
        if value < 1024:
            break
        value, unit = value / 1024, bigger
    return f"{format_decimal(round(value, 1), locale=language)} {unit}" if unit else _whole_bytes(size, language)


def exact_bytes(size: int, language: str) -> str:
    """`3,3 MB (3.481.277 byte)`, beside fingerprints: the very number can be compared."""
    whole = _whole_bytes(size, language)
    return f"{bytes_(size, language)} ({whole})" if size >= 1024 else whole


def _whole_bytes(size: int, language: str) -> str:
    word = "bytes" if language == "en" and size != 1 else "byte"
    return f"{number(size, language)} {word}"
