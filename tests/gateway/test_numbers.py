"""Amounts in words and in figures, each against a second way of reading them."""

import random
from decimal import Decimal
from typing import Final

import pytest

from gateway.pages.formats import money
from gateway.pages.words_of_numbers import in_words, terbilang

DRAWN: Final = random.Random(2011)
AMOUNTS: Final = [
    Decimal(DRAWN.randrange(10 ** DRAWN.randint(1, 18))) + Decimal(DRAWN.choice([0, 0, DRAWN.randrange(100)])) / 100
    for _ in range(1_000)
]
"""Of every length, half of them and more without sen."""
UNITS: Final = ("satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan")
INDONESIAN: Final = {word: number for number, word in enumerate(UNITS, 1)} | {"sepuluh": 10, "sebelas": 11, "nol": 0}
SCALES: Final = {
    "ribu": 10**3, "juta": 10**6, "miliar": 10**9, "triliun": 10**12, "kuadriliun": 10**15, "kuintiliun": 10**18,
}  # fmt: skip
ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ENGLISH: Final = {word: number for number, word in enumerate(ONES)} | {w: 10 * n for n, w in enumerate(TENS, 2)}
ENGLISH_SCALES: Final = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15,
    "quintillion": 10**18,
}  # fmt: skip


def read_indonesian(words: str) -> int:
    """From left to right: a scale multiplies what was read since the last one. Only words that are allowed are known."""
    total = group = unit = 0
    for word in words.split():
        if word in INDONESIAN:
            unit = INDONESIAN[word]
        elif word == "belas":
            unit += 10
        elif word == "puluh":
            group, unit = group + unit * 10, 0
        elif word in {"ratus", "seratus"}:
            assert (unit > 1) == (word == "ratus")
            group, unit = group + max(unit, 1) * 100, 0
        elif word == "seribu":
            assert not group + unit
            total += 1000
        else:
            assert (word, group + unit) != ("ribu", 1)
            total, group, unit = total + (group + unit) * SCALES[word], 0, 0
    return total + group + unit


def read_english(words: str) -> int:
    total = group = 0
    for word in words.replace("-", " ").replace(" and ", " ").split():
        if word in ENGLISH:
            group += ENGLISH[word]
        elif word == "hundred":
            group *= 100
        else:
            total, group = total + group * ENGLISH_SCALES[word], 0
    return total + group


def test_the_amounts_are_of_every_length_with_and_without_sen() -> None:
    assert {len(str(int(amount))) for amount in AMOUNTS} >= set(range(1, 19))
    assert 200 < len([amount for amount in AMOUNTS if amount % 1]) < 800


def test_the_words_say_the_amount() -> None:
    for amount in AMOUNTS:
        whole, _, sen = terbilang(amount).partition(" rupiah")
        assert read_indonesian(whole) * 100 + read_indonesian(sen.removesuffix(" sen")) == amount * 100
        whole, _, sen = in_words(amount).partition(" rupiah")
        assert read_english(whole) * 100 + read_english(sen.removeprefix(" and").removesuffix(" sen")) == amount * 100


@pytest.mark.parametrize(
    ("amount", "indonesian", "english"),
    [
        ("0", "nol rupiah", "zero rupiah"),
        ("11", "sebelas rupiah", "eleven rupiah"),
        ("12.00", "dua belas rupiah", "twelve rupiah"),
        ("19", "sembilan belas rupiah", "nineteen rupiah"),
        ("20", "dua puluh rupiah", "twenty rupiah"),
        ("100", "seratus rupiah", "one hundred rupiah"),
        ("1000", "seribu rupiah", "one thousand rupiah"),
        ("1001", "seribu satu rupiah", "one thousand and one rupiah"),
        ("4196", "empat ribu seratus sembilan puluh enam rupiah", "four thousand one hundred and ninety-six rupiah"),
        ("101000", "seratus satu ribu rupiah", "one hundred and one thousand rupiah"),
        ("1001000", "satu juta seribu rupiah", "one million one thousand rupiah"),
        ("1000000.25", "satu juta rupiah dua puluh lima sen", "one million rupiah and twenty-five sen"),
        ("1000000000", "satu miliar rupiah", "one billion rupiah"),
        ("1250000000000", "satu triliun dua ratus lima puluh miliar rupiah", "one trillion two hundred and fifty billion rupiah"),
        ("1000000000000000000", "satu kuintiliun rupiah", "one quintillion rupiah"),
    ],
)  # fmt: skip
def test_known_amounts(amount: str, indonesian: str, english: str) -> None:
    assert (terbilang(Decimal(amount)), in_words(Decimal(amount))) == (indonesian, english)


@pytest.mark.parametrize("amount", ["-1", "0.001", "1000000000000000000.01", "NaN", "Infinity"])
def test_what_is_no_amount_has_no_words(amount: str) -> None:
    with pytest.raises(ValueError, match="no amount of rupiah"):
        terbilang(Decimal(amount))


def test_figures_are_grouped_as_on_paper() -> None:
    """Formatted here by Python, with its signs exchanged."""
    for amount in AMOUNTS:
        expected = f"Rp {amount:,.2f}".translate(str.maketrans(",.", ".,"))
        assert money(amount) == money(str(amount)) == expected
