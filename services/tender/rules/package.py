"""What a package may be: a method the law allows for its category and value (Perpres 54/2010 Pasal 35-46)."""

from decimal import Decimal
from typing import Any

from kit.problems import RuleViolation
from services.tender.rules.regime import Method, Regime

__all__ = ["check_method", "check_template"]


def check_method(regime: Regime, *, method: str, category: str, pagu: Decimal) -> None:
    _known_category(regime, category)
    row = _method(regime, method)
    limit = next((limit for limit in row.limits if category in limit.categories), None)
    if limit is None:
        sentence = "{method} is not allowed for the category {category}."
        raise _not_allowed(row, "method_not_for_category", sentence, category=category)
    if limit.most is not None and pagu > limit.most:
        sentence = "{method} is allowed up to Rp {ceiling}; this package has Rp {pagu}."
        raise _not_allowed(row, "method_not_for_value", sentence, ceiling=limit.most, pagu=pagu)


def check_template(regime: Regime, *, method: str, template: str) -> None:
    row = _method(regime, method)
    if template not in row.templates:
        sentence = "{method} is not run by the stage template {template} here."
        raise _not_allowed(row, "method_without_template", sentence, template=template)


def _method(regime: Regime, code: str) -> Method:
    found = next((method for method in regime.methods if method.code == code), None)
    if found is None:
        raise RuleViolation(
            "method_unknown",
            "The regime {regime} knows no method {method}, but: {known}.",
            article=regime.source,
            remedy="Choose one of these.",
            regime=regime.code,
            method=code,
            known=", ".join(method.code for method in regime.methods),
        )
    return found


def _known_category(regime: Regime, code: str) -> None:
    known = [category.code for category in regime.categories]
    if code not in known:
        raise RuleViolation(
            "category_unknown",
            "The regime {regime} knows no category {category}, but: {known}.",
            article=regime.source,
            remedy="Choose one of these.",
            regime=regime.code,
            category=code,
            known=", ".join(known),
        )


def _not_allowed(method: Method, code: str, sentence: str, **params: Any) -> RuleViolation:
    return RuleViolation(
        code,
        sentence,
        article=method.source,
        remedy="Choose a method that the regime allows for this category and value.",
        method=method.name,
        **params,
    )
