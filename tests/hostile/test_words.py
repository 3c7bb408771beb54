"""Every refusal in the code says what to do next; one that a rule of the law demands says which."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFUSALS = {"Problem", "RuleViolation", "Conflict", "Forbidden", "Unauthenticated", "UntrustedKey"}


def refusals() -> Iterator[tuple[str, str, set[str | None]]]:
    """Where, which class, and the names it is given."""
    for folder in ("contracts", "gateway", "kit", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.id, {word.arg for word in node.keywords}


def test_every_refusal_says_what_to_do_next() -> None:
    assert [where for where, _, given in refusals() if "remedy" not in given] == []


def test_every_violated_rule_is_named() -> None:
    assert [where for where, kind, given in refusals() if kind == "RuleViolation" and "article" not in given] == []
