"""What audit tells, and what its auditors read about events on their way: what operators did to them, so that nothing is given
up unseen. Any service tells of its own letters; the names say whose matter it is.
"""

from typing import ClassVar
from uuid import UUID

from contracts.values import Moment, Sha256
from kit.envelope import Event
from kit.letters import LetterDiscarded, LetterRetried
from kit.logged import EntriesIncluded

__all__ = [
    "AccessDenied",
    "AccessExpired",
    "AccessGranted",
    "EntriesIncluded",
    "LetterDiscarded",
    "LetterRetried",
    "LogAltered",
    "MandateEnded",
    "MandateGranted",
    "ReleaseRecorded",
]


class LogAltered(Event):
    """An entry of the log, or what belongs to it, is not as it was published (Pasal 4(3)b). Subject: the finding.

    `what` says what is wrong, `index` where. Told once of each place.
    """

    TYPE: ClassVar[str] = "audit.log.altered.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"index", "what"})

    index: int
    what: str


class ReleaseRecorded(Event):
    """The portal sends these files to browsers from now on, by their SHA-256. Subject: the record."""

    TYPE: ClassVar[str] = "audit.release.recorded.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"files"})

    files: dict[str, Sha256]


class MandateGranted(Event):
    """A letter of assignment lets an auditor read these tenders, from when up to, but without, when by the business clock
    (Pasal 6(1)e, 6(2)). Subject: the mandate.
    """

    TYPE: ClassVar[str] = "audit.mandate.granted.v1"

    mandate: UUID
    account: UUID
    number: str
    tenders: list[str]
    valid_from: Moment
    valid_to: Moment


class MandateEnded(Event):
    """The mandate was ended before its letter does; `valid_to` says when. Subject: the mandate."""

    TYPE: ClassVar[str] = "audit.mandate.ended.v1"

    mandate: UUID
    account: UUID
    number: str
    tenders: list[str]
    valid_from: Moment
    valid_to: Moment


class AccessGranted(Event):
    """Somebody who watches was shown what the log hides (Pasal 4(2)b). Subject: the access; who it was is the actor.

    `what` was shown: one entry, or so many of a tender's entries. `mandate` is None for who needs none, and `tender` where
    the entry belongs to none.
    """

    TYPE: ClassVar[str] = "audit.access.granted.v1"

    mandate: UUID | None
    tender: UUID | None
    what: str
    record: UUID | None


class AccessDenied(Event):
    """Somebody who watches asked for what he may not see, or not yet (Pasal 6(2)). Subject: the refusal; as the access."""

    TYPE: ClassVar[str] = "audit.access.denied.v1"

    tender: UUID | None
    what: str
    record: UUID | None
    reason: str


class AccessExpired(Event):
    """A mandate came to the end its letter names, and was not ended before (Pasal 6(2)). Subject: the mandate.

    Nobody needs it to refuse: everywhere the clock does. It is for who reads the log.
    """

    TYPE: ClassVar[str] = "audit.access.expired.v1"

    mandate: UUID
    account: UUID
    number: str
