"""What somebody typed and chose, as they would know it again: shown beside a form that could not be sent."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gateway.pages.forms import Form
from gateway.pages.language import Catalogue
from gateway.pages.refusals import named

__all__ = ["CHOICES", "typed"]

CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "category": ("category", "ticket_category", "complaint_category"),
    "channel": ("tickets_channel",),
    "contract_type": ("contract_type",),
    "kind": ("provider_kind",),
    "method": ("method",),
    "next_action": ("next_action",),
    "outcome": ("verify_outcome",),
    "recipients": ("recipient",),
    "role": ("role",),
    "template": ("template",),
} | dict.fromkeys(
    (
        "accepted", "account", "acknowledged", "agreed", "amended_deed", "branch", "committee", "ground", "hide_reporter",
        "members", "original_seen", "originals", "parent", "passed", "resolved_duplicates", "skpd", "sure", "upheld",
    ),
    (),
)  # fmt: skip
"""Fields in which people choose, with the groups of words for what they chose; where there are none it is a record's number
or a mark, which says nothing to anybody."""


def typed(t: Catalogue, form: Form) -> Iterable[tuple[str, str]]:
    """By the names of the fields; what a page put into its form without a name is not shown."""
    for place, value in form.kept:
        name, shown = named(t, place), _shown(t, place, value)
        if name and shown:
            yield name, shown


def _shown(t: Catalogue, place: str, value: str) -> str:
    groups = CHOICES.get(place)
    if groups is None:
        return value
    return next((word for group in groups if (word := t.words.get(f"{group}.{value}"))), "")
