"""Letters, separation of duties and committees (Pasal 5, 7, 9(1)b; DOMAIN 1.3)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.roles import OFFICIALS, Role
from kit.problems import RuleViolation

__all__ = ["Letter", "conflict", "require_committee", "require_letter"]

BUYING: Final = frozenset({Role.PPK, Role.PA, Role.KPA})
SELECTING: Final = frozenset({Role.POKJA, Role.PEJABAT_PENGADAAN})
OPERATING: Final = frozenset(
    {Role.VERIFIKATOR, Role.HELPDESK, Role.ADMIN_PPE, Role.ADMIN_AGENCY, Role.KETUA_LPSE, Role.TRAINER}
)
WATCHING: Final = frozenset({Role.AUDITOR, Role.INSPEKTUR, Role.MONITOR_LKPP})
DUTIES: Final = (BUYING, SELECTING, OPERATING, WATCHING)
"""One person stands on one side only at a time: who buys does not select, who runs the system or watches does neither."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A role from `valid_from` up to, and not including, `valid_to`."""

    role: Role
    valid_from: datetime
    valid_to: datetime

    def in_force(self, at: datetime) -> bool:
        return self.valid_from <= at < self.valid_to

    def overlaps(self, other: "Letter") -> bool:
        return self.valid_from < other.valid_to and other.valid_from < self.valid_to


def conflict(one: Role, other: Role) -> bool:
    return _duty(one) is not _duty(other)


def _duty(role: Role) -> frozenset[Role]:
    return next(duty for duty in DUTIES if role in duty)


def require_letter(
    letter: Letter,
    *,
    skpd: str | None,
    original_seen: bool,
    held: Iterable[Letter],
    now: datetime,
    to_self: bool = False,
    to_provider: bool = False,
) -> None:
    """Raise RuleViolation unless this letter may be registered for somebody who holds these others."""
    _require_official(letter.role, to_provider=to_provider)
    _require_original(original_seen)
    _require_term(letter, now)
    _require_skpd(letter.role, skpd)
    if to_self:
        raise RuleViolation(
            "own_letter",
            "Nobody registers a letter for himself.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)b",
            remedy="Let another Admin Agency register it.",
        )
    _require_one_side(letter, held)


def _require_official(role: Role, *, to_provider: bool) -> None:
    if role not in OFFICIALS or to_provider:
        raise RuleViolation(
            "provider_not_official",
            "A letter makes no provider, and a provider holds no letter.",
            article="Perwali Mojokerto 21/2011 Pasal 5(1)",
            remedy="Providers register themselves; for an official create an account of his own.",
        )


def _require_original(original_seen: bool) -> None:
    if not original_seen:
        raise RuleViolation(
            "original_not_seen",
            "A role is given on the original letter of assignment or decree, and the original was not seen.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)b",
            remedy="Ask for the original, then register the letter.",
        )


def _require_term(letter: Letter, now: datetime) -> None:
    if not letter.valid_from < letter.valid_to or letter.valid_to <= now:
        raise RuleViolation(
            "letter_not_in_date",
            "The letter runs from {valid_from} to {valid_to}: it must end after it begins, and after now.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)b",
            remedy="Copy the dates from the letter; an ended letter gives no role.",
            valid_from=letter.valid_from.isoformat(),
            valid_to=letter.valid_to.isoformat(),
        )


def _require_skpd(role: Role, skpd: str | None) -> None:
    if role in BUYING and skpd is None:
        raise RuleViolation(
            "skpd_required",
            "A {role} acts for one SKPD, and the letter names none.",
            article="Perwali Mojokerto 21/2011 Pasal 1(10)-(12)",
            remedy="Give the code of the SKPD.",
            role=role,
        )


def _require_one_side(letter: Letter, held: Iterable[Letter]) -> None:
    against = sorted({other.role for other in held if other.overlaps(letter) and conflict(letter.role, other.role)})
    if against:
        raise RuleViolation(
            "duties_not_separate",
            "Who is {held} cannot be {role} at the same time.",
            article="Perwali Mojokerto 21/2011 Pasal 5(1)",
            remedy="Give the role to somebody else, or let the other letter end first.",
            extra={"held": list(against)},
            held=", ".join(against),
            role=letter.role,
        )


def require_committee(
    members: Sequence[UUID], letters: Mapping[UUID, Collection[Letter]], term: Letter, now: datetime
) -> None:
    """Raise RuleViolation unless these accounts may form a Pokja for this term (Pasal 1(13)-(14), 5(1)b).

    `letters` are those of each member; one as Pokja must be in force when the term begins (now, if it has begun), and
    none for another side of the table while it lasts.
    """
    _require_number(members)
    _require_term(term, now)
    begins = max(term.valid_from, now)
    without = [str(one) for one in members if not _serves(letters.get(one, ()), begins)]
    if without:
        raise RuleViolation(
            "member_without_letter",
            "Each member holds a letter as Pokja when the committee begins; these do not: {members}.",
            article="Perwali Mojokerto 21/2011 Pasal 5(1)b, 9(1)b",
            remedy="Register their letters first, or name others.",
            extra={"members": without},
            members=", ".join(without),
        )
    for one in members:
        _require_one_side(term, letters[one])


def _serves(letters: Iterable[Letter], at: datetime) -> bool:
    return any(letter.role == Role.POKJA and letter.in_force(at) for letter in letters)


def _require_number(members: Sequence[UUID]) -> None:
    if len(set(members)) != len(members) or len(members) < 3 or len(members) % 2 == 0:
        raise RuleViolation(
            "committee_number",
            "A committee has an odd number of different members, at least three; this has {count}.",
            article="Perwali Mojokerto 21/2011 Pasal 5(1)b",
            remedy="Name three, five or seven different people.",
            count=len(set(members)),
        )
