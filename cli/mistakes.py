"""What the person who typed the command can mend: told in one sentence, without a stack trace."""

__all__ = ["Mistake", "worded"]


class Mistake(Exception):
    """The sentence says what is wrong and what to do."""


def worded(error: Exception) -> str:
    """What went wrong; an error that says nothing, as of a time that ran out, has at least a name."""
    return str(error) or type(error).__name__
