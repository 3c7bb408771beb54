"""What browsers are sent stands in the log, and who sends something else is found out."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cli.check import altered_files
from kit.jobs import Job
from kit.outbox import outbox
from kit.service import Service
from services.audit.log import releases
from tests.services.audit.source import Source, deliver, sequence

SCRIPT = b"console.log(1)"


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated" / "portal-A.js").write_bytes(SCRIPT)
    (tmp_path / "lpse.css").write_bytes(b"p {}")
    (tmp_path / "generated" / "manifest.json").write_bytes(b"{}")
    real = releases.released
    monkeypatch.setattr(releases, "released", lambda: real(tmp_path))
    return tmp_path


async def record(service: Service) -> int:
    """How many there are after the job ran."""
    async with service.database.transaction() as db:
        await releases.record_release(db, Job("record_release", "periodic", datetime.now(UTC)))
    async with service.database.reading() as db:
        count = select(func.count()).where(outbox.c.type == "audit.release.recorded.v1")
        return int((await db.execute(count)).scalar_one())


async def log_it(service: Service, source: Source) -> None:
    """As the relay brings the newest of them to audit itself."""
    async with service.database.reading() as db:
        query = select(outbox.c.event_id, outbox.c.data).order_by(outbox.c.position.desc()).limit(1)
        row = (await db.execute(query)).one()
    event = releases.ReleaseRecorded.model_validate_json(row.data)
    envelope = source.envelope(event)
    await deliver(service, envelope.model_copy(update={"id": row.event_id}))
    source.prev = envelope.digest(envelope.model_copy(update={"id": row.event_id}).encode())
    await sequence(service)


async def test_each_release_is_told_once(service: Service, client: httpx2.AsyncClient, static: Path) -> None:
    source = Source("audit")
    assert [await record(service), await record(service)] == [1, 1]
    await log_it(service, source)
    (static / "generated" / "portal-A.js").unlink()
    (static / "generated" / "portal-B.js").write_bytes(b"console.log(2)")
    assert await record(service) == 2
    await log_it(service, source)
    newest, before = (await client.get("/log/1/releases")).json()
    assert newest["index"] > before["index"]
    assert set(newest["files"]) == {"generated/portal-B.js", "lpse.css"}
    assert before["files"]["generated/portal-A.js"] == hashlib.sha256(SCRIPT).hexdigest()


async def test_a_portal_that_sends_another_script_is_found_out(
    service: Service, client: httpx2.AsyncClient, static: Path
) -> None:
    await record(service)
    await log_it(service, Source("audit"))
    logged = (await client.get("/log/1/releases")).json()

    async def told(_request: object) -> JSONResponse:
        return JSONResponse(logged)

    portal = Starlette(routes=[Route("/log/1/releases", told), Mount("/static", StaticFiles(directory=static))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=portal), base_url="http://portal") as http:
        assert await altered_files(http) == []
        (static / "generated" / "portal-A.js").write_bytes(SCRIPT + b"; steal()")
        (static / "lpse.css").unlink()
        found = await altered_files(http)
    assert len(found) == 2
    assert f"/static/generated/portal-A.js is not the file that entry {logged[0]['index']} of the log names" in found[0]
