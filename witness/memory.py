"""How far each log had grown when it was last seen, and the one act that may change that."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from integrity.merkle import EMPTY_ROOT
from integrity.proof import Growth
from kit import db
from kit.db import Db

__all__ = ["Base", "Contradicted", "Forgotten", "Seen", "last", "see"]


class Base(db.Base):
    __abstract__ = True
    metadata = db.service_metadata()


class Seen(Base):
    """`note`: the newest checkpoint of the log with the log's own signature and ours; "" before the first."""

    __tablename__ = "seen"
    __table_args__ = (CheckConstraint("octet_length(root) = 32", name="root"),)

    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes]
    note: Mapped[str]
    at: Mapped[datetime] = mapped_column(db.Instant, server_default=text("clock_timestamp()"))


class Forgotten(Exception):
    """The log goes on from another size than was seen here last."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} entries were seen here last")
        self.size = size


class Contradicted(Forgotten):
    """The log has another root at the size that was seen here."""


async def last(db: Db, origin: str) -> Seen | None:
    found = await db.get(Seen, origin)
    return found if found is not None and found.note else None


async def see(db: Db, growth: Growth) -> Seen:
    """The row of the log, locked until the transaction ends, at its new size; its note is for the caller to write.

    Comparing and storing are one: of two requests that go on from the same size, the second finds the first's. Raises Forgotten,
    Contradicted, or ProofError where the log does not contain what was seen of it.
    """
    checkpoint = growth.checkpoint
    first = insert(Seen).values(origin=checkpoint.origin, size=0, root=EMPTY_ROOT, note="")
    await db.execute(first.on_conflict_do_nothing())
    seen = (await db.execute(select(Seen).where(Seen.origin == checkpoint.origin).with_for_update())).scalar_one()
    if growth.old_size != seen.size:
        raise Forgotten(seen.size)
    if checkpoint.size == seen.size and checkpoint.root != seen.root:
        raise Contradicted(seen.size)
    growth.verify(seen.root)
    seen.size, seen.root = checkpoint.size, checkpoint.root
    return seen
