"""What others tell us: where our events stand in the public log."""

from kit.places import LOGGED

__all__ = ["REACTIONS"]

REACTIONS = (LOGGED,)
