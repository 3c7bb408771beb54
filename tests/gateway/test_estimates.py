"""Estimates as they are typed and pasted, when a letter of appointment is due, and a committee's duties."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.pages import hps
from gateway.pages.committee.duties import Facts, duties
from gateway.pages.forms import MOST_LINES, Form, WrongField
from gateway.pages.packages import appointment_state
from gateway.pages.provider import offers
from gateway.pages.words_of_numbers import terbilang

START = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
STAGES = (
    "pemberian_penjelasan",
    "pembukaan",
    "evaluasi",
    "pembuktian_kualifikasi",
    "penetapan_pemenang",
    "pengumuman_pemenang",
    "masa_sanggah",
    "sppbj",
)
ME, OTHER = "me", "other"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("10", "10"),
        ("1.250", "1250"),
        ("12,5", "12.5"),
        ("12.5", "12.5"),
        ("0.125", "0.125"),
        ("1.250.000,25", "1250000.25"),
    ],
)
def test_a_quantity_is_read_as_it_is_written_here(typed: str, read: str) -> None:
    assert hps.decimal(typed) == read


@pytest.mark.parametrize("typed", ["", "sepuluh", "1,250,000", "-1", "1e3", "12,50001", "٣"])
def test_what_is_no_quantity_is_refused(typed: str) -> None:
    with pytest.raises(WrongField):
        hps.decimal(typed)


def row(description: str, unit: str, quantity: str, unit_price: str) -> dict[str, str]:
    return {"description": description, "unit": unit, "quantity": quantity, "unit_price": unit_price}


def test_lines_are_taken_over_as_spreadsheets_copy_them() -> None:
    text = (
        'Uraian\tSatuan\tVolume\tHarga\r\nMeja\tunit\t10\tRp 1.000.000,00\n\n"Kursi ""kecil"""\tunit\t1,5\t500.000\t\n'
    )
    assert hps.pasted(text) == [
        row("Meja", "unit", "10", "Rp 1.000.000,00"),
        row('Kursi "kecil"', "unit", "1,5", "500.000"),
    ]
    assert hps.pasted("Meja; unit ;10;1.000.000") == [row("Meja", "unit", "10", "1.000.000")]
    assert hps.pasted("  \n") == []


def test_every_line_that_cannot_be_read_is_named_and_none_is_taken_over() -> None:
    text = "Meja\tunit\t10\t1000\n\nKursi\tunit\tdua\t1000\nRak\tunit\t3\nLemari\tunit\t\t5\nPapan\tunit\t1\tmahal"
    with pytest.raises(WrongField) as caught:
        hps.pasted(text)
    assert [(line["no"], line["code"]) for line in caught.value.extra["lines"]] == [
        (3, "number_unreadable"),
        (4, "columns_differ"),
        (5, "cell_empty"),
        (6, "money_unreadable"),
    ]


def test_more_lines_than_an_estimate_has_are_refused_as_a_whole() -> None:
    line = "Meja\tunit\t1\t1000\n"
    assert len(hps.lines_of(Form.blank(paste=line * MOST_LINES))) == MOST_LINES
    typed = {f"hps_rows.{n}.unit": "unit" for n in range(0, 2 * MOST_LINES, 2)}
    assert len(hps.lines_of(Form.blank(**typed))) == MOST_LINES, "blank ones do not count"
    for form, place in (
        (Form.blank(paste=line * (MOST_LINES + 1)), "paste"),
        (Form.blank(paste=line, **typed), "paste"),
        (Form.blank(**typed, **{"hps_rows.4001.unit": "unit"}), "hps_rows.2000.description"),
    ):
        with pytest.raises(WrongField) as caught:
            hps.lines_of(form)
        assert (caught.value.name, caught.value.params) == (place, {"most": MOST_LINES, "count": MOST_LINES + 1})


def test_a_price_that_makes_more_than_any_amount_is_refused_beside_it_and_counts_nothing() -> None:
    quantities = [{"no": 1, "quantity": "100"}, {"no": 2, "quantity": "1"}, {"no": 3, "quantity": "99999999999999"}]
    half = "6" + 17 * "0"
    for prices, wrong, total in (
        (("99999999999999999", "1", ""), 0, "1.00"),
        (("", half, "6000"), 2, f"{half}.00"),
        (("", "", 18 * "9"), 2, "0.00"),
    ):
        lines = {
            f"offer.rows.{n}.{name}": str(value) for n, row in enumerate(quantities) for name, value in row.items()
        }
        form = Form.blank(**lines, **{f"offer.rows.{n}.unit_price": price for n, price in enumerate(prices)})
        with pytest.raises(WrongField) as caught:
            offers.read(form)
        assert (caught.value.name, caught.value.code) == (f"offer.rows.{wrong}.unit_price", "amount_too_large")
        assert offers.shown(form, quantities).total == Decimal(total)
        assert terbilang(offers.shown(form, quantities).total)


