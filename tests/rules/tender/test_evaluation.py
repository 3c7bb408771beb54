"""Arithmetic correction and ranking."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import rupiah
from kit.problems import Conflict, RuleViolation
from services.tender.rules import evaluation
from services.tender.rules.evaluation import OfferRow, Ranked, correct, rank
from services.tender.rules.hps import Item
from services.tender.rules.regime import Step

ORDER: tuple[Step, ...] = ("administrasi", "kualifikasi", "teknis", "harga")
AT = datetime(2026, 12, 4, tzinfo=UTC)
money = st.decimals(0, 10**9, places=2)
prices = st.one_of(st.none(), money)
quantities = st.decimals("0.0001", 10**5, places=4)


@st.composite
def offers(draw: st.DrawFn) -> tuple[list[Item], list[OfferRow], Decimal]:
    """A tender's lines and an offer that may miss lines, add some, and be wrong everywhere."""
    count = draw(st.integers(1, 6))
    items = [Item(no, "", "", draw(quantities), draw(money)) for no in range(1, count + 1)]
    numbers = draw(st.lists(st.integers(1, 9), unique=True, max_size=9))
    rows = [OfferRow(no, draw(quantities), draw(prices), draw(money)) for no in numbers]
    return items, rows, draw(money)


def item(no: int, quantity: str) -> Item:
    return Item(no, "", "", Decimal(quantity), Decimal(0))


def row(no: int, quantity: str, price: str | None, amount: str) -> OfferRow:
    return OfferRow(no, Decimal(quantity), None if price is None else Decimal(price), Decimal(amount))


@given(offers())
def test_the_corrected_total_is_what_the_tenders_quantities_and_the_typed_prices_give(
    offer: tuple[list[Item], list[OfferRow], Decimal],
) -> None:
    items, rows, offered = offer
    found = correct("harga_satuan", items, rows, offered)
    typed = {row.no: row.unit_price or Decimal(0) for row in rows}
    wanted = sum((rupiah(item.quantity * typed.get(item.no, Decimal(0))) for item in items), Decimal(0))
    assert found.total == wanted
    assert found.offered == offered
    assert sum((line.amount for line in found.rows), Decimal(0)) == wanted


@pytest.mark.parametrize("quantity", ["10", "99999999999999.9999"])
def test_a_price_beyond_all_money_counts_as_the_most_that_can_be_written(quantity: str) -> None:
    items = [item(no, quantity) for no in (1, 2)]
    rows = [row(no, "1", "999999999999999999.99", "1.00") for no in (1, 2)]
    found = correct("harga_satuan", items, rows, Decimal("2.00"))
    assert {line.amount for line in found.rows} == {found.total} == {Decimal("999999999999999999.99")}
    assert found.rows[0].unit_price == Decimal("999999999999999999.99")


@given(offers())
def test_a_unit_price_is_never_altered(offer: tuple[list[Item], list[OfferRow], Decimal]) -> None:
    items, rows, offered = offer
    typed = {row.no: row for row in rows}
    for line in correct("harga_satuan", items, rows, offered).rows:
        if line.no in typed:
            assert line.unit_price == (typed[line.no].unit_price or 0)


@given(offers())
def test_correcting_the_corrected_offer_changes_nothing(offer: tuple[list[Item], list[OfferRow], Decimal]) -> None:
    items, rows, offered = offer
    once = correct("harga_satuan", items, rows, offered)
    known = {item.no for item in items}
    again = [OfferRow(r.no, r.quantity, r.unit_price, r.amount) for r in once.rows if r.no in known]
    twice = correct("harga_satuan", items, again, once.total)
    assert twice.total == once.total
    assert not {change for line in twice.rows for change in line.changes} - {"no_price"}


@given(offers())
def test_a_lump_sum_stays_as_offered(offer: tuple[list[Item], list[OfferRow], Decimal]) -> None:
    items, rows, offered = offer
    found = correct("lumsum", items, rows, offered)
    assert (found.total, found.changed) == (offered, False)


def test_each_kind_of_correction() -> None:
    """Scenario 21 and the other cases of DOMAIN 2.7."""
    items = [item(no, "10") for no in range(1, 6)]
    rows = [
        row(1, "10", "1500000.00", "14000000.00"),
        row(2, "9", "100.00", "900.00"),
        row(3, "10", None, "0.00"),
        row(4, "10", "5.00", "50.00"),
        row(7, "1", "999.00", "999.00"),
    ]
    found = correct("harga_satuan", items, rows, Decimal("14001949.00"))
    lines = {line.no: (line.amount, line.changes) for line in found.rows}
    assert lines == {
        1: (Decimal("15000000.00"), ("amount",)),
        2: (Decimal("1000.00"), ("quantity", "amount")),
        3: (Decimal("0.00"), ("no_price",)),
        4: (Decimal("50.00"), ()),
        5: (Decimal("0.00"), ("missing",)),
        7: (Decimal("0.00"), ("not_in_tender",)),
    }
    assert found.total == Decimal("15001050.00")
    assert found.changed


def test_halves_are_rounded_up_once_per_line() -> None:
    items = [item(1, "0.5"), item(2, "0.5")]
    rows = [row(no, "0.5", "0.01", "0.01") for no in (1, 2)]
    assert correct("harga_satuan", items, rows, Decimal("0.02")).total == Decimal("0.02")


@given(money, money)
def test_a_price_passes_only_up_to_the_hps(corrected: Decimal, hps: Decimal) -> None:
    allowed = 0 < corrected <= hps
    assert evaluation.price_passes(corrected, hps) == allowed
    evaluation.check_price(passed=False, corrected=corrected, hps=hps)
    if allowed:
        evaluation.check_price(passed=True, corrected=corrected, hps=hps)
    else:
        with pytest.raises(RuleViolation):
            evaluation.check_price(passed=True, corrected=corrected, hps=hps)


@given(st.lists(st.sampled_from(ORDER), max_size=4, unique=True), st.sampled_from(ORDER), st.data())
def test_only_the_next_step_of_a_bid_that_did_not_fail_is_taken(
    done: list[Step], step: Step, data: st.DataObject
) -> None:
    outcomes: dict[str, bool] = {name: data.draw(st.booleans()) for name in done}
    following = next((name for name in ORDER if name not in outcomes), None)
    if all(outcomes.values()) and step == following:
        evaluation.check_step(ORDER, outcomes, step)
    else:
        with pytest.raises(Conflict):
            evaluation.check_step(ORDER, outcomes, step)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=8), st.randoms())
def test_the_ranking_is_by_price_then_by_who_came_first_whatever_the_order(
    bids: list[tuple[int, int]], random: object
) -> None:
    import random as library

    assert isinstance(random, library.Random)
    ranked = [
        Ranked(UUID(int=no), Decimal(total), AT + timedelta(milliseconds=came)) for no, (total, came) in enumerate(bids)
    ]
    shuffled = list(ranked)
    random.shuffle(shuffled)
    found = rank(shuffled)
    assert found == rank(ranked)
    assert [(bid.total, bid.consented_at) for bid in found] == sorted((bid.total, bid.consented_at) for bid in ranked)


def test_a_failure_has_a_reason() -> None:
    evaluation.check_result(passed=True, reason="")
    with pytest.raises(RuleViolation):
        evaluation.check_result(passed=False, reason="  ")
