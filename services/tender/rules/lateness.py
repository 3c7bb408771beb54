"""The one boundary rule: a bid is in time if and only if its instant is not after the deadline, to the millisecond.

Perwali Mojokerto 21/2011 Pasal 14(5) makes the consent the act that counts; Perpres 54/2010 Pasal 78 refuses what
comes after the deadline. The instant is read before any lock, so nobody is late because others were in the way.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from kit.problems import Conflict

__all__ = ["ARTICLE", "Verdict", "decide"]

ARTICLE = "Perpres 54/2010 Pasal 78; Perwali Mojokerto 21/2011 Pasal 14(5)"

Reason = Literal["in_time", "late", "closed_too_early", "fingerprints_differ"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`closed_too_early` is our own fault: the bid came in time, but the tender was closed already. `fingerprints_differ`: what was
    received is not what was sent, and the bid stays a draft, to be sent again.
    """

    reason: Reason
    instant: datetime
    closes_at: datetime

    @property
    def accepted(self) -> bool:
        return self.reason == "in_time"

    @property
    def disturbed(self) -> bool:
        return self.reason == "closed_too_early"

    def received_otherwise(self) -> "Verdict":
        """The same of a bid whose files arrived with other fingerprints than were sent; what is late is late all the same."""
        return self if self.reason == "late" else replace(self, reason="fingerprints_differ")


def decide(instant: datetime, *, opens_at: datetime, closes_at: datetime, closed: bool) -> Verdict:
    """Raises Conflict before the stage begins: nothing is decided then, and the bidder may come again."""
    if instant < opens_at:
        raise Conflict(
            "bidding_not_open",
            "Bids are taken from {opens_at} on.",
            article="Perpres 54/2010 Pasal 61",
            remedy="Keep the draft and consent when the stage Upload Dokumen Penawaran has begun.",
            opens_at=opens_at.isoformat(),
        )
    if instant > closes_at:
        return Verdict("late", instant, closes_at)
    return Verdict("closed_too_early" if closed else "in_time", instant, closes_at)
