"""How values read on a page: money as on Indonesian paper, times in WIB."""

from datetime import date, datetime
from decimal import Decimal

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from kit.clock import WIB

__all__ = ["bytes_", "day", "day_time", "iso", "money", "number"]


def money(amount: str | Decimal) -> str:
    """`Rp 1.250.000.000,00`, in every language: it is the currency's own way."""
    return f"Rp {format_decimal(Decimal(amount), '#,##0.00', locale='id')}"


def number(value: str | float | Decimal, language: str) -> str:
    return format_decimal(Decimal(str(value)), locale=language)


def day_time(instant: str | datetime, language: str) -> str:
    """Seconds are shown where there are any: a deadline is exact."""
    moment = (instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)).astimezone(WIB)
    pattern = {"id": "HH.mm", "en": "HH:mm"}[language]
    if moment.second:
        pattern += {"id": ".ss", "en": ":ss"}[language]
    day = format_date(moment, "EEE, d MMM y", locale=language)
    return f"{day}, {format_time(moment, pattern, tzinfo=WIB, locale=language)} WIB"


def day(on: str | date, language: str) -> str:
    """A date as papers carry it, without a time."""
    return format_date(on if isinstance(on, date) else date.fromisoformat(on), "d MMMM y", locale=language)


def iso(instant: str | datetime) -> str:
    """For `<time datetime>`."""
    moment = instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)
    return moment.astimezone(WIB).isoformat(timespec="seconds")


def bytes_(size: int, language: str) -> str:
    """Binary units, one decimal; the exact number stands beside it on the page."""
    value, unit = float(size), "B"
    for bigger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, bigger
    return f"{format_decimal(round(value, 1), locale=language)} {unit}"
