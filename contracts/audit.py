"""What audit tells: what operators did to events on their way, so that nothing is given up unseen."""

from typing import ClassVar

from kit.envelope import Event

__all__ = ["LetterDiscarded", "LetterRetried"]


class LetterRetried(Event):
    """An operator handed an event to a service once more that it could not handle (Pasal 4(2)b). Subject: the act.

    `letter` is the event's id and `service` whose dead letter it was. `operator` is a login on the operator's machine.
    """

    TYPE: ClassVar[str] = "audit.letter.retried.v1"

    letter: str
    service: str
    type: str
    reason: str
    operator: str


class LetterDiscarded(Event):
    """An operator gave up an event that a service could not handle (Pasal 4(2)b). Subject: the act; as the retry."""

    TYPE: ClassVar[str] = "audit.letter.discarded.v1"

    letter: str
    service: str
    type: str
    reason: str
    operator: str
