"""Letters, separation of duties, committees."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.roles import OFFICIALS, Role
from kit.problems import RuleViolation
from services.registry.rules.duties import Letter, conflict, require_committee, require_letter

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
DAYS = st.integers(-400, 400)
ROLES = st.sampled_from(sorted(OFFICIALS))


def letter(role: Role, first: int = -10, last: int = 10) -> Letter:
    return Letter(role, NOW + timedelta(days=first), NOW + timedelta(days=last))


@st.composite
def letters(draw: st.DrawFn, role: st.SearchStrategy[Role] = ROLES) -> Letter:
    first = draw(DAYS)
    return letter(draw(role), first, first + draw(st.integers(1, 400)))


def refusal(
    new: Letter, *held: Letter, skpd: str | None = "1.01.01", original_seen: bool = True, **who: bool
) -> str | None:
    try:
        require_letter(new, skpd=skpd, original_seen=original_seen, held=held, now=NOW, **who)
    except RuleViolation as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Role.PPK, Role.POKJA),
        (Role.POKJA, Role.VERIFIKATOR),
        (Role.ADMIN_PPE, Role.POKJA),
        (Role.AUDITOR, Role.PPK),
        (Role.AUDITOR, Role.POKJA),
        (Role.ADMIN_AGENCY, Role.POKJA),
        (Role.HELPDESK, Role.PPK),
        (Role.INSPEKTUR, Role.KETUA_LPSE),
    ],
)
def test_contrary_duties(one: Role, other: Role) -> None:
    assert conflict(one, other)
    assert conflict(other, one)
    assert refusal(letter(one), letter(other)) == "duties_not_separate"


@given(ROLES, ROLES)
def test_every_official_role_stands_on_one_side(one: Role, other: Role) -> None:
    assert conflict(one, other) == conflict(other, one)
    assert not conflict(one, one)


@given(letters(), letters())
def test_letters_are_contrary_only_while_both_run(one: Letter, other: Letter) -> None:
    at_once = max(one.valid_from, other.valid_from) < min(one.valid_to, other.valid_to)
    refused = refusal(one, other)
    if one.valid_to <= NOW:
        assert refused == "letter_not_in_date"
    else:
        assert (refused == "duties_not_separate") == (at_once and conflict(one.role, other.role))


def test_a_letter_may_begin_where_a_contrary_one_ends() -> None:
    assert refusal(letter(Role.POKJA, 10, 20), letter(Role.PPK, -10, 10)) is None
    assert refusal(letter(Role.POKJA, 9, 20), letter(Role.PPK, -10, 10)) == "duties_not_separate"


def test_what_a_letter_needs() -> None:
    assert refusal(letter(Role.PPK)) is None
    assert refusal(letter(Role.PPK), skpd=None) == "skpd_required"
    assert refusal(letter(Role.HELPDESK), skpd=None) is None
    assert refusal(letter(Role.HELPDESK), original_seen=False) == "original_not_seen"
    assert refusal(letter(Role.HELPDESK), to_self=True) == "own_letter"
    assert refusal(letter(Role.HELPDESK), to_provider=True) == "provider_not_official"
    assert refusal(letter(Role.PENYEDIA)) == "provider_not_official"
    assert refusal(letter(Role.HELPDESK, 5, 5)) == "letter_not_in_date"
    assert refusal(letter(Role.HELPDESK, -5, 0)) == "letter_not_in_date"


@given(letters(), st.integers(0, 800))
def test_in_force_is_from_its_first_instant_up_to_its_last(given_letter: Letter, days: int) -> None:
    at = NOW + timedelta(days=days - 400)
    assert given_letter.in_force(at) == given_letter.overlaps(Letter(Role.POKJA, at, at + timedelta(microseconds=1)))
    assert given_letter.in_force(given_letter.valid_from)
    assert not given_letter.in_force(given_letter.valid_to)


def committee(members: list[int], held: dict[int, list[Letter]], term: Letter | None = None) -> str | None:
    ids = [UUID(int=member) for member in members]
    known = {UUID(int=member): letters for member, letters in held.items()}
    try:
        require_committee(ids, known, term or letter(Role.POKJA, 0, 5), NOW)
    except RuleViolation as refused:
        return refused.code
    return None


@given(st.lists(st.integers(1, 9), max_size=9))
def test_a_committee_is_odd_and_of_different_people(members: list[int]) -> None:
    right = len(members) in {3, 5, 7, 9} and len(set(members)) == len(members)
    refused = committee(members, {member: [letter(Role.POKJA)] for member in range(1, 10)})
    assert refused == (None if right else "committee_number")


@given(st.lists(letters(), max_size=4))
def test_each_member_serves_and_does_nothing_contrary(held: list[Letter]) -> None:
    serves = any(one.role == Role.POKJA and one.valid_from <= NOW < one.valid_to for one in held)
    contrary = any(conflict(Role.POKJA, one.role) and one.overlaps(letter(Role.POKJA, 0, 5)) for one in held)
    refused = committee([1, 2, 3], {1: held, 2: [letter(Role.POKJA)], 3: [letter(Role.POKJA)]})
    expected = "member_without_letter" if not serves else "duties_not_separate" if contrary else None
    assert refused == expected


def test_a_committee_of_the_past_is_none_and_one_that_runs_needs_letters_now() -> None:
    held = {member: [letter(Role.POKJA, -10, -1)] for member in (1, 2, 3)}
    assert committee([1, 2, 3], held, letter(Role.POKJA, -5, -1)) == "letter_not_in_date"
    assert committee([1, 2, 3], held, letter(Role.POKJA, -5, 5)) == "member_without_letter"
