"""A smallest service, to test the kit with: it writes notes."""

from typing import ClassVar
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Uuid, func, select
from sqlalchemy.orm import Mapped, mapped_column

from kit import db
from kit.auth import allow, public
from kit.call import CallDep
from kit.envelope import Emission, Event, Incoming
from kit.inbox import Reaction
from kit.measures import Gauge
from kit.outbox import emit
from kit.paging import Cursor, Limit, Page, page
from kit.problems import Conflict, RuleViolation
from kit.service import Service, service_of
from kit.settings import Settings


class Base(db.Base):
    __abstract__ = True
    metadata = db.service_metadata()


class Note(db.Sequenced, Base):
    __tablename__ = "note"

    text: Mapped[str]
    number: Mapped[int] = mapped_column(default=0)


class NoteView(Base):
    """What another service knows of notes."""

    __tablename__ = "note_view"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    text: Mapped[str]
    sequence: Mapped[int]
    times: Mapped[int]


class NoteWritten(Event):
    TYPE: ClassVar[str] = "probe.note.written.v1"

    text: str


class NoteStruck(Event):
    TYPE: ClassVar[str] = "probe.note.struck.v1"


def written(note: Note) -> Emission:
    return Emission(note, NoteWritten(text=note.text))


async def view_note(session: db.Db, incoming: Incoming[NoteWritten]) -> None:
    known = await session.get(NoteView, incoming.subject)
    if known is None:
        known = NoteView(id=incoming.subject, text="", sequence=0, times=0)
        session.add(known)
    known.times += 1
    if incoming.sequence > known.sequence:
        known.text, known.sequence = incoming.data.text, incoming.sequence


VIEWS = Reaction(NoteWritten, view_note, rebuilds=(NoteView,))
NOTES = Gauge("probe.notes", select(Note.text, func.count().label("value")).group_by(Note.text), unit="{note}")


class NewNote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str


class NoteOut(BaseModel):
    id: UUID
    text: str


router = APIRouter()


@router.post("/notes", status_code=201, **public())
async def write(body: NewNote, call: CallDep) -> NoteOut:
    async with call.transaction() as session:
        if body.text == "refuse":
            session.add(Note(text="refused"))
            call.refuse(RuleViolation("no_such_note", "The text {text} is refused.", text=body.text))
            return None  # type: ignore[return-value]
        note = Note(text=body.text)
        session.add(note)
        await emit(session, written(note))
        if body.text == "conflict":
            raise Conflict("conflict", "Not now.", article="Pasal 1", remedy="Later.")
        return call.answer(NoteOut(id=note.id, text=note.text))


@router.post("/other-notes", status_code=201, **allow("ppk"))
async def write_other(body: NewNote, call: CallDep) -> NoteOut:
    return await write(body, call)


@router.get("/notes", **public())
async def notes(request: Request, cursor: Cursor = None, limit: Limit = 20) -> Page[NoteOut]:
    async with service_of(request).database.reading() as session:
        rows, following = await page(session, select(Note), (Note.number, Note.id), cursor=cursor, limit=limit)
    return Page(items=[NoteOut(id=row.id, text=row.text) for row in rows], next=following)


@router.get("/broken", **public())
async def broken(number: int) -> int:
    return 1 // number


def build(settings: Settings) -> Service:
    return Service(
        name="probe",
        settings=settings,
        router=router,
        metadata=Base.metadata,
        reactions=(VIEWS,),
        gauges=(NOTES,),
    )
