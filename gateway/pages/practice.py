"""What somebody who practises in the training instance could not invent."""

import secrets

from stdnum import luhn

__all__ = ["npwp"]


def npwp() -> str:
    """An NPWP that passes for a firm and for a person and is nobody's: the tax office 000 does not exist.

    Nine digits, of which the last is the check digit (Luhn) of the eight before it, the tax office, and 000 for the head office.
    Another one each time: two firms with one number are the same firm to a verifier.
    """
    eight = f"9{secrets.randbelow(10**7):07d}"
    return f"{eight[:2]}.{eight[2:5]}.{eight[5:]}.{luhn.calc_check_digit(eight)}-000.000"
