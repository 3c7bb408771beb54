"""Who wins: the lowest corrected valid offer whose qualification was proven (Perpres 54/2010 Pasal 79-80)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from kit.problems import Conflict, RuleViolation
from services.tender.rules.evaluation import Ranked, price_passes
from services.tender.rules.regime import WinnerAuthority

__all__ = ["candidate", "check_authority", "choose", "is_majority", "reserves"]

ARTICLE = "Perpres 54/2010 Pasal 79-80"


def candidate(ranked: Sequence[Ranked], proven: Mapping[UUID, bool]) -> Ranked | None:
    """Whose originals are to be seen now: the first in rank that did not fail the proof of qualification."""
    return next((bid for bid in ranked if proven.get(bid.bid, True)), None)


def check_candidate(bid: UUID, ranked: Sequence[Ranked], proven: Mapping[UUID, bool]) -> None:
    """The proof (pembuktian) goes down the ranking, one bid after the other, each once."""
    if bid in proven:
        raise Conflict(
            "proof_recorded",
            "The proof of qualification of this bid is recorded.",
            article=ARTICLE,
            remedy="See the evaluation sheet: what was recorded stands there.",
        )
    first = candidate(ranked, proven)
    if first is None or first.bid != bid:
        raise Conflict(
            "not_the_candidate",
            "The proof of qualification is asked of the candidate winner, the first in rank.",
            article=ARTICLE,
            remedy="The evaluation sheet of the tender shows the ranking.",
        )


def choose(ranked: Sequence[Ranked], proven: Mapping[UUID, bool], hps: Decimal) -> Ranked:
    """The winner there must be. Raises Conflict while it is not certain, RuleViolation when nobody can win."""
    first = candidate(ranked, proven)
    if first is None:
        raise RuleViolation(
            "nobody_can_win",
            "No bid passed every step of the evaluation.",
            article="Perpres 70/2012 Pasal 83(1)",
            remedy="Declare the tender failed on the ground that applies.",
        )
    if first.bid not in proven:
        raise Conflict(
            "proof_missing",
            "The candidate's qualification was not proven yet.",
            article=ARTICLE,
            remedy="Record the pembuktian of the first in rank.",
        )
    if not price_passes(first.total, hps):
        raise RuleViolation(
            "first_above_hps",
            "The price of the first in rank is above the HPS.",
            article="Perpres 54/2010 Pasal 66(5)",
            remedy="Declare the tender failed on the ground that fits.",
        )
    return first


def reserves(ranked: Sequence[Ranked], winner: UUID, proven: Mapping[UUID, bool], most: int) -> list[UUID]:
    """Up to two in rank after the winner (cadangan)."""
    others = [bid.bid for bid in ranked if bid.bid != winner and proven.get(bid.bid, True)]
    return others[:most]


def is_majority(approvals: int, members: int) -> bool:
    return approvals * 2 > members


def check_authority(rows: Sequence[WinnerAuthority], *, category: str, pagu: Decimal) -> None:
    """Above the limit the winner is fixed by the PA, not by the Pokja (Perpres 54/2010 Pasal 17)."""
    row = next((row for row in rows if row.role == "pokja" and category in row.categories), None)
    if row is None or pagu > row.most:
        raise RuleViolation(
            "winner_authority",
            "A package of Rp {pagu} in this category is beyond what a Pokja decides.",
            article="Perpres 54/2010 Pasal 17",
            remedy="The PA determines the winner.",
            pagu=pagu,
        )
