"""Our rows as contract events: the only place that builds them."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final
from uuid import UUID

from contracts.audit import EntriesIncluded, LogAltered
from kit.envelope import Emission, Subject
from kit.ids import new_id
from kit.logged import Included

__all__ = ["entries_included", "log_altered"]

AT_ONCE: Final = 200
"""Places that one event tells."""


def log_altered(index: int, what: str) -> Emission:
    return Emission(Subject(new_id()), LogAltered(index=index, what=what))


def entries_included(size: int, places: Mapping[UUID, int]) -> Iterator[Emission]:
    rest = iter(places.items())
    while some := list(islice(rest, AT_ONCE)):
        told = [Included(event=event, index=index) for event, index in some]
        yield Emission(Subject(new_id()), EntriesIncluded(size=size, entries=told))
