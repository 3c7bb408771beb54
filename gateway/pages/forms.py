"""What people type: read from a form, kept when it has to be shown again, and said in the words of an API's body.

The name of a field is its place in the body (`offer.rows.3.unit_price`), so that a service's word about a place finds the
field, and `Form.body` needs no table.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

from kit.clock import WIB
from kit.problems import Problem

__all__ = ["MOST_LINES", "Form", "WrongField", "beside", "rupiah"]

MOST_FIELDS: Final = 20_000
"""A list of quantities has 2 000 lines of several fields."""
MOST_LINES: Final = 2_000
"""What a service takes of one group."""
OURS: Final = frozenset({"_token", "_key", "_do"})
PART: Final = r"(?![0-9]{5,}(\.|$))[A-Za-z0-9][A-Za-z0-9_-]{0,60}"
PLACE: Final = re.compile(rf"{PART}(\.{PART}){{0,6}}")
KEY: Final = re.compile(r"[A-Za-z0-9-]{8,100}")


class WrongField(Problem):
    """One field cannot be read; the form is shown again with the reason beside it."""

    status = 422
    title = "A field is not filled in as it should be"

    def __init__(self, name: str, code: str, detail: str, **params: Any) -> None:
        super().__init__(code, detail, **params)
        self.name = name


@contextmanager
def beside(**fields: str) -> Iterator[None]:
    """Shows a service's refusal beside the field it is about, which its code tells: `beside(user_id_taken="user_id")`."""
    try:
        yield
    except Problem as refusal:
        if refusal.code not in fields:
            raise
        raise WrongField(
            fields[refusal.code],
            refusal.code,
            refusal.template,
            article=refusal.article,
            remedy=refusal.remedy,
            status=refusal.status,
            **refusal.params,
        ) from refusal


