"""What operators did, as contract events."""

from contracts.audit import LetterDiscarded, LetterRetried
from kit.bus import DeadLetter
from kit.envelope import Emission, Subject
from kit.ids import new_id

__all__ = ["letter_discarded", "letter_retried"]


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
