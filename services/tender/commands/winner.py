"""The Pokja determines the winner by majority and announces it (Perpres 54/2010 Pasal 17, 80)."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select

from kit.auth import Actor
from kit.call import Call
from kit.db import Db
from kit.outbox import emit
from kit.problems import Conflict
from services.tender import events
from services.tender.access import committee_tender, one, require_open
from services.tender.models import Bid, CommitteeView, Tender, WinnerApproval
from services.tender.queries.bids import require_opened
from services.tender.queries.standing import Standing, names_of, standing
from services.tender.regime_copies import regime_of, template_of
from services.tender.rules import winner
from services.tender.rules.evaluation import Ranked
from services.tender.rules.regime import WINNER, WINNER_ANNOUNCEMENT
from services.tender.rules.schedule import require_active, require_begun
from services.tender.schemas.bids import AnnouncedWinner, WinnerApprovalOut
from services.tender.stages import spans_of, stages_of

__all__ = ["announce", "approve", "price_of"]


async def approve(call: Call, actor: Actor, id: UUID) -> WinnerApprovalOut:
    async with call.transaction() as db:
        tender, now = await committee_tender(db, id, actor)
        require_open(tender)
        require_opened(tender)
        if tender.determined_at is not None:
            raise Conflict(
                "winner_determined",
                "The winner of {tender} is determined.",
                article="Perpres 54/2010 Pasal 80",
                remedy="Announce it in its stage.",
                tender=tender.code,
            )
        law, state = await regime_of(db, tender), await standing(db, tender)
        require_begun(spans_of(await stages_of(db, id)), WINNER, now, name=state.template.stage(WINNER).name)
        winner.check_authority(law.winner_authority, category=tender.category, pagu=tender.pagu)
        best = _best(state, tender)
        approvals = await _approve(db, tender, actor, best, now)
        members = len((await one(db, CommitteeView, tender.committee)).members)
        if winner.is_majority(approvals, members):
            await _determine(db, tender, state, best, now)
        return call.answer(
            WinnerApprovalOut(
                tender=id,
                bid=best.bid,
                approvals=approvals,
                members=members,
                determined=tender.determined_at is not None,
            )
        )


def _best(state: Standing, tender: Tender) -> Ranked:
    if not state.finished:
        raise Conflict(
            "evaluation_unfinished",
            "Some bids are not evaluated to the end.",
            article="Perpres 54/2010 Pasal 79",
            remedy="Finish the evaluation of every bid first.",
        )
    return winner.choose(state.ranked, state.proven, tender.hps)


async def _approve(db: Db, tender: Tender, actor: Actor, best: Ranked, now: datetime) -> int:
    """How many members stand behind this bid now. Whoever approved another one before changes the vote."""
    key = (tender.id, actor.account)
    vote = await db.get(WinnerApproval, key)
    if vote is not None and vote.bid_id == best.bid:
        raise Conflict(
            "approved_already",
            "You approved this winner already.",
            article="Perpres 54/2010 Pasal 17",
            remedy="Wait for the other members.",
        )
    await db.merge(WinnerApproval(tender_id=tender.id, account=actor.account, bid_id=best.bid, at=now))
    await db.flush()
    count = select(func.count()).where(WinnerApproval.tender_id == tender.id, WinnerApproval.bid_id == best.bid)
    return (await db.execute(count)).scalar_one()


async def _determine(db: Db, tender: Tender, state: Standing, best: Ranked, now: datetime) -> None:
    most = state.template.reserves.most
    tender.winner, tender.determined_at = best.bid, now
    tender.reserves = [str(bid) for bid in winner.reserves(state.ranked, best.bid, state.proven, most)]
    await emit(db, events.winner_determined(tender, state.entry(best.bid).bid, best.total))


def price_of(bid: Bid) -> Decimal:
    """The corrected price the bid was ranked by; a winner passed the price step, so it has one."""
    if bid.corrected is None:
        raise RuntimeError(f"the winner {bid.code} has no corrected price")
    return bid.corrected


async def announce(call: Call, actor: Actor, id: UUID) -> AnnouncedWinner:
    async with call.transaction() as db:
        tender, now = await committee_tender(db, id, actor)
        require_open(tender)
        if tender.winner is None or tender.winner_announced_at is not None:
            raise Conflict(
                "nothing_to_announce",
                "There is no determined winner that waits for its announcement.",
                article="Perpres 54/2010 Pasal 80",
                remedy="A majority of the Pokja determines the winner first; it is announced once.",
            )
        template = await template_of(db, tender)
        spans = spans_of(await stages_of(db, id))
        require_active(spans, WINNER_ANNOUNCEMENT, now, name=template.stage(WINNER_ANNOUNCEMENT).name)
        bid = await one(db, Bid, tender.winner)
        tender.winner_announced_at = now
        price = price_of(bid)
        await emit(db, events.winner_announced(tender, bid, price))
        return call.answer(
            AnnouncedWinner(
                tender=id,
                bid=bid.id,
                provider=bid.provider,
                name=(await names_of(db, id))[bid.provider],
                price=price,
                announced_at=now,
                reserves=[UUID(reserve) for reserve in tender.reserves],
            )
        )
