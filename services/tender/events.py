"""Our rows as contract events: the only place that builds them."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from contracts import tender as contract
from kit.envelope import Emission, Subject
from kit.ids import new_id
from services.tender.models import Bid, Objection, Package, Question, Stage, Tender
from services.tender.rules.lateness import ARTICLE, Verdict
from services.tender.rules.regime import Recorded
from services.tender.values import BidRow, ManifestRow


def package_created(row: Package) -> Emission:
    data = contract.PackageCreated(
        package=row.id, code=row.code, skpd=row.skpd, category=row.category, regime=row.regime, pagu=row.pagu
    )
    return Emission(row, data)


def tender_announced(row: Tender, package: Package, stages: Sequence[Stage]) -> Emission:
    rows = [contract.StageRow(no=s.no, code=s.code, starts_at=s.starts_at, ends_at=s.ends_at) for s in stages]
    data = contract.TenderAnnounced(
        tender=row.id,
        code=row.code,
        package=row.package_id,
        name=row.name,
        skpd=row.skpd,
        category=row.category,
        regime=package.regime,
        pagu=row.pagu,
        hps=row.hps,
        committee=row.committee,
        stages=rows,
        closes_at=row.closes_at,
    )
    return Emission(row, data)


def stage_changed(row: Tender) -> Emission:
    return Emission(
        row, contract.StageChanged(tender=row.id, code=row.code, active=row.active, closes_at=row.closes_at)
    )


def tender_failed(row: Tender, ground: str) -> Emission:
    return Emission(row, contract.TenderFailed(tender=row.id, code=row.code, ground=ground))


def question_asked(row: Question) -> Emission:
    return Emission(row, contract.QuestionAsked(question=row.id, tender=row.tender_id, provider=row.provider))


def question_answered(row: Question) -> Emission:
    return Emission(row, contract.QuestionAnswered(question=row.id, tender=row.tender_id))


def bid_submitted(bid: BidRow, verdict: Verdict, record_sha256: str) -> Emission:
    data = contract.BidSubmitted(
        bid=bid.id,
        code=bid.code,
        tender=bid.tender_id,
        provider=bid.provider,
        version=bid.version,
        record_sha256=record_sha256,
        consented_at=verdict.instant,
        closes_at=verdict.closes_at,
    )
    return Emission(bid.subject, data)


def bid_replaced(id: UUID, sequence: int, by: BidRow) -> Emission:
    return Emission(Subject(id, sequence), contract.BidReplaced(bid=id, by=by.id, tender=by.tender_id))


def bid_refused(bid: BidRow, verdict: Verdict, record_sha256: str) -> Emission:
    data = contract.BidRefused(
        bid=bid.id,
        code=bid.code,
        tender=bid.tender_id,
        provider=bid.provider,
        reason=verdict.reason,
        article=ARTICLE,
        record_sha256=record_sha256,
        instant=verdict.instant,
        closes_at=verdict.closes_at,
    )
    return Emission(bid.subject, data)


def disturbance_suspected(bid: BidRow, tender_code: str, verdict: Verdict) -> Emission:
    data = contract.DisturbanceSuspected(
        bid=bid.id, tender=bid.tender_id, code=tender_code, instant=verdict.instant, closes_at=verdict.closes_at
    )
    return Emission(bid.subject, data)


def tender_closed(row: Tender, bids: Sequence[ManifestRow]) -> Emission:
    data = contract.TenderClosed(
        tender=row.id,
        code=row.code,
        closes_at=row.closes_at,
        manifest_sha256=str(row.manifest_sha256),
        nonce=str(row.manifest_nonce),
        bids=_manifest(bids),
    )
    return Emission(row, data)


def tender_opened(row: Tender, bids: Sequence[ManifestRow]) -> Emission:
    data = contract.TenderOpened(
        tender=row.id,
        code=row.code,
        manifest_sha256=str(row.manifest_sha256),
        nonce=str(row.manifest_nonce),
        bids=_manifest(bids),
    )
    return Emission(row, data)


def bid_opened(row: Bid) -> Emission:
    return Emission(row, contract.BidOpened(bid=row.id, tender=row.tender_id, provider=row.provider))


def evaluation_recorded(row: Bid, step: Recorded, *, passed: bool) -> Emission:
    return Emission(row, contract.EvaluationRecorded(bid=row.id, tender=row.tender_id, step=step, passed=passed))


def winner_determined(row: Tender, bid: Bid, price: Decimal) -> Emission:
    data = contract.WinnerDetermined(tender=row.id, code=row.code, bid=bid.id, provider=bid.provider, price=price)
    return Emission(row, data)


def winner_announced(row: Tender, bid: Bid, price: Decimal) -> Emission:
    data = contract.WinnerAnnounced(tender=row.id, code=row.code, bid=bid.id, provider=bid.provider, price=price)
    return Emission(row, data)


def objection_filed(row: Objection) -> Emission:
    return Emission(row, contract.ObjectionFiled(objection=row.id, tender=row.tender_id, provider=row.provider))


def objection_answered(row: Objection) -> Emission:
    data = contract.ObjectionAnswered(objection=row.id, tender=row.tender_id, upheld=bool(row.upheld))
    return Emission(row, data)


def appointment_issued(row: Tender, provider: UUID, price: Decimal) -> Emission:
    return Emission(row, contract.AppointmentIssued(tender=row.id, code=row.code, provider=provider, price=price))


def access_granted(mandate: UUID, tender: UUID, what: str, record: UUID) -> Emission:
    data = contract.AccessGranted(mandate=mandate, tender=tender, what=what, record=record)
    return Emission(Subject(new_id()), data)


def access_denied(tender: UUID, what: str, record: UUID, reason: str) -> Emission:
    return Emission(Subject(new_id()), contract.AccessDenied(tender=tender, what=what, record=record, reason=reason))


def _manifest(rows: Sequence[ManifestRow]) -> list[contract.ManifestRow]:
    return [contract.ManifestRow(bid=r.bid, version=r.version, record_sha256=r.record_sha256) for r in rows]
