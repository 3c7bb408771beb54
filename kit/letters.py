"""What operators do to dead letters, as events: technique, not business, so they are defined here and listed in
`contracts.audit`. Each service tells of its own letters, so whichever way an act is done it stands in the log alike."""

from typing import ClassVar

from kit.bus import DeadLetter
from kit.envelope import Emission, Event, Subject
from kit.ids import new_id

__all__ = ["LetterDiscarded", "LetterRetried", "letter_discarded", "letter_retried"]


class LetterRetried(Event):
    """An operator handed an event to a service once more that it could not handle (Pasal 4(2)b). Subject: the act.

    `letter` is the event's id and `service` whose dead letter it was. `operator` is a login on the operator's machine, or
    the account of the Admin PPE who acted in the portal.
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


def letter_retried(letter: DeadLetter, operator: str) -> Emission:
    return Emission(Subject(new_id()), LetterRetried(**_told(letter, operator)))


def letter_discarded(letter: DeadLetter, operator: str) -> Emission:
    return Emission(Subject(new_id()), LetterDiscarded(**_told(letter, operator)))


def _told(letter: DeadLetter, operator: str) -> dict[str, str]:
    """Not why in detail: the detail of a failure may repeat what people wrote."""
    return {
        "letter": letter.id,
        "service": letter.queue,
        "type": letter.key,
        "reason": letter.reason,
        "operator": operator,
    }
