"""Identity numbers: their structure, never whether somebody was given them."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from stdnum import luhn

from kit.problems import RuleViolation

__all__ = ["Npwp", "is_nik", "is_nip", "npwp", "npwp_fault", "require_nik", "require_nip"]

SEPARATORS: Final = re.compile(r"[\s.\-]")
FEMALE: Final = 40  # a woman's NIK counts her day of birth from 41


@dataclass(frozen=True, slots=True)
class Npwp:
    """`digits` are always 16: what two numbers are compared by. An entity's begins with 0, a person's may be the NIK."""

    raw: str
    digits: str

    @property
    def is_nik(self) -> bool:
        return not self.digits.startswith("0")

    @property
    def is_valid(self) -> bool:
        """The check digit belongs to the nine digits after the leading 0; a NIK has none."""
        if not re.fullmatch(r"[0-9]{16}", self.digits):
            return False
        return is_nik(self.digits) if self.is_nik else luhn.is_valid(self.digits[1:10])


def npwp(raw: str) -> Npwp:
    """Read an NPWP of 15 or 16 digits, however it is punctuated (PMK 112/2022: 16 digits from July 2024)."""
    digits = SEPARATORS.sub("", raw)
    return Npwp(raw.strip(), f"0{digits}" if len(digits) == 15 else digits)


def npwp_fault(kind: str | None, number: Npwp) -> str | None:
    """Which rule it breaks for this kind of provider; None: none (Pasal 9(1)a.2.c; PMK 112/2022).

    An entity has a number of its own, never a NIK.
    """
    if not re.fullmatch(r"[0-9]{16}", number.digits):
        return "npwp_length"
    if number.is_nik and kind == "badan_usaha":
        return "npwp_of_a_person"
    if not number.is_valid:
        return "npwp_nik" if number.is_nik else "npwp_check_digit"
    return None


def is_nik(number: str) -> bool:
    """16 digits: place of registration, date of birth (day + 40 for women, year without century), serial from 0001."""
    if not re.fullmatch(r"[1-9][0-9]{15}", number) or number.endswith("0000"):
        return False
    day, month, year = int(number[6:8]), int(number[8:10]), int(number[10:12])
    return _is_date(day - FEMALE if day > FEMALE else day, month, year)


def _is_date(day: int, month: int, year: int) -> bool:
    """Of one century or the other: a leap day of (20)00 is one, of (19)00 is none."""
    for century in (2000, 1900):
        try:
            date(century + year, month, day)
        except ValueError:
            continue
        return True
    return False


def require_nik(raw: str) -> str:
    """The NIK without separators."""
    digits = SEPARATORS.sub("", raw)
    if not is_nik(digits):
        raise RuleViolation(
            "nik_invalid",
            "The number of the KTP is not a NIK: 16 digits with the date of birth in the seventh to twelfth.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a.2.a",
            remedy="Copy the NIK from the KTP.",
        )
    return digits


def is_nip(number: str) -> bool:
    """18 digits: born YYYYMMDD, in service since YYYYMM (at 17 or later), 1 male or 2 female, serial."""
    if not re.fullmatch(r"[0-9]{14}[12][0-9]{3}", number):
        return False
    try:
        born = date(int(number[:4]), int(number[4:6]), int(number[6:8]))
        serving = date(int(number[8:12]), int(number[12:14]), 1)
    except ValueError:
        return False
    return (serving.year, serving.month) >= (born.year + 17, born.month)


def require_nip(raw: str) -> str:
    """The NIP without separators."""
    digits = SEPARATORS.sub("", raw)
    if not is_nip(digits):
        raise RuleViolation(
            "nip_invalid",
            "{nip} is not a NIP: 18 digits, which begin with the date of birth and the month service began.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)b",
            remedy="Copy the NIP from the letter of assignment, or leave it out for somebody who has none.",
            nip=raw,
        )
    return digits
