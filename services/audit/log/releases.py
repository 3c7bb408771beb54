"""What the portal sends to browsers, by fingerprint, in the log: whoever is sent another script can see that (INTEGRITY 2.7).

All parts of the system run from one image, so the files that audit sees are those that the gateway sends.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, select

from contracts.audit import ReleaseRecorded
from integrity.canonical import parse
from kit.db import Db
from kit.jobs import Job
from kit.outbox import emit, outbox
from services.audit.events import release_recorded
from services.audit.models import LogEntry

__all__ = ["listed", "record_release"]

STATIC: Final = Path(__file__).resolve().parents[3] / "gateway" / "static"
SENT: Final = frozenset({".js", ".css", ".svg"})
_TOLD: Final = (
    select(outbox.c.data).where(outbox.c.type == ReleaseRecorded.TYPE).order_by(outbox.c.position.desc()).limit(1)
)


def released(static: Path = STATIC) -> dict[str, str]:
    """The SHA-256 of each file below `/static`."""
    files = (path for path in static.rglob("*") if path.suffix in SENT and path.is_file())
    return {path.relative_to(static).as_posix(): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


async def record_release(db: Db, _job: Job) -> None:
    """Where they are others than those told last."""
    files = released()
    before = (await db.execute(_TOLD)).scalar_one_or_none()
    if files and (before is None or ReleaseRecorded.model_validate_json(before).files != files):
        await emit(db, release_recorded(files))


async def listed(db: Db, most: int = 20) -> list[dict[str, Any]]:
    """As the log has them, the newest first."""
    events = select(outbox.c.event_id).where(outbox.c.type == ReleaseRecorded.TYPE)
    query = select(LogEntry.idx, LogEntry.entry).where(LogEntry.event_id.in_(events))
    rows = (await db.execute(query.order_by(LogEntry.idx.desc()).limit(most))).all()
    return [_shown(row) for row in rows]


def _shown(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    said = parse(row.entry)
    return {"index": row.idx, "at": said["at"], "files": said["pub"].get("files", {})}
