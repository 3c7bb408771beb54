"""Who signs what: a committee ends with its decree, and nobody stands on both sides of a package."""

from datetime import timedelta

from contracts.registry import CommitteeFormed
from tests.services.tender.office import COMMITTEE, POKJA, START, Office


async def test_a_committee_ends_with_its_decree_though_the_letters_last(office: Office) -> None:
    draft = await office.draft()
    members = [member.account for member in POKJA]
    ends = START + timedelta(days=1)
    decree = CommitteeFormed(committee=COMMITTEE, name="Pokja 1", members=members, valid_from=START, valid_to=ends)
    await office.tell(decree, subject=COMMITTEE, sequence=2)
    assert (await office.get(POKJA[0], f"/tenders/{draft['id']}")).status_code == 200
    await office.stop(ends)
    assert (await office.get(POKJA[0], f"/tenders/{draft['id']}")).status_code == 404
    signed = await office.post(POKJA[0], f"/tenders/{draft['id']}/approvals", {"pact_version": "1"})
    assert signed.status_code == 404
