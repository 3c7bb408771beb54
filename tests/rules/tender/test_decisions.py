"""Package, HPS, winner, objection, appointment, failure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.problems import Conflict, Forbidden, Problem, RuleViolation
from services.tender.regimes import regime
from services.tender.rules import appointment, failure, hps, objection, package, winner
from services.tender.rules.evaluation import Ranked
from services.tender.rules.failure import Evaluated, Facts
from services.tender.rules.hps import Item

LAW = regime("P70-2012")
NOW = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)
TICK = timedelta(milliseconds=1)
ONE, TWO, THREE, FOUR = (UUID(int=n) for n in range(1, 5))
RANKED = [Ranked(bid, Decimal(price), NOW) for bid, price in ((ONE, 10), (TWO, 20), (THREE, 30), (FOUR, 40))]


def code_of(error: pytest.ExceptionInfo[Problem]) -> str:
    assert error.value.article
    assert error.value.detail
    return error.value.code


# Package and HPS


def test_the_general_tender_takes_any_value_of_its_categories() -> None:
    for category in ("barang", "konstruksi", "jasa_lainnya"):
        package.check_method(LAW, method="pelelangan_umum", category=category, pagu=Decimal(10**12))
    with pytest.raises(RuleViolation) as error:
        package.check_method(LAW, method="pelelangan_umum", category="jasa_konsultansi", pagu=Decimal(1))
    assert code_of(error) == "method_not_for_category"


@given(st.integers(-3, 3))
def test_a_simple_tender_goes_up_to_five_milliards(off: int) -> None:
    pagu = Decimal("5000000000.00") + off * Decimal("0.01")
    if off <= 0:
        package.check_method(LAW, method="pelelangan_sederhana", category="barang", pagu=pagu)
    else:
        with pytest.raises(RuleViolation):
            package.check_method(LAW, method="pelelangan_sederhana", category="barang", pagu=pagu)


def test_a_method_is_run_only_by_its_templates() -> None:
    package.check_template(LAW, method="pelelangan_umum", template="T1")
    with pytest.raises(RuleViolation) as error:
        package.check_template(LAW, method="pelelangan_terbatas", template="T1")
    assert code_of(error) == "method_without_template"


@given(st.lists(st.tuples(st.decimals("0.0001", 1000, places=4), st.decimals(0, 10**8, places=2)), min_size=1))
def test_the_hps_is_its_lines_and_their_ppn(lines: list[tuple[Decimal, Decimal]]) -> None:
    items = [Item(no, "", "", quantity, price) for no, (quantity, price) in enumerate(lines, 1)]
    net = hps.sums(items, Decimal(0)).total
    assert net == sum(item.amount for item in items)
    gross = hps.sums(items, Decimal(11))
    assert gross.net == net
    assert abs(gross.total - net * Decimal("1.11")) <= Decimal("0.005")


def test_the_hps_may_equal_the_pagu_and_not_exceed_it() -> None:
    hps.check_ceiling(Decimal("10.00"), Decimal("10.00"))
    for total in ("10.01", "0.00"):
        with pytest.raises(RuleViolation):
            hps.check_ceiling(Decimal(total), Decimal("10.00"))


@given(st.integers(0, 60))
def test_the_hps_is_no_older_than_28_days_at_the_deadline(days: int) -> None:
    fixed = NOW - timedelta(days=days)
    if days <= 28:
        hps.check_age(fixed, NOW, LAW.hps)
    else:
        with pytest.raises(RuleViolation):
            hps.check_age(fixed, NOW, LAW.hps)


# Winner


@given(st.dictionaries(st.sampled_from([ONE, TWO, THREE, FOUR]), st.booleans()))
def test_the_winner_is_the_first_in_rank_who_was_proven(proven: dict[UUID, bool]) -> None:
    left = [bid.bid for bid in RANKED if proven.get(bid.bid, True)]
    if left and left[0] in proven:
        best = winner.choose(RANKED, proven, Decimal(100))
        assert best.bid == left[0]
        assert winner.reserves(RANKED, best.bid, proven, 2) == left[1:3]
    else:
        with pytest.raises(Problem):
            winner.choose(RANKED, proven, Decimal(100))


def test_a_winner_above_the_hps_is_none() -> None:
    with pytest.raises(RuleViolation) as error:
        winner.choose(RANKED, {ONE: True}, Decimal("9.99"))
    assert code_of(error) == "first_above_hps"


@given(st.integers(0, 9), st.integers(1, 9))
def test_half_is_no_majority(approvals: int, members: int) -> None:
    assert winner.is_majority(approvals, members) == (approvals > members / 2)


def test_above_100_milliards_the_pa_decides() -> None:
    limit = Decimal("100000000000.00")
    winner.check_authority(LAW.winner_authority, category="barang", pagu=limit)
    with pytest.raises(RuleViolation) as error:
        winner.check_authority(LAW.winner_authority, category="barang", pagu=limit + Decimal("0.01"))
    assert code_of(error) == "winner_authority"


# Objection and appointment


@pytest.mark.parametrize(("off", "announced", "right"), [(0, True, True), (1, True, False), (0, False, False)])
def test_objections_are_taken_to_the_last_instant(off: int, announced: bool, right: bool) -> None:
    span = {"starts_at": NOW - timedelta(days=5), "ends_at": NOW}
    if right:
        objection.check_window(NOW + off * TICK, announced=announced, **span)
    else:
        with pytest.raises(Conflict) as error:
            objection.check_window(NOW + off * TICK, announced=announced, **span)
        assert "pengaduan" in str(error.value.remedy)


def test_only_bidders_object_and_only_once() -> None:
    objection.check_right(submitted=True, objected=False)
    with pytest.raises(Forbidden):
        objection.check_right(submitted=False, objected=False)
    with pytest.raises(Conflict):
        objection.check_right(submitted=True, objected=True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"now": NOW}, "objection_period_open"),
        ({"announced": False}, "winner_not_announced"),
        ({"unanswered": 1}, "objections_open"),
        ({"upheld": 1}, "objection_upheld"),
        ({"issued": True}, "appointment_issued"),
        ({"running": False}, "tender_failed"),
    ],
)
def test_what_stands_against_an_appointment(changes: dict[str, object], code: str) -> None:
    free = {
        "now": NOW + TICK,
        "objection_ends": NOW,
        "announced": True,
        "unanswered": 0,
        "upheld": 0,
        "issued": False,
        "running": True,
    }
    appointment.check(**free)  # type: ignore[arg-type]
    with pytest.raises(Conflict) as error:
        appointment.check(**(free | changes))  # type: ignore[arg-type]
    assert code_of(error) == code


# Failure

PASSED = Evaluated(failed_at=None, complete=True, corrected=Decimal(90), proven=None)
ABOVE = Evaluated(failed_at="harga", complete=True, corrected=Decimal(110), proven=None)
OUT = Evaluated(failed_at="teknis", complete=False, corrected=Decimal(90), proven=None)
OPEN = Evaluated(failed_at=None, complete=False, corrected=Decimal(90), proven=None)
FACTS = Facts(
    closed=True,
    opened=True,
    contract="harga_satuan",
    hps=Decimal(100),
    least_bidders=3,
    bids=3,
    evaluated=(PASSED, OUT, ABOVE),
    upheld=0,
)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("F2", {"bids": 2, "opened": False, "evaluated": ()}),
        ("F4", {"evaluated": (OUT, ABOVE)}),
        ("F6", {"evaluated": (OUT, ABOVE)}),
        ("F7", {"evaluated": (OUT, ABOVE), "contract": "lumsum"}),
        ("F8", {"upheld": 1}),
        ("F9", {"evaluated": (OUT, replace(PASSED, proven=False))}),
    ],
)
def test_a_ground_holds_when_the_records_say_so_and_not_otherwise(code: str, changes: dict[str, object]) -> None:
    ground = LAW.ground(code)
    failure.check(ground, replace(FACTS, **changes), "")  # type: ignore[arg-type]
    with pytest.raises(RuleViolation) as error:
        failure.check(ground, FACTS, "")
    assert code_of(error) == "ground_does_not_hold"


@pytest.mark.parametrize("code", ["F6", "F9"])
def test_nothing_fails_while_a_bid_is_still_evaluated(code: str) -> None:
    going_on = replace(FACTS, evaluated=(OPEN, ABOVE, replace(PASSED, proven=False)))
    with pytest.raises(RuleViolation):
        failure.check(LAW.ground(code), going_on, "")


def test_before_closing_there_are_no_too_few_bids() -> None:
    with pytest.raises(RuleViolation):
        failure.check(LAW.ground("F2"), replace(FACTS, closed=False, opened=False, bids=0, evaluated=()), "")


def test_unhealthy_competition_needs_evidence() -> None:
    failure.check(LAW.ground("F5"), FACTS, "BA 12/2026")
    with pytest.raises(RuleViolation):
        failure.check(LAW.ground("F5"), FACTS, " ")


def test_what_follows_is_one_of_the_grounds_actions() -> None:
    assert failure.next_action(LAW.ground("F8"), None) == "evaluasi_ulang"
    assert failure.next_action(LAW.ground("F8"), "pelelangan_ulang") == "pelelangan_ulang"
    with pytest.raises(RuleViolation):
        failure.next_action(LAW.ground("F2"), "evaluasi_ulang")
