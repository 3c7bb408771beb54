"""What a tender asks of its committee: each duty with where it stands, from the stages, the clock and what is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gateway.pages.units import instant

__all__ = ["Duty", "Facts", "duties"]

State = Literal["done", "due", "others", "later"]
"""`due`: to be done now, by whoever looks; `others`: it waits for somebody else; `later`: its time has not come."""


@dataclass(frozen=True)
class Duty:
    """`tab`: where it is done; `at`: from when on, where the schedule says."""

    key: str
    tab: str
    state: State
    at: str | None = None


@dataclass(frozen=True)
class Facts:
    """`sheet` after the opening, `questions` and `objections` after the announcement; `me`: the account that looks."""

    tender: Mapping[str, Any]
    now: datetime
    me: str
    sheet: Mapping[str, Any] | None = None
    questions: Sequence[Mapping[str, Any]] = ()
    objections: Sequence[Mapping[str, Any]] = ()

    def stage(self, code: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(stage for stage in self.tender["stages"] if stage["code"] == code)
        return found

    def begun(self, code: str) -> bool:
        return instant(self.stage(code)["starts_at"]) <= self.now

    def over(self, code: str) -> bool:
        return instant(self.stage(code)["ends_at"]) < self.now

    def has(self, name: str) -> bool:
        return self.tender[name] is not None


def duties(facts: Facts) -> list[Duty]:
    """In the order of the procedure; none for a tender that failed."""
    if facts.tender["status"] == "failed":
        return []
    from_stage = {
        "questions": "pemberian_penjelasan",
        "opening": "pembukaan",
        "evaluation": "evaluasi",
        "proof": "pembuktian_kualifikasi",
        "winner": "penetapan_pemenang",
        "announcement": "pengumuman_pemenang",
        "objections": "masa_sanggah",
        "appointment": "sppbj",
    }
    states: Mapping[str, tuple[str, State]] = {
        "document": ("dokumen", "done" if facts.tender["documents"] else "due"),
        "pact": ("persetujuan", _pact(facts)),
        "questions": ("pertanyaan", _questions(facts)),
        "opening": ("pembukaan", _opening(facts)),
        "evaluation": ("evaluasi", _evaluation(facts)),
        "proof": ("evaluasi", _proof(facts)),
        "winner": ("pemenang", _winner(facts)),
        "announcement": ("pemenang", _announcement(facts)),
        "objections": ("sanggah", _objections(facts)),
        "appointment": ("sanggah", _appointment(facts)),
    }
    return [
        Duty(key, tab, state, facts.stage(from_stage[key])["starts_at"] if key in from_stage else None)
        for key, (tab, state) in states.items()
    ]


def _pact(facts: Facts) -> State:
    tender = facts.tender
    if facts.has("announced_at"):
        return "done"
    if facts.me in tender["approvals"]:
        return "others"
    return "due" if tender["documents"] else "later"


def _questions(facts: Facts) -> State:
    if any(question["answered_at"] is None for question in facts.questions):
        return "due"
    return "done" if facts.has("announced_at") and facts.over("pemberian_penjelasan") else "later"


def _opening(facts: Facts) -> State:
    if facts.has("opened_at"):
        return "done"
    return "due" if facts.has("closed_at") and facts.begun("pembukaan") else "later"


def _evaluated(facts: Facts) -> bool:
    return facts.sheet is not None and all(row["next_step"] is None for row in facts.sheet["bids"])


def _evaluation(facts: Facts) -> State:
    if _evaluated(facts):
        return "done"
    return "due" if facts.has("opened_at") and facts.begun("evaluasi") else "later"


def _proven(facts: Facts) -> bool:
    """Whether the originals of the candidate were seen and found right."""
    sheet = facts.sheet
    if sheet is None or sheet["candidate"] is None:
        return False
    steps = next(row["steps"] for row in sheet["bids"] if row["bid"] == sheet["candidate"])
    return any(step["step"] == "pembuktian" and step["passed"] for step in steps)


def _proof(facts: Facts) -> State:
    if _proven(facts):
        return "done"
    there = _evaluated(facts) and facts.sheet is not None and facts.sheet["candidate"] is not None
    return "due" if there and facts.begun("pembuktian_kualifikasi") else "later"


def _winner(facts: Facts) -> State:
    if facts.has("determined_at"):
        return "done"
    if facts.sheet is None or not _proven(facts) or not facts.begun("penetapan_pemenang"):
        return "later"
    return "others" if facts.me in facts.sheet["approvals"] else "due"


def _announcement(facts: Facts) -> State:
    if facts.has("winner_announced_at"):
        return "done"
    return "due" if facts.has("determined_at") and facts.begun("pengumuman_pemenang") else "later"


def _objections(facts: Facts) -> State:
    if any(objection["answered_at"] is None for objection in facts.objections):
        return "due"
    return "done" if facts.has("winner_announced_at") and facts.over("masa_sanggah") else "later"


def _appointment(facts: Facts) -> State:
    """The PPK's."""
    if facts.tender["status"] == "finished":
        return "done"
    ready = facts.has("winner_announced_at") and facts.over("masa_sanggah") and _objections(facts) == "done"
    return "others" if ready else "later"
