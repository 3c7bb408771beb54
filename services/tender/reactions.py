"""What other services told us, kept as views: an older state never overwrites a newer one."""

from functools import cache
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert

from contracts.audit import MandateEnded, MandateGranted
from contracts.helpdesk import MaintenanceAnnounced
from contracts.registry import CommitteeFormed, ProviderVerified, SkpdRegistered
from kit.db import Db, core
from kit.envelope import Incoming
from kit.inbox import Reaction
from kit.places import LOGGED
from services.tender.models import Base, CommitteeView, MaintenanceView, MandateView, ProviderView, SkpdView

__all__ = ["REACTIONS"]


async def skpd_registered(db: Db, event: Incoming[SkpdRegistered]) -> None:
    said = event.data
    await _keep(db, SkpdView, event, code=said.code, name=said.name, parent=said.parent)


async def committee_formed(db: Db, event: Incoming[CommitteeFormed]) -> None:
    said = event.data
    await _keep(
        db,
        CommitteeView,
        event,
        id=said.committee,
        name=said.name,
        members=[str(member) for member in said.members],
        valid_from=said.valid_from,
        valid_to=said.valid_to,
    )


async def provider_verified(db: Db, event: Incoming[ProviderVerified]) -> None:
    said = event.data
    await _keep(
        db,
        ProviderView,
        event,
        id=said.provider,
        account=said.account,
        name=said.name,
        kind=said.kind,
        licence_expires=said.licence_expires,
    )


async def maintenance_announced(db: Db, event: Incoming[MaintenanceAnnounced]) -> None:
    said = event.data
    await _keep(
        db,
        MaintenanceView,
        event,
        id=said.announcement,
        starts_at=said.starts_at,
        ends_at=said.ends_at,
        tenders=list(said.tenders),
    )


async def mandate_said(db: Db, event: Incoming[MandateGranted] | Incoming[MandateEnded]) -> None:
    said = event.data
    await _keep(
        db,
        MandateView,
        event,
        id=said.mandate,
        account=said.account,
        tenders=list(said.tenders),
        valid_from=said.valid_from,
        valid_to=said.valid_to,
    )


async def _keep(db: Db, model: type[Base], event: Incoming[Any], **values: Any) -> None:
    """Insert, or update if this event is newer than what the row came from."""
    await core(db, _kept(model), {**values, "sequence": event.sequence})


@cache
def _kept(model: type[Base]) -> Insert:
    """Every column but the key comes from the event. Built once per view: building costs more than running it."""
    table = cast("Table", model.__table__)
    row = insert(table)
    return row.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={column.name: row.excluded[column.name] for column in table.columns if not column.primary_key},
        where=table.c.sequence < row.excluded.sequence,
    )


REACTIONS = (
    LOGGED,
    Reaction(SkpdRegistered, skpd_registered, rebuilds=(SkpdView,)),
    Reaction(CommitteeFormed, committee_formed, rebuilds=(CommitteeView,)),
    Reaction(ProviderVerified, provider_verified, rebuilds=(ProviderView,)),
    Reaction(MaintenanceAnnounced, maintenance_announced, rebuilds=(MaintenanceView,)),
    Reaction(MandateGranted, mandate_said, rebuilds=(MandateView,)),
    Reaction(MandateEnded, mandate_said, rebuilds=(MandateView,)),
)
