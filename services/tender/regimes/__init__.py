"""Law as data: one file per regime, read once. A tender keeps a frozen copy of the one it was announced under."""

import tomllib
from functools import cache
from importlib.resources import files

from kit.problems import RuleViolation
from services.tender.rules.regime import Regime

__all__ = ["REGIMES", "regime"]

REGIMES = {"P70-2012": "p70_2012.toml"}


def regime(code: str) -> Regime:
    if code not in REGIMES:
        raise RuleViolation(
            "regime_unknown",
            "There is no regime {regime} here, but: {known}.",
            article="Perwali Mojokerto 21/2011 Pasal 8(4)",
            remedy="Choose one of these.",
            regime=code,
            known=", ".join(REGIMES),
        )
    return _read(REGIMES[code])


@cache
def _read(name: str) -> Regime:
    return Regime.model_validate(tomllib.loads((files("services.tender.regimes") / name).read_text()))
