"""The regime a tender runs under: today's while it is a draft, the frozen copy from its announcement on."""

from sqlalchemy.dialects.postgresql import insert

from kit.db import Db
from services.tender.models import Package, RegimeCopy, Tender
from services.tender.regimes import regime
from services.tender.rules.regime import Regime, Template

__all__ = ["freeze", "regime_of", "template_of"]

_KNOWN: dict[str, Regime] = {}
"""Copies never change, so each is read once."""


async def freeze(db: Db, tender: Tender, code: str) -> Regime:
    """Keep the regime as it stands now: what the tender is judged by, whatever the tables say later."""
    now = regime(code)
    sha256 = now.sha256()
    row = insert(RegimeCopy).values(sha256=sha256, code=code, data=now.model_dump(mode="json", by_alias=True))
    await db.execute(row.on_conflict_do_nothing())
    tender.regime_sha256 = sha256
    return now


async def regime_of(db: Db, tender: Tender) -> Regime:
    if tender.regime_sha256 is None:
        package = await db.get_one(Package, tender.package_id)
        return regime(package.regime)
    if tender.regime_sha256 not in _KNOWN:
        copy = await db.get_one(RegimeCopy, tender.regime_sha256)
        _KNOWN[tender.regime_sha256] = Regime.model_validate(copy.data)
    return _KNOWN[tender.regime_sha256]


async def template_of(db: Db, tender: Tender) -> Template:
    return (await regime_of(db, tender)).template(tender.template)
