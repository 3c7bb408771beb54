"""When a tender fails (Perpres 70/2012 Pasal 83-84): each ground is checked against what is recorded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from kit.problems import RuleViolation
from services.tender.rules.evaluation import ContractType, price_passes
from services.tender.rules.regime import FailureGround

__all__ = ["Evaluated", "Facts", "check", "next_action"]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One bid as far as it got. `failed_at` None: it passed every step so far; `complete`: no step is left."""

    failed_at: str | None
    complete: bool
    corrected: Decimal
    proven: bool | None


@dataclass(frozen=True, slots=True)
class Facts:
    closed: bool
    opened: bool
    contract: ContractType
    hps: Decimal
    least_bidders: int
    bids: int
    evaluated: tuple[Evaluated, ...]
    upheld: int


def check(ground: FailureGround, facts: Facts, evidence: str) -> None:
    """Raises RuleViolation when the ground does not hold."""
    if not _HOLDS[ground.code](facts):
        raise RuleViolation(
            "ground_does_not_hold",
            'The ground "{name}" does not hold: the records say otherwise.',
            article=ground.source,
            remedy="Go on with the tender, or declare the ground that applies.",
            name=ground.name,
        )
    if ground.evidence and not evidence.strip():
        raise RuleViolation(
            "ground_without_evidence",
            'The ground "{name}" needs evidence.',
            article=ground.source,
            remedy="Write down what happened and by what it can be proved.",
            name=ground.name,
        )


def next_action(ground: FailureGround, wanted: str | None) -> str:
    """What follows: the ground's first action unless another of its actions is chosen (Pasal 84)."""
    if wanted is not None and wanted not in ground.next_actions:
        raise RuleViolation(
            "next_action_not_allowed",
            'After "{name}" may follow: {allowed}.',
            article="Perpres 70/2012 Pasal 84",
            remedy="Choose one of these, or leave it out for the first.",
            name=ground.name,
            allowed=", ".join(ground.next_actions),
        )
    return wanted or ground.next_actions[0]


def _too_few(facts: Facts) -> bool:
    return facts.closed and facts.bids < facts.least_bidders


def _all_failed(facts: Facts) -> bool:
    return facts.opened and bool(facts.evaluated) and all(bid.failed_at for bid in facts.evaluated)


def _all_above(facts: Facts) -> bool:
    priced = [bid for bid in facts.evaluated if bid.failed_at in {None, "harga"}]
    decided = all(bid.complete or bid.failed_at for bid in facts.evaluated)
    return facts.opened and decided and bool(priced) and not any(price_passes(b.corrected, facts.hps) for b in priced)


def _above_by_unit(facts: Facts) -> bool:
    return facts.contract == "harga_satuan" and _all_above(facts)


def _above_by_lump(facts: Facts) -> bool:
    return facts.contract == "lumsum" and _all_above(facts)


def _nobody_proven(facts: Facts) -> bool:
    passed = [bid for bid in facts.evaluated if bid.complete and not bid.failed_at]
    decided = all(bid.complete or bid.failed_at for bid in facts.evaluated)
    return decided and bool(passed) and all(bid.proven is False for bid in passed)


_HOLDS: Mapping[str, Callable[[Facts], bool]] = {
    "F2": _too_few,
    "F4": _all_failed,
    "F5": lambda facts: facts.closed,
    "F6": _above_by_unit,
    "F7": _above_by_lump,
    "F8": lambda facts: facts.upheld > 0,
    "F9": _nobody_proven,
}
