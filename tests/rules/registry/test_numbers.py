"""Identity numbers: what has the structure passes, and no single wrong digit gets by where there is a check digit."""

from datetime import date
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from contracts.registry import ProviderKind
from gateway.pages import practice
from kit.problems import RuleViolation
from services.registry.rules.numbers import is_nik, is_nip, npwp, npwp_fault, require_nik, require_nip

DIGITS = st.integers(0, 9).map(str)
REAL = ("01.300.066.6-091.000", "01.312.166.0-091.000", "01.609.052.4-017.000")


def digits(count: int) -> st.SearchStrategy[str]:
    return st.lists(DIGITS, min_size=count, max_size=count).map("".join)


@st.composite
def npwps(draw: st.DrawFn) -> str:
    eight = draw(digits(8))
    return eight + luhn.calc_check_digit(eight) + draw(digits(6))


@st.composite
def niks(draw: st.DrawFn) -> tuple[str, date, bool]:
    born, woman = draw(st.dates(date(1925, 1, 1), date(2024, 12, 31))), draw(st.booleans())
    place = str(draw(st.integers(110101, 949999)))
    serial = f"{draw(st.integers(1, 9999)):04d}"
    return f"{place}{born.day + 40 * woman:02d}{born:%m%y}{serial}", born, woman


@pytest.mark.parametrize("raw", REAL)
def test_real_numbers_pass_in_both_lengths(raw: str) -> None:
    assert npwp(raw).is_valid
    assert npwp("0" + raw).digits == npwp(raw).digits


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        *((raw, "npwp_length") for raw in ("", "0", "01.300.066.6-091", "01.300.066.6-091.0000000", "abc")),
        ("01.300.066.6-091.00x", "npwp_length"),
        ("216090524017001", "npwp_check_digit"),
        ("0216090524017001", "npwp_check_digit"),
        ("3576019907850003", "npwp_nik"),
        ("3576014107850000", "npwp_nik"),
    ],
)
def test_wrong_numbers_fail_by_a_rule_that_is_told(raw: str, fault: str) -> None:
    assert not npwp(raw).is_valid
    assert npwp_fault("perorangan", npwp(raw)) == fault
    assert npwp_fault("badan_usaha", npwp(raw)) == ("npwp_of_a_person" if fault == "npwp_nik" else fault)


def test_the_number_to_practise_with_passes_for_every_kind_and_is_another_each_time() -> None:
    numbers = [practice.npwp() for _ in range(200)]
    assert len(set(numbers)) > 190
    for number, kind in product(numbers, get_args(ProviderKind)):
        assert npwp_fault(kind, npwp(number)) is None
        assert npwp(number).digits[10:] == "000000", "of a tax office that does not exist"


@given(npwps())
def test_one_number_however_it_is_written(number: str) -> None:
    dotted = f"{number[:2]}.{number[2:5]}.{number[5:8]}.{number[8]}-{number[9:12]}.{number[12:]}"
    assert {npwp(raw).digits for raw in (number, dotted, f"0{number}", f" {dotted} ")} == {f"0{number}"}
    assert npwp_fault("badan_usaha", npwp(dotted)) is None


@given(npwps(), st.integers(0, 8), DIGITS)
def test_a_wrong_digit_among_the_first_nine_is_noticed(number: str, at: int, digit: str) -> None:
    changed = number[:at] + digit + number[at + 1 :]
    assert npwp(changed).is_valid == (changed == number)


@given(niks())
def test_a_nik_is_the_npwp_of_a_person_only(nik: tuple[str, date, bool]) -> None:
    assert npwp(nik[0]).digits == nik[0]
    assert npwp_fault("perorangan", npwp(nik[0])) is None
    assert npwp_fault("badan_usaha", npwp(nik[0])) == "npwp_of_a_person"


@given(niks())
def test_every_birthday_of_men_and_women_makes_a_nik(nik: tuple[str, date, bool]) -> None:
    assert is_nik(nik[0])
    assert require_nik(f"{nik[0][:6]} {nik[0][6:12]} {nik[0][12:]}") == nik[0]


@given(niks(), st.sampled_from(["0000", "", "12345", "00x1"]))
def test_the_serial_is_four_digits_from_0001(nik: tuple[str, date, bool], serial: str) -> None:
    assert not is_nik(nik[0][:12] + serial)


@given(niks(), st.one_of(st.integers(32, 40), st.integers(72, 99), st.just(0)))
def test_a_day_that_is_none_makes_no_nik(nik: tuple[str, date, bool], day: int) -> None:
    assert not is_nik(f"{nik[0][:6]}{day:02d}{nik[0][8:]}")


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("3576012902000001", True),  # 29 February 2000
        ("3576012902010001", False),  # neither 1901 nor 2001 had one
        ("3576016902040001", True),  # a woman's, 2004
        ("3576013104850001", False),
        ("0576010101850001", False),
        ("357601010185٠٠٠١", False),  # digits, but not these
    ],
)
def test_dates_of_niks(number: str, valid: bool) -> None:
    assert is_nik(number) is valid
    if not valid:
        with pytest.raises(RuleViolation) as refused:
            require_nik(number)
        assert number not in str(refused.value.document())


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("195801011985031031", True),
        ("198503042009121003", True),
        ("198503042009123003", False),  # neither male nor female
        ("198513042009121003", False),
        ("198503042009131003", False),
        ("198503042002021003", False),  # a month short of 17
        ("198503042002031003", True),
        ("19850304200912100", False),
    ],
)
def test_nips(number: str, valid: bool) -> None:
    assert is_nip(number) is valid
    if valid:
        assert require_nip(f"{number[:8]} {number[8:14]} {number[14]} {number[15:]}") == number
    else:
        with pytest.raises(RuleViolation, match="is not a NIP"):
            require_nip(number)
