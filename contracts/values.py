"""Values that look the same in every event and answer: money, instants, fingerprints."""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

__all__ = ["Md5", "Moment", "Nonce", "Rupiah", "Sha256", "plain", "rfc3339", "rupiah"]

CENT = Decimal("0.01")
PLAIN = re.compile(r"[0-9]{1,30}(\.[0-9]{1,10})?")


def rupiah(amount: Decimal) -> Decimal:
    """Round half up to two decimals: the one rounding there is."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def plain(value: Any, example: str) -> Any:
    """Digits and a point: no sign, exponent, space, `_` or digit of another script, which Python reads and others do not."""
    if isinstance(value, float | bool) or (isinstance(value, str) and not PLAIN.fullmatch(value)):
        sentence = 'write it as a string of digits with a point, "{example}", without sign or exponent'
        raise PydanticCustomError("digits_expected", sentence, {"example": example})
    return value


def _exact(value: Any) -> Any:
    return plain(value, "1250000000.00")


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds: 2026-11-23T02:59:58.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Rupiah = Annotated[
    Decimal, BeforeValidator(_exact), Field(ge=0, max_digits=20, decimal_places=2), AfterValidator(rupiah)
]
"""Rupiah, in JSON a string with exactly two decimals."""


def _milliseconds(moment: datetime) -> datetime:
    """What is kept is what is told: both cut to milliseconds, as the clock itself is."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""The first and last instants there are are how databases write infinity, which has no time zone when it is read back."""

Moment = Annotated[
    AwareDatetime,
    Field(ge=EARLIEST, le=LATEST),
    AfterValidator(_milliseconds),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]
"""An instant, in JSON in UTC with milliseconds."""

Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""32 random bytes that keep what was hashed from being guessed."""
