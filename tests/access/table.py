"""Reads table.txt: who may do what, and what everybody else sees."""

import re
from dataclasses import dataclass
from pathlib import Path

from contracts.roles import Role
from services import SERVICES
from tests.access.world import Person

__all__ = ["RELATIONS", "Row", "rows"]

TABLE = Path(__file__).with_name("table.txt")
BIDDERS = {"bidder", "rival", "third"}
RELATIONS: dict[str, set[str]] = {
    "skpd": {"ppk-here", "pa-here", "kpa-here"},
    "member": {"member1", "member2", "member3"},
    "bidder": {"bidder"},
    "participant": BIDDERS,
    "verified": BIDDERS | {"outsider"},
    "newcomer": {"newcomer"},
    "applicant": {"applicant"},
    "mandated": {"auditor-sent"},
    "none": set(),
}
"""Who stands in which relation to the records of the story. `none`: nobody yet, or not any more."""
SELF = "bidder"
"""The account that records of one account belong to."""
EVERYBODY, LOGGED_IN, GATEWAY, OWN = "everybody", "logged in", "gateway", "self"


@dataclass(frozen=True)
class Row:
    service: str
    method: str
    path: str
    record: str
    may: tuple[str, ...]
    strangers: int | None
    others: int | None

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path} {self.record}"

    @property
    def route(self) -> tuple[str, str, str]:
        return self.service, self.method, self.path

    @property
    def is_form(self) -> bool:
        """A page of the portal that takes what people type."""
        return self.service == "gateway" and self.method == "POST" and not self.path.startswith(("/api/", "/session"))

    @property
    def gate(self) -> set[str]:
        """Whom the route itself lets in, whatever the record: a role, everybody logged in, the public, the gateway."""
        words = {word.partition(":")[0] for word in self.may}
        if words == {EVERYBODY}:
            return {"public"}
        if words == {GATEWAY}:
            return {"internal"}
        return {LOGGED_IN} if self.others != 403 or words & {OWN, LOGGED_IN} else words

    def refusal(self, who: Person | None) -> int | None:
        """The status with which this person is refused; None: let through."""
        if EVERYBODY in self.may:
            return None
        if who is None or self.may == (GATEWAY,):
            return 401
        role = who.role if who.in_force else None
        if any(_allows(word, who, role) for word in self.may):
            return None
        concerned = role is not None and role in {word.partition(":")[0] for word in self.may}
        return self.strangers if concerned else self.others


def _allows(word: str, who: Person, role: str | None) -> bool:
    if word in {LOGGED_IN, OWN}:
        return word == LOGGED_IN or who.name == SELF
    wanted, _, relation = word.partition(":")
    return role == wanted and (not relation or who.name in RELATIONS[relation])


def rows() -> list[Row]:
    return [row for line in TABLE.read_text().splitlines() if line and not line.startswith("#") for row in _rows(line)]


def _rows(line: str) -> list[Row]:
    """`*` stands for every service."""
    service, method, path, record, may, strangers, others = re.split(r"\s{2,}|(?<=POST)\s+|(?<=DELETE)\s+", line)
    words = tuple(may.split(", "))
    known = {EVERYBODY, LOGGED_IN, GATEWAY, OWN, *Role}
    assert {word.partition(":")[0] for word in words} <= known, line
    return [
        Row(name, method, path, record, words, _status(strangers), _status(others))
        for name in (SERVICES if service == "*" else (service,))
    ]


def _status(said: str) -> int | None:
    return None if said == "-" else int(said)
