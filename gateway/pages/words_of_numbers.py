"""Amounts in words, as Indonesian papers want them beside the figures."""

from decimal import Decimal

__all__ = ["terbilang"]


def terbilang(amount: Decimal) -> str:
    """Placeholder: the figures again."""
    return f"{amount:.2f} rupiah"
