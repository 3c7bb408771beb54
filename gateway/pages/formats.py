"""How values read on a page: money as on Indonesian paper, times in WIB."""

from datetime import datetime, timedelta
from decimal import Decimal

from babel.dates import format_date, format_time, format_timedelta, get_month_names
from babel.numbers import format_decimal

from kit.clock import WIB

__all__ = ["bytes_", "day", "day_time", "exact_bytes", "iso", "lasting", "money", "month", "number"]


def money(amount: str | Decimal) -> str:
    """`Rp 1.250.000.000,00`, in every language: it is the currency's own way."""
    return f"Rp {format_decimal(Decimal(amount), '#,##0.00', locale='id')}"


def number(value: str | float | Decimal, language: str) -> str:
    return format_decimal(Decimal(str(value)), locale=language, decimal_quantization=False)


def day_time(instant: str | datetime, language: str) -> str:
    """Seconds are shown where there are any: a deadline is exact."""
    moment = (instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)).astimezone(WIB)
    pattern = {"id": "HH.mm", "en": "HH:mm"}[language]
    if moment.second:
        pattern += {"id": ".ss", "en": ":ss"}[language]
    day = format_date(moment, "EEE, d MMM y", locale=language)
    return f"{day}, {format_time(moment, pattern, tzinfo=WIB, locale=language)} WIB"


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
    moment = instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)
    return moment.astimezone(WIB).isoformat(timespec="seconds")


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
