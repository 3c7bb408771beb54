"""What the person who typed the command can mend: told in one sentence, without a stack trace."""

__all__ = ["Mistake"]


class Mistake(Exception):
    """The sentence says what is wrong and what to do."""