@dataclass(frozen=True)
class Form:
    """`key` makes sending twice harmless; `do` says which button was pressed, where a page has several."""

    values: Mapping[str, Sequence[str]]
    key: str
    token: str = ""
    do: str = ""
    problem: Problem | None = None
    errors: Mapping[str, "WrongField | Mapping[str, Any]"] = field(default_factory=dict)
    """Field by field: our own word, or the service's (`why`, and what `type` of mistake it is)."""

    @classmethod
    def blank(cls, **values: str) -> "Form":
        return cls({name: [value] for name, value in values.items()}, key=str(uuid4()))

    @classmethod
    def parse(cls, body: bytes) -> "Form":
        try:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS,
                errors="strict",
            )  # fmt: skip
        except ValueError as error:
            raise _unreadable() from error
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in OURS and not PLACE.fullmatch(name):
                raise _unreadable()
            typed = value if name.startswith("password") else value.replace("\r\n", "\n").strip()
            values.setdefault(name, []).append(typed)
        given = {name: values.pop(name, [""])[0] for name in OURS}
        key = given["_key"] if KEY.fullmatch(given["_key"]) else str(uuid4())
        return cls(values, key=key, token=given["_token"], do=given["_do"])

    def refused(self, problem: Problem) -> "Form":
        """As it is shown again: with what was typed, and what is wrong.

        The key stays where nobody knows whether it was carried out: sent again, it must not happen twice.
        """
        key = self.key if problem.status >= 500 else str(uuid4())
        errors = dict(sorted(self._errors(problem), key=lambda error: self._order(error[0])))
        return replace(self, problem=problem, errors=errors, key=key)

    def _order(self, name: str) -> int:
        """Browsers send fields in the order of the form; a box that is not ticked is not among them."""
        sent = (at for at, known in enumerate(self.values) if f"{known}.".startswith(f"{name}."))
        return next(sent, len(self.values))

    @property
    def kept(self) -> Iterable[tuple[str, str]]:
        """What may be shown again, also to whoever comes next to this screen."""
        return [(name, value) for name, values in self.values.items() if "password" not in name for value in values]

    def _errors(self, problem: Problem) -> Iterable[tuple[str, "WrongField | Mapping[str, Any]"]]:
        for error in problem.document().get("errors", ()):
            parts = str(error.get("at", "")).split("/")
            yield self._typed(parts[1:] if parts[0] == "body" else parts), error
        if isinstance(problem, WrongField):
            yield problem.name, problem

    def _typed(self, place: Sequence[str]) -> str:
        """The field for a place of the body, in which lines left blank have closed up."""
        found: list[str] = []
        for part in place:
            lines = self._lines(".".join(found)) if part.isdecimal() else []
            found.append(str(lines[int(part)]) if part.isdecimal() and int(part) < len(lines) else part)
        return ".".join(found)

    def _lines(self, group: str) -> Sequence[int]:
        """The numbers of the lines of a group that are not blank."""
        place = re.compile(rf"{re.escape(group)}\.([0-9]{{1,4}})(\.|$)")
        return sorted({int(found[1]) for name in self.values if self[name] and (found := place.match(name))})

    def __getitem__(self, name: str) -> str:
        return next(iter(self.values.get(name, ())), "")

    def all(self, name: str) -> Sequence[str]:
        return self.values.get(name, ())

    def get(self, name: str, otherwise: Any = "") -> Any:
        """What was typed; before anything was, `otherwise`."""
        return self[name] if name in self.values else otherwise

    def required(self, name: str) -> str:
        if not self[name]:
            raise WrongField(name, "field_required", "This has to be filled in.")
        return self[name]

    def ticked(self, name: str) -> bool:
        return bool(self[name])

    def count(self, group: str) -> int:
        """How many lines a group has, blank ones among them: `hps_rows.7.unit` is the eighth."""
        place = re.compile(rf"{re.escape(group)}\.([0-9]{{1,4}})\.")
        numbers = [int(found[1]) for name in self.values if (found := place.match(name))]
        return max(numbers, default=-1) + 1

    def money(self, name: str) -> str | None:
        """`1.250.000,5` or `1250000.50` as `1250000.50`; None where nothing was typed."""
        return rupiah(self[name], name) if self[name] else None

    def instant(self, name: str) -> str:
        """What `datetime-local` sends is meant in WIB."""
        try:
            return datetime.fromisoformat(self[name]).replace(tzinfo=WIB).isoformat()
        except ValueError:
            raise WrongField(name, "time_unreadable", "Write day and time as 2026-11-30T09:00 (WIB).") from None

    def body(self, *names: str, money: Iterable[str] = (), instants: Iterable[str] = ()) -> dict[str, Any]:
        """The fields named (`package`, or `hps_rows` with all that stands below it) as the body of a request.

        What was left blank is left out. `money` and `instants`: last parts of names that are read as such.
        """
        money, instants = frozenset(money), frozenset(instants)
        tree: dict[str, Any] = {}
        for name in self.values:
            parts = name.split(".")
            if parts[0] not in names or not self[name]:
                continue
            value: Any = self[name]
            if parts[-1] in money:
                value = rupiah(value, name)
            elif parts[-1] in instants:
                value = self.instant(name)
            _put(tree, parts, value)
        return {name: _listed(value) for name, value in tree.items()}


def rupiah(typed: str, name: str = "") -> str:
    """With dots between thousands and a decimal comma, as on paper, or plain; two decimals at most."""
    text = re.sub(r"^rp\.?\s*|\s|,-$", "", typed, flags=re.IGNORECASE)
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+(,[0-9]{1,2})?|[0-9]+,[0-9]{1,2}", text):
        text = text.replace(".", "").replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,2})?", text):
        raise WrongField(name, "money_unreadable", "Write an amount as 1.250.000 or 1.250.000,50.")
    return f"{Decimal(text):.2f}"


def _put(tree: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    for part in parts[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise _unreadable()
    if parts[-1] in tree:
        raise _unreadable()
    tree[parts[-1]] = value


def _listed(value: Any) -> Any:
    """Numbered places are a list; lines left blank close up."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def _unreadable() -> Problem:
    return Problem("form_unreadable", "This form cannot be read.", remedy="Send it from the page itself.")
