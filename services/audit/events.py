"""Our rows as contract events: the only place that builds them."""

from contracts.audit import LogAltered
from kit.envelope import Emission, Subject
from kit.ids import new_id

__all__ = ["log_altered"]


def log_altered(index: int, what: str) -> Emission:
    return Emission(Subject(new_id()), LogAltered(index=index, what=what))