def test_blank_lines_close_up_as_the_service_will_number_them() -> None:
    form = Form.blank(**{"hps_rows.0.unit": "", "hps_rows.2.unit": "unit", "paste": "x", "name": "Meja"})
    rows = hps.typed(form)
    assert rows == [row("", "unit", "", "")]
    kept = hps.with_rows(form, rows)
    assert (kept["hps_rows.0.unit"], kept["name"], kept["paste"], kept.count("hps_rows")) == ("unit", "Meja", "", 1)
    with pytest.raises(WrongField) as caught:
        hps.rows_of(rows)
    assert caught.value.name == "hps_rows.0.description"


def public(**changes: Any) -> dict[str, Any]:
    objections = {"filed": 1, "answered": 1, "upheld": 0}
    stages = [{"code": "masa_sanggah", "ends_at": START.isoformat()}]
    known = {"status": "running", "winner": {}, "appointment": None, "objections": objections, "stages": stages}
    return known | changes


@pytest.mark.parametrize(
    ("changes", "later", "state"),
    [
        ({}, timedelta(milliseconds=1), "ready"),
        ({}, timedelta(0), "objecting"),
        ({"winner": None}, timedelta(1), "no_winner"),
        ({"status": "failed", "winner": None}, timedelta(1), "failed"),
        ({"appointment": {"number": "1"}}, timedelta(1), "issued"),
        ({"objections": {"filed": 2, "answered": 1, "upheld": 0}}, timedelta(1), "unanswered"),
        ({"objections": {"filed": 1, "answered": 1, "upheld": 1}}, timedelta(1), "upheld"),
    ],
)
def test_an_appointment_waits_for_what_the_law_waits_for(changes: dict[str, Any], later: timedelta, state: str) -> None:
    assert appointment_state(public(**changes), START + later) == state


def tender(**changes: Any) -> dict[str, Any]:
    """Stage after stage, a day each."""
    stages = [
        {
            "code": code,
            "starts_at": (START + timedelta(days=n)).isoformat(),
            "ends_at": (START + timedelta(days=n, hours=8)).isoformat(),
        }
        for n, code in enumerate(STAGES, 1)
    ]
    names = ("announced_at", "closed_at", "opened_at", "determined_at", "winner_announced_at")
    return {"status": "draft", "documents": [], "approvals": [], "stages": stages, **dict.fromkeys(names)} | changes


def states(day: int, *, sheet: Any = None, objections: Any = (), questions: Any = (), **changes: Any) -> dict[str, str]:
    now = START + timedelta(days=day, hours=1)
    facts = Facts(tender(**changes), now, ME, sheet=sheet, questions=questions, objections=objections)
    return {duty.key: duty.state for duty in duties(facts) if duty.state in {"due", "others"}}


DONE: dict[str, Any] = {"status": "running", "documents": [{}], "announced_at": "x", "closed_at": "x"}
OPEN = DONE | {"opened_at": "x"}


def sheet(*steps: str, next_step: str | None = None, approvals: tuple[str, ...] = ()) -> dict[str, Any]:
    recorded = [{"step": step, "passed": True} for step in steps]
    row = {"bid": "b", "next_step": next_step, "steps": recorded}
    return {"bids": [row], "candidate": None if next_step else "b", "approvals": list(approvals)}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"day": 0}, {"document": "due"}),
        ({"day": 0, "documents": [{}]}, {"pact": "due"}),
        ({"day": 0, "documents": [{}], "approvals": [ME]}, {"pact": "others"}),
        ({"day": 1, **DONE, "questions": [{"answered_at": None}]}, {"questions": "due"}),
        ({"day": 2, **DONE, "closed_at": None}, {}),
        ({"day": 1, **DONE}, {}),
        ({"day": 2, **DONE}, {"opening": "due"}),
        ({"day": 3, **OPEN, "sheet": sheet(next_step="teknis")}, {"evaluation": "due"}),
        ({"day": 3, **OPEN, "sheet": sheet("harga")}, {}),
        ({"day": 4, **OPEN, "sheet": sheet("harga")}, {"proof": "due"}),
        ({"day": 5, **OPEN, "sheet": sheet("harga", "pembuktian")}, {"winner": "due"}),
        ({"day": 5, **OPEN, "sheet": sheet("harga", "pembuktian", approvals=(ME,))}, {"winner": "others"}),
        ({"day": 5, **OPEN, "sheet": sheet("harga", "pembuktian", approvals=(OTHER,))}, {"winner": "due"}),
        ({"day": 6, **OPEN, "sheet": sheet("harga", "pembuktian"), "determined_at": "x"}, {"announcement": "due"}),
        (
            {
                "day": 7, **OPEN, "sheet": sheet("harga", "pembuktian"), "determined_at": "x", "winner_announced_at": "x",
                "objections": [{"answered_at": None}],
            },
            {"objections": "due"},
        ),
        (
            {"day": 8, **OPEN, "sheet": sheet("harga", "pembuktian"), "determined_at": "x", "winner_announced_at": "x"},
            {"appointment": "others"},
        ),
        ({"day": 3, **OPEN, "status": "failed", "sheet": sheet(next_step="teknis")}, {}),
    ],
)  # fmt: skip
def test_a_committee_is_told_what_is_to_be_done_now(asked: dict[str, Any], found: dict[str, str]) -> None:
    assert states(**asked) == found
