"""Which papers, and that admission means: each required one is there, was seen, is in date, and nothing else is open."""

from contextlib import nullcontext
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.problems import RuleViolation
from services.registry.rules.numbers import npwp
from services.registry.rules.papers import (
    Case,
    Identity,
    PaperFacts,
    current,
    decide,
    deficiencies,
    is_duplicate,
    missing,
    require_complete,
    require_dates,
    required_papers,
)

TODAY = date(2026, 11, 23)
KINDS = ("badan_usaha", "usaha_perorangan", "perorangan")
ALL = required_papers("badan_usaha", amended_deed=True)
OTHER = UUID(int=99)


def test_required_papers_by_kind() -> None:
    forms = ("formulir_pendaftaran", "formulir_keikutsertaan")
    everybody = (*forms, "ktp", "npwp", "surat_izin_usaha")
    entity = (*forms, "ktp", "akta_pendirian", "npwp", "surat_izin_usaha")
    amended = (*forms, "ktp", "akta_pendirian", "akta_perubahan", "npwp", "surat_izin_usaha")
    assert required_papers("badan_usaha", amended_deed=False) == entity
    assert required_papers("badan_usaha", amended_deed=True) == amended
    for kind in KINDS[1:]:
        assert required_papers(kind, amended_deed=True) == required_papers(kind, amended_deed=False) == everybody


@given(st.sampled_from(KINDS), st.booleans(), st.sets(st.sampled_from(ALL)))
def test_what_is_missing_and_what_is_there_make_the_whole(kind: str, amended: bool, uploaded: set[str]) -> None:
    needed = required_papers(kind, amended_deed=amended)
    lacking = missing(kind, amended_deed=amended, uploaded=uploaded)
    assert set(lacking) == set(needed) - uploaded
    if lacking:
        with pytest.raises(RuleViolation) as refused:
            require_complete(kind, amended_deed=amended, uploaded=uploaded)
        assert refused.value.extra == {"missing": lacking}
    else:
        require_complete(kind, amended_deed=amended, uploaded=uploaded)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, set[UUID], set[UUID], list[str]]:
    """A case, the originals seen, the duplicates set aside, and the deficiencies there must be."""
    kind, amended = draw(st.sampled_from(KINDS)), draw(st.booleans())
    papers, seen, wrong = [], set(), []
    for at, needed in enumerate(required_papers(kind, amended_deed=amended)):
        state = draw(st.sampled_from(["right", "endless", "missing", "original_not_seen", "expired"]))
        if state == "expired" and needed not in {"ktp", "surat_izin_usaha"}:
            state = "right"
        if state != "missing":
            ends = {"expired": TODAY - timedelta(days=1), "endless": None}.get(state, TODAY)
            papers.append(PaperFacts(UUID(int=at), needed, ends))
        if state in {"right", "endless", "expired"}:
            seen.add(UUID(int=at))
        if state not in {"right", "endless"}:
            wrong.append(f"{needed}: {state}")
    number = draw(st.sampled_from(["01.300.066.6-091.000", "01.300.066.7-091.000"]))
    wrong += [] if npwp(number).is_valid else ["npwp_number: invalid"]
    duplicate, resolved = draw(st.booleans()), draw(st.booleans())
    wrong += [f"duplicate: {OTHER}"] if duplicate and not resolved else []
    case = Case(kind, amended, npwp(number), papers, {OTHER} if duplicate else ())
    return case, seen, {OTHER} if resolved else set(), wrong


@given(cases())
def test_exactly_what_is_wrong_is_listed(given_case: tuple[Case, set[UUID], set[UUID], list[str]]) -> None:
    case, seen, resolved, wrong = given_case
    assert deficiencies(case, seen, resolved, TODAY) == wrong
    with nullcontext() if not wrong else pytest.raises(RuleViolation) as refused:
        decide(case, outcome="verified", originals=seen, listed=(), resolved=resolved, notes="ada", today=TODAY)
    if refused:
        assert (refused.value.code, refused.value.extra) == ("verification_deficient", {"deficiencies": wrong})


