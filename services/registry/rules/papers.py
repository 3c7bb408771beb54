"""Which papers a provider hands in, and when a verifier may admit it (Pasal 9(1)a and 9(2))."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from kit.problems import RuleViolation
from services.registry.rules.numbers import Npwp

__all__ = ["Case", "PaperFacts", "current", "decide", "deficiencies", "missing", "require_dates", "required_papers"]

FORMS: Final = ("formulir_pendaftaran", "formulir_keikutsertaan")
DATED: Final = frozenset({"ktp", "surat_izin_usaha"})
"""Papers that must be in date on the day of the decision."""


@dataclass(frozen=True, slots=True)
class PaperFacts:
    """An uploaded paper. `expires_on` is its last good day; None never ends (an electronic KTP, a NIB)."""

    id: UUID
    kind: str
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What stands before the verifier. `papers` are the uploaded ones, oldest first."""

    kind: str
    amended_deed: bool
    npwp: Npwp
    papers: Sequence[PaperFacts]
    duplicates: Collection[UUID] = ()
    """Other providers with the same NPWP or e-mail address."""


def required_papers(kind: str, *, amended_deed: bool) -> tuple[str, ...]:
    """Pasal 9(1)a.2: the forms, KTP, NPWP and licence from everybody, deeds from entities."""
    deeds = ("akta_pendirian", *(("akta_perubahan",) if amended_deed else ()))
    return (*FORMS, "ktp", *(deeds if kind == "badan_usaha" else ()), "npwp", "surat_izin_usaha")


def current(papers: Iterable[PaperFacts]) -> dict[str, PaperFacts]:
    """The paper that counts of each kind: the one that came last."""
    return {paper.kind: paper for paper in papers}


def missing(kind: str, *, amended_deed: bool, uploaded: Collection[str]) -> list[str]:
    return [paper for paper in required_papers(kind, amended_deed=amended_deed) if paper not in uploaded]


def require_complete(kind: str, *, amended_deed: bool, uploaded: Collection[str]) -> None:
    lacking = missing(kind, amended_deed=amended_deed, uploaded=uploaded)
    if lacking:
        raise RuleViolation(
            "papers_missing",
            "These papers are still missing: {missing}.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a.2",
            remedy="Enter each paper, upload its copy and confirm the fingerprints; then submit again.",
            extra={"missing": lacking},
            missing=", ".join(lacking),
        )


def require_dates(kind: str, *, issued_on: date, expires_on: date | None, today: date) -> None:
    """A paper exists when it is handed in and ends after it was issued; one that must be in date has not ended yet.

    What expired before it came could never be admitted: time does not go back until the verifier decides.
    """
    if issued_on > today:
        raise RuleViolation(
            "paper_issued_later",
            "The paper is dated {issued_on}, and today is {today}.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a.2",
            remedy="Copy the date of issue from the paper.",
            issued_on=issued_on,
            today=today,
        )
    if expires_on is not None and expires_on < issued_on:
        raise RuleViolation(
            "paper_ends_first",
            "The paper would end on {expires_on}, before it was issued on {issued_on}.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a.2",
            remedy="Copy both dates from the paper.",
            expires_on=expires_on,
            issued_on=issued_on,
        )
    if _expired(kind, expires_on, today):
        raise RuleViolation(
            "paper_expired",
            "The paper ended on {expires_on}; no verifier may admit a provider with it.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a.2, 9(2)",
            remedy="Hand in the renewed paper.",
            expires_on=expires_on,
        )


def _expired(kind: str, expires_on: date | None, today: date) -> bool:
    return kind in DATED and expires_on is not None and expires_on < today


def deficiencies(case: Case, originals: Collection[UUID], resolved: Collection[UUID], today: date) -> list[str]:
    """Everything that stands against admission, as `item: what is wrong`, in the order of the regulation."""
    papers = current(case.papers)
    found = []
    for kind in required_papers(case.kind, amended_deed=case.amended_deed):
        fault = _fault(papers.get(kind), originals, today)
        found += [f"{kind}: {fault}"] if fault else []
    if not case.npwp.is_valid:
        found.append("npwp_number: invalid")
    return found + [f"duplicate: {other}" for other in sorted(set(case.duplicates) - set(resolved))]


def _fault(paper: PaperFacts | None, originals: Collection[UUID], today: date) -> str | None:
    if paper is None:
        return "missing"
    if _expired(paper.kind, paper.expires_on, today):
        return "expired"
    return None if paper.id in originals else "original_not_seen"


def decide(
    case: Case,
    *,
    outcome: str,
    originals: Collection[UUID],
    listed: Sequence[str],
    resolved: Collection[UUID],
    notes: str,
    today: date,
) -> None:
    """Raise RuleViolation unless the verifier may decide so. `listed` are the deficiencies the verifier wrote down."""
    if outcome == "rejected":
        _require_reasons(listed)
        return
    _require_no_reasons(listed)
    _require_explanation(resolved, notes)
    found = deficiencies(case, originals, resolved, today)
    if found:
        raise RuleViolation(
            "verification_deficient",
            "The provider cannot be admitted: {deficiencies}.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a.2, 9(2)",
            remedy="Let the provider bring what is missing, or reject with this list.",
            extra={"deficiencies": found},
            deficiencies="; ".join(found),
        )


def _require_reasons(listed: Sequence[str]) -> None:
    if not listed:
        raise RuleViolation(
            "deficiencies_required",
            "A rejection lists each missing item, and this list is empty.",
            article="Perwali Mojokerto 21/2011 Pasal 9(2)",
            remedy="Name what the provider must bring or correct.",
        )


def _require_no_reasons(listed: Sequence[str]) -> None:
    if listed:
        raise RuleViolation(
            "deficiencies_contradict",
            "A provider with deficiencies is not admitted, and {count} are listed.",
            article="Perwali Mojokerto 21/2011 Pasal 9(2)",
            remedy="Reject with this list, or admit without it.",
            count=len(listed),
        )


def _require_explanation(resolved: Collection[UUID], notes: str) -> None:
    if resolved and not notes.strip():
        raise RuleViolation(
            "duplicate_unexplained",
            "Who sets a duplicate aside says in the notes why the two are not one provider registered twice.",
            article="Perwali Mojokerto 21/2011 Pasal 9(2)",
            remedy="Write the reason into the notes.",
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """What two registrations of one provider have in common."""

    npwp16: str
    email: str
    address: str
    branch: bool


def is_duplicate(one: Identity, other: Identity) -> bool:
    """Same e-mail address, or same NPWP unless one of the two is a branch at another address."""
    if one.email == other.email:
        return True
    branches = (one.branch or other.branch) and _plain(one.address) != _plain(other.address)
    return one.npwp16 == other.npwp16 and not branches


def _plain(address: str) -> str:
    return "".join(letter for letter in address.casefold() if letter.isalnum())
