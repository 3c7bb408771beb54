"""The shape of a regime: what a law says about procurement, as rows that each name their source."""

import hashlib
from datetime import date, time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from contracts.values import Rupiah
from integrity.canonical import canonical
from kit.problems import RuleViolation

__all__ = [
    "ANNOUNCEMENT",
    "EVALUATION",
    "EXPLANATION",
    "OBJECTION",
    "OPENING",
    "PROOF",
    "UPLOAD",
    "WINNER",
    "WINNER_ANNOUNCEMENT",
    "FailureGround",
    "Interval",
    "Method",
    "Recorded",
    "Regime",
    "StageKind",
    "Step",
    "Template",
]

ANNOUNCEMENT = "pengumuman_pascakualifikasi"
EXPLANATION = "pemberian_penjelasan"
UPLOAD = "upload_penawaran"
OPENING = "pembukaan"
EVALUATION = "evaluasi"
PROOF = "pembuktian_kualifikasi"
WINNER = "penetapan_pemenang"
WINNER_ANNOUNCEMENT = "pengumuman_pemenang"
OBJECTION = "masa_sanggah"

Step = Literal["administrasi", "kualifikasi", "teknis", "harga"]
Recorded = Step | Literal["pembuktian"]
"""What is recorded about a bid: the steps of its evaluation and the proof of qualification."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Sourced(_Part):
    """A row of law: where it comes from and whether an expert compared it with the gazette."""

    source: str
    verified: bool


class Category(_Sourced):
    code: str
    name: str
    spse: int


class Limit(_Part):
    categories: tuple[str, ...]
    most: Rupiah | None = None


class Method(_Sourced):
    code: str
    name: str
    limits: tuple[Limit, ...]
    templates: tuple[str, ...] = ()


class HpsRule(_Sourced):
    window_days: int
    unit: str


class WinnerAuthority(_Sourced):
    role: str
    categories: tuple[str, ...]
    most: Rupiah


class FailureGround(_Sourced):
    code: str
    name: str
    name_en: str
    next_actions: tuple[str, ...]
    evidence: bool = False


class Offset(_Part):
    """A moment as a proposal computes it: `days` working days after another, at an hour of WIB (None: the same)."""

    after: str
    days: int = 0
    at: Annotated[time, WithJsonSchema({"type": "string", "examples": ["16:00:00"]})] | None = None
    """JSON Schema's own `time` has an offset; this hour is WIB's."""


class StageKind(_Part):
    no: int
    code: str
    name: str
    name_en: str
    begins: Offset
    finishes: Offset


class Interval(_Sourced):
    """Between two moments ("stage.starts", "stage.ends") lie so many working days."""

    from_: str = Field(alias="from")
    to: str
    least: int | None = None
    most: int | None = None


class Bidders(_Sourced):
    first: int
    repeat: int


class ObjectionRule(_Sourced):
    window_days: int
    answer_days: int
    unit: str


class Reserves(_Sourced):
    most: int


class Template(_Sourced):
    code: str
    name: str
    evaluation: tuple[Step, ...]
    bidders: Bidders
    objection: ObjectionRule
    reserves: Reserves
    stages: tuple[StageKind, ...]
    intervals: tuple[Interval, ...]

    def stage(self, code: str) -> StageKind:
        return next(stage for stage in self.stages if stage.code == code)


class Regime(_Sourced):
    code: str
    name: str
    effective_from: date
    categories: tuple[Category, ...]
    methods: tuple[Method, ...]
    hps: HpsRule
    winner_authority: tuple[WinnerAuthority, ...]
    failure_grounds: tuple[FailureGround, ...]
    templates: tuple[Template, ...]

    def template(self, code: str) -> Template:
        found = next((template for template in self.templates if template.code == code), None)
        if found is None:
            raise RuleViolation(
                "template_unknown",
                "The regime {regime} has no stage template {template} here.",
                article=self.source,
                remedy="Choose one of the templates of the regime.",
                regime=self.code,
                template=code,
            )
        return found

    def ground(self, code: str) -> FailureGround:
        found = next((ground for ground in self.failure_grounds if ground.code == code), None)
        if found is None:
            raise RuleViolation(
                "ground_unknown",
                "{ground} is no ground on which a Pokja can declare this tender failed.",
                article="Perpres 70/2012 Pasal 83(1)",
                remedy="Choose one of the grounds of the regime.",
                ground=code,
            )
        return found

    def sha256(self) -> str:
        return hashlib.sha256(canonical(self.model_dump(mode="json", by_alias=True))).hexdigest()
