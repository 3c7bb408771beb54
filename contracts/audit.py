"""What audit tells, and what its auditors read about events on their way: what operators did to them, so that nothing is given
up unseen. Any service tells of its own letters; the names say whose matter it is.
"""

from typing import ClassVar

from kit.envelope import Event
from kit.letters import LetterDiscarded, LetterRetried
from kit.logged import EntriesIncluded

__all__ = ["EntriesIncluded", "LetterDiscarded", "LetterRetried", "LogAltered"]


class LogAltered(Event):
    """An entry of the log, or what belongs to it, is not as it was published (Pasal 4(3)b). Subject: the finding.

    `what` says what is wrong, `index` where. Told once of each place.
    """

    TYPE: ClassVar[str] = "audit.log.altered.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"index", "what"})

    index: int
    what: str