def whole() -> Case:
    papers = [PaperFacts(UUID(int=at), kind) for at, kind in enumerate(ALL)]
    return Case("badan_usaha", True, npwp("01.300.066.6-091.000"), papers)


def code(outcome: str, *, listed: tuple[str, ...] = (), resolved: tuple[UUID, ...] = (), notes: str = "") -> str:
    originals = [paper.id for paper in whole().papers]
    try:
        decide(
            whole(), outcome=outcome, originals=originals, listed=listed, resolved=resolved, notes=notes, today=TODAY
        )
    except RuleViolation as refused:
        return refused.code
    return "allowed"


def test_a_rejection_has_reasons_and_an_admission_none() -> None:
    assert code("verified") == "allowed"
    assert code("verified", listed=("ktp",)) == "deficiencies_contradict"
    assert code("rejected") == "deficiencies_required"
    assert code("rejected", listed=("ktp",)) == "allowed"


def test_a_duplicate_is_set_aside_with_a_reason() -> None:
    assert code("verified", resolved=(OTHER,), notes=" ") == "duplicate_unexplained"
    assert code("verified", resolved=(OTHER,), notes="Cabang.") == "allowed"


def test_the_paper_that_came_last_counts() -> None:
    """So an old licence that was seen does not stand for the new one, nor the other way round."""
    old, new = PaperFacts(UUID(int=1), "ktp", TODAY - timedelta(1)), PaperFacts(UUID(int=2), "ktp", TODAY)
    assert current([old, new]) == {"ktp": new}
    case = Case("perorangan", False, npwp("01.300.066.6-091.000"), [old, new])
    assert "ktp: original_not_seen" in deficiencies(case, [old.id], (), TODAY)
    assert not [found for found in deficiencies(case, [new.id], (), TODAY) if found.startswith("ktp")]


DAY = timedelta(1)


@pytest.mark.parametrize(
    ("kind", "issued_on", "expires_on", "refused"),
    [
        ("npwp", TODAY, None, None),
        ("npwp", TODAY + DAY, None, "paper_issued_later"),
        ("npwp", TODAY - DAY, TODAY - DAY, None),
        ("npwp", TODAY - DAY, TODAY - 2 * DAY, "paper_ends_first"),
        ("ktp", TODAY - DAY, TODAY, None),
        ("ktp", TODAY - DAY, TODAY - DAY, "paper_expired"),
        ("surat_izin_usaha", TODAY - DAY, TODAY - DAY, "paper_expired"),
        ("surat_izin_usaha", TODAY - DAY, None, None),
    ],
)
def test_dates_do_not_contradict_each_other_nor_the_day(
    kind: str, issued_on: date, expires_on: date | None, refused: str | None
) -> None:
    with pytest.raises(RuleViolation) if refused else nullcontext() as violation:
        require_dates(kind, issued_on=issued_on, expires_on=expires_on, today=TODAY)
    assert refused == (violation.value.code if violation else None)


IDENTITIES = st.builds(
    Identity,
    npwp16=st.sampled_from(["01", "02"]),
    email=st.sampled_from(["a@x.id", "b@x.id"]),
    address=st.sampled_from(["Jalan Ijen 5", "jalan  ijen, 5", "Jalan Raya 1"]),
    branch=st.booleans(),
)


@given(IDENTITIES, IDENTITIES)
def test_duplicates(one: Identity, other: Identity) -> None:
    assert is_duplicate(one, other) == is_duplicate(other, one)
    assert is_duplicate(one, one)
    if one.email != other.email and one.npwp16 == other.npwp16:
        apart = {one.address, other.address} >= {"Jalan Raya 1"} and one.address != other.address
        assert is_duplicate(one, other) == (not (apart and (one.branch or other.branch)))
    elif one.email != other.email:
        assert not is_duplicate(one, other)
