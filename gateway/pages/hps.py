"""The owner's estimate (HPS) as people type it line by line, or copy it from a spreadsheet."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.pages.forms import MOST_LINES, Form, WrongField, rupiah
from kit.problems import Problem

__all__ = ["FIELDS", "ROWS", "decimal", "lines_of", "pasted", "rows_of", "typed", "with_rows"]

ROWS: Final = "hps_rows"
FIELDS: Final = ("description", "unit", "quantity", "unit_price")
Row = Mapping[str, str]


def decimal(typed: str, name: str = "") -> str:
    """`1.250`, `12,5` or `12.5` with a point; up to four decimals. A dot before three digits stands between thousands."""
    text = re.sub(r"\s", "", typed)
    if re.fullmatch(r"[1-9][0-9]{0,2}(\.[0-9]{3})+(,[0-9]{1,4})?|[0-9]+,[0-9]{1,4}", text):
        text = text.replace(".", "").replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,14}(\.[0-9]{1,4})?", text):
        raise WrongField(name, "number_unreadable", "Write a number as 1.250 or 12,5.")
    return text


def typed(form: Form) -> list[Row]:
    """The lines of the form in which anything stands, closed up as the service will number them."""
    lines = [{name: form[f"{ROWS}.{n}.{name}"] for name in FIELDS} for n in range(form.count(ROWS))]
    return [line for line in lines if any(line.values())]


def lines_of(form: Form) -> list[Row]:
    """All that was typed and pasted; too many are refused as a whole, so that no tail is lost without a word."""
    lines, more = typed(form), pasted(form["paste"])
    if len(lines) + len(more) > MOST_LINES:
        raise WrongField(
            "paste" if more else f"{ROWS}.{MOST_LINES}.{FIELDS[0]}",
            "lines_too_many",
            "An estimate has {most} lines at most; with these it would have {count}. Nothing was taken over.",
            remedy="Put like items together, or divide the procurement into several packages.",
            most=MOST_LINES,
            count=len(lines) + len(more),
        )
    return [*lines, *more]


def with_rows(form: Form, rows: Sequence[Row]) -> Form:
    """The form with these lines, and with nothing left to take over."""
    others = {name: value for name, value in form.values.items() if not name.startswith(f"{ROWS}.") and name != "paste"}
    lines = {f"{ROWS}.{n}.{name}": [row[name]] for n, row in enumerate(rows) for name in FIELDS}
    return replace(form, values=others | lines)


def rows_of(rows: Sequence[Row]) -> list[dict[str, str]]:
    """As the service takes them."""
    return [
        {
            "description": _there(row, n, "description"),
            "unit": _there(row, n, "unit"),
            "quantity": decimal(_there(row, n, "quantity"), f"{ROWS}.{n}.quantity"),
            "unit_price": rupiah(_there(row, n, "unit_price"), f"{ROWS}.{n}.unit_price"),
        }
        for n, row in enumerate(rows)
    ]


def _there(row: Row, n: int, name: str) -> str:
    if not row[name]:
        raise WrongField(f"{ROWS}.{n}.{name}", "field_required", "This has to be filled in.")
    return row[name]


def pasted(text: str) -> list[Row]:
    """Lines of description, unit, quantity and unit price, between tabs or semicolons; titles above them are passed over.

    Taken over as a whole or, with every line named that cannot be read, not at all: then the text stays as it is.
    """
    found: list[Row] = []
    wrong: list[dict[str, Any]] = []
    for no, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        cells = [_cell(cell) for cell in line.split("\t" if "\t" in line else ";")]
        if not found and not wrong and not re.search(r"\d", "".join(cells[1:])):
            continue
        try:
            found.append(_row(cells))
        except Problem as problem:
            wrong.append({"no": no, "code": problem.code, "line": line.strip()[:120], "why": problem.detail})
    if wrong:
        raise WrongField(
            "paste",
            "paste_unreadable",
            "{count} lines cannot be read. Nothing was taken over yet.",
            count=len(wrong),
            extra={"lines": wrong},
        )
    return found


def _cell(text: str) -> str:
    """A spreadsheet puts quotes around what holds quotes, and doubles those."""
    text = text.strip()
    return text[1:-1].replace('""', '"').strip() if len(text) > 1 and text[0] == text[-1] == '"' else text


def _row(cells: Sequence[str]) -> Row:
    while len(cells) > len(FIELDS) and not cells[-1]:
        cells = cells[:-1]
    if len(cells) != len(FIELDS):
        raise WrongField("paste", "columns_differ", "A line has four columns: description, unit, quantity, unit price.")
    if not all(cells):
        raise WrongField("paste", "cell_empty", "A column is empty.")
    decimal(cells[2])
    rupiah(cells[3])
    return dict(zip(FIELDS, cells, strict=True))
