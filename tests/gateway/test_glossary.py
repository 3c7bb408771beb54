"""The glossary holds every official term that the portal says, beside its English one."""

import re
from collections.abc import Iterator

import pytest

from gateway.pages.language import load
from tests.gateway.refusals import ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
INDONESIAN, ENGLISH = load("id"), load("en")
GROUPS = (
    "role",
    "stage",
    "method",
    "category",
    "contract_type",
    "step",
    "next_action",
    "tender_status",
    "place.missing",
)


def rows() -> Iterator[list[str]]:
    for line in GLOSSARY.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def bare(text: str) -> str:
    return re.sub(r"\W+", " ", text).lower().strip()


@pytest.mark.parametrize("group", GROUPS)
def test_every_term_of_a_group_is_explained(group: str) -> None:
    terms = INDONESIAN.group(group)
    assert terms
    first = " | ".join(bare(row[0]) for row in rows())
    assert [term for term in terms.values() if bare(term) not in first] == []


def test_the_glossary_says_the_english_of_the_pages() -> None:
    """Stages, methods, categories and steps stand in it word for word."""
    said = {bare(row[0]): bare(row[1]) for row in rows() if len(row) == 3}
    for group in ("stage", "method", "category", "next_action"):
        for code, term in INDONESIAN.group(group).items():
            assert bare(ENGLISH.of(group, code)) in said[bare(term)], term


def test_a_term_is_explained_once() -> None:
    explained = [bare(row[0]) for row in rows()]
    assert {term for term in explained if explained.count(term) > 1} == {"indonesian"}
