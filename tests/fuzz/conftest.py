"""The world that `tests/access` tells of, under whatever can be sent."""

from tests.access.conftest import world

__all__ = ["world"]
