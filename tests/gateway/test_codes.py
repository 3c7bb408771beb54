"""Every code that a service offers has its word in both languages, and no word stands for a code that none offers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args, get_type_hints

import pytest

from contracts.helpdesk import Recipient
from contracts.helpdesk import TicketOpened as Opened
from contracts.registry import ProviderKind
from contracts.roles import Role
from gateway.pages.language import Catalogue, load
from services.helpdesk.api import list_tickets
from services.helpdesk.queries import ComplaintState
from services.registry.schemas.words import Outcome, PaperKind, Status
from services.tender.regimes import regime
from services.tender.rules.evaluation import Change, ContractType
from services.tender.rules.lateness import Reason
from services.tender.rules.regime import Recorded
from services.tender.rules.schedule import Breach, Broken
from services.tender.schemas.tenders import NewFailure

LAW: Final = regime("P70-2012")
WORDS: Final = [load("id"), load("en")]


def literals(kind: Any) -> frozenset[str]:
    """The values of a Literal, also of one that may be absent or that several make up."""
    return frozenset(
        word
        for part in get_args(kind)
        for word in (literals(part) if get_args(part) else [part])
        if isinstance(word, str)
    )


OFFERED: Final[Mapping[str, Iterable[str]]] = {
    "breach": literals(Broken),
    "category": {one.code for one in LAW.categories},
    "change": literals(Change),
    "complaints_state": literals(ComplaintState),
    "contract_type": literals(ContractType),
    "method": {one.code for one in LAW.methods},
    "moment": literals(get_type_hints(Breach)["edge"]),
    "next_action": literals(NewFailure.model_fields["next_action"].annotation),
    "paper": literals(PaperKind) | {"npwp_number", "duplicate"},  # what else a verifier may find wanting
    "paper_about": literals(PaperKind),
    "provider_kind": literals(ProviderKind),
    "provider_status": literals(Status) | {"ready"},  # a draft whose papers are all there
    "receipt_reason": literals(Reason),
    "recipient": literals(Recipient),
    "role": set(Role),
    "stage": {stage.code for template in LAW.templates for stage in template.stages},
    "step": literals(Recorded),
    "template": {one.code for one in LAW.templates},
    "ticket_status": literals(get_type_hints(list_tickets)["status"]),
    "tickets_channel": literals(Opened.model_fields["channel"].annotation),
    "verify_outcome": literals(Outcome),
}
"""By group of words."""


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.language)
@pytest.mark.parametrize("group", OFFERED)
def test_the_codes_offered_are_the_codes_said(words: Catalogue, group: str) -> None:
    assert set(words.group(group)) == set(OFFERED[group])
