"""Amounts in words, as letters print them beside the figures; where they differ, the words count."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

__all__ = ["in_words", "terbilang"]

MOST: Final = 10**18
SATUAN: Final = (
    "",
    "satu",
    "dua",
    "tiga",
    "empat",
    "lima",
    "enam",
    "tujuh",
    "delapan",
    "sembilan",
    "sepuluh",
    "sebelas",
)
RIBUAN: Final = ("", "ribu", "juta", "miliar", "triliun", "kuadriliun", "kuintiliun")
ONES: Final = (
    "", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES: Final = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")


def terbilang(amount: Decimal) -> str:
    """`empat ribu seratus sembilan puluh enam rupiah`; with decimals `... rupiah lima puluh sen`."""
    return _said(amount, _bulat, "")


def in_words(amount: Decimal) -> str:
    """`four thousand one hundred and ninety-six rupiah`; with decimals `... rupiah and fifty sen`."""
    return _said(amount, _whole, "and ")


def _said(amount: Decimal, words: Callable[[int], str], joint: str) -> str:
    """ValueError beyond what money can be here: negative, more than 10^18, or finer than a sen."""
    if not amount.is_finite() or not 0 <= amount <= MOST or amount != round(amount, 2):
        raise ValueError(f"{amount} is no amount of rupiah")
    rupiah, sen = divmod(int(amount.scaleb(2)), 100)
    return f"{words(rupiah)} rupiah" + (f" {joint}{words(sen)} sen" if sen else "")


def _bulat(number: int) -> str:
    parts = [
        "seribu" if scale == "ribu" and three == 1 else f"{_ratusan(three)} {scale}".strip()
        for three, scale in _threes(number, RIBUAN)
    ]
    return " ".join(parts) or "nol"


def _ratusan(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = ["seratus" if hundreds == 1 else f"{SATUAN[hundreds]} ratus"] if hundreds else []
    return " ".join([*words, *([_puluhan(rest)] if rest else [])])


def _puluhan(number: int) -> str:
    if number < 12:
        return SATUAN[number]
    if number < 20:
        return f"{SATUAN[number - 10]} belas"
    return f"{SATUAN[number // 10]} puluh {SATUAN[number % 10]}".strip()


def _whole(number: int) -> str:
    parts = [f"{_hundreds(three)} {scale}".strip() for three, scale in _threes(number, SCALES)]
    if number > 1000 and 0 < number % 1000 < 100:
        parts[-1] = f"and {parts[-1]}"
    return " ".join(parts) or "zero"


def _hundreds(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{ONES[hundreds]} hundred"] if hundreds else []
    return " and ".join([*words, *([_tens(rest)] if rest else [])])


def _tens(number: int) -> str:
    if number < 20:
        return ONES[number]
    return f"{TENS[number // 10]}-{ONES[number % 10]}".removesuffix("-")


def _threes(number: int, scales: tuple[str, ...]) -> list[tuple[int, str]]:
    """The groups of three digits that are not zero, the greatest first, each with its word."""
    found: list[tuple[int, str]] = []
    for scale in scales:
        number, three = divmod(number, 1000)
        if three:
            found.insert(0, (three, scale))
    return found
