"""What other services told: kept once, never overwritten by an older state, filled anew by a replay; and the schema."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from uuid import uuid4

from contracts.registry import SkpdRegistered
from kit import inbox, migrations
from kit.envelope import Envelope
from services.tender.models import metadata
from services.tender.reactions import REACTIONS
from tests.services.tender.office import COMMITTEE, SKPD, Office


async def names(office: Office) -> dict[str, str]:
    return {row.code: row.name for row in await office.rows("select code, name from skpd_view")}


async def test_an_older_state_that_comes_late_changes_nothing(office: Office) -> None:
    skpd = uuid4()
    for sequence in (2, 1):
        known = SkpdRegistered(
            skpd=skpd, code="2.01", name=f"nama {sequence}", parent=None, valid_from=date(2026, 1, 1)
        )
        await office.tell(known, subject=skpd, sequence=sequence)
    assert (await names(office))["2.01"] == "nama 2"


async def test_a_replay_fills_the_view_anew(office: Office) -> None:
    known = SkpdRegistered(skpd=uuid4(), code="3.01", name="baru", parent=None, valid_from=date(2026, 1, 1))
    envelope = Envelope(
        id=uuid4(),
        source="registry",
        type=known.TYPE,
        subject=known.skpd,
        time=datetime.now(UTC),
        data=known.model_dump(mode="json"),
        sequence=1,
        instance="uji",
        seq=1,
        prev="0" * 64,
    )
    assert SKPD in await names(office)
    async with office.service.database.transaction() as db:
        await inbox.replay(db, {reaction.event.TYPE: reaction for reaction in REACTIONS}, [envelope])
    assert await names(office) == {"3.01": "baru"}
    assert (await office.rows("select id from committee_view"))[0].id == COMMITTEE


async def test_the_migrations_make_what_the_models_say(make_database: Callable[[str], Awaitable[str]]) -> None:
    assert await migrations.differences(await make_database("tender"), "tender", metadata) == []
