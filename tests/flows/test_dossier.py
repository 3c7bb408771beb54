"""A dossier's whole road in a running system: a tender is played, an auditor is sent, fetches one archive, and it is checked alone. The same with less around it: tests/gateway/test_dossiers.py."""

import asyncio
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from cli.demo.portal import Portal, User
from cli.demo.story import Story
from cli.system import Options, System, spare_port
from cli.up import running
from gateway.pages.visit import form_token
from integrity.dossier import verify
from integrity.trust import TrustRoot
from tests.conftest import reachable

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
WITNESSES = 2


@pytest.mark.long
async def test_from_the_package_to_the_auditor(tmp_path: Path) -> None:
    for name in ("var", "stage", "evidence"):
        (tmp_path / name).mkdir()
    offer = tmp_path / "penawaran.pdf"
    offer.write_bytes(b"%PDF-1.4 " + bytes(3 << 20))
    options = Options(var=reachable(tmp_path / "var"), port=spare_port(), prefix="uji", witnesses=WITNESSES)
    async with running(options) as system:
        story = Story(system, tmp_path / "stage", [offer], tmp_path / "evidence")
        report = await story.play()
        code = report["tender"]["code"]
        async with Portal(system.installation.gateway) as story.portal:
            await story.log_in("inspektur", "auditor")
            auditor = story.official("auditor")
            answers = [await fetch(auditor, code, tmp_path / "early.zip")]
            await send_auditor(story, auditor, code)
            answers.append(await fetch(auditor, code, tmp_path / "dossier.zip"))
        assert system.installation.trust_root is not None
        root = TrustRoot.parse(system.installation.trust_root.read_bytes())
        told = await accesses(system)
    assert answers == [403, 200]
    checked = verify(tmp_path / "dossier.zip", root)
    assert [check for check in checked.checks if check.state != "ok"] == []
    assert len([check for check in checked.checks if check.word == "witness"]) >= WITNESSES
    fine = {check.word: check.places for check in checked.checks}
    bids = report["bids"]
    assert fine["dossier_receipts"]["count"] == str(len(bids))
    assert fine["dossier_manifest"]["count"] == str(sum(bid["status"] == "submitted" for bid in bids))
    assert told["tender.access.denied.v1"] == 1
    assert told["tender.access.granted.v1"] >= 1 + len(bids) + int(fine["dossier_files"]["count"])


async def send_auditor(story: Story, auditor: User, code: str) -> None:
    """And wait until tender knows, and witnesses saw all that was logged before."""
    now = await story.now()
    term = {"valid_from": now.isoformat(), "valid_to": (now + timedelta(days=30)).isoformat()}
    body = {"account": auditor.account, "number": "700/1/417.111/2026", "tenders": [code], **term}
    await story.official("inspektur").post("/api/audit/mandates", body)
    await story.settled("the mandate reaches tender")
    size = (await auditor.get("/log/1/head"))["size"]

    async def seen() -> bool:
        return bool((await auditor.get("/log/1/head"))["seen"] >= size)

    await story.eventually("the witnesses see the log", seen, seconds=180)


async def fetch(auditor: User, code: str, to: Path) -> int:
    secret = str(auditor.session)
    typed = urlencode({"_token": form_token(secret)})
    headers = FORM | {"authorization": f"Bearer {secret}"}
    http = auditor.portal.http
    async with http.stream("POST", f"/pemeriksaan/{code}", content=typed, headers=headers) as answer:
        with to.open("wb") as file:
            async for chunk in answer.aiter_bytes():
                await asyncio.to_thread(file.write, chunk)
        return answer.status_code


async def accesses(system: System) -> dict[str, int]:
    from sqlalchemy import func, select

    from kit.outbox import outbox

    query = select(outbox.c.type, func.count().label("count")).group_by(outbox.c.type)
    async with system.installation.reading("tender") as db:
        return {row.type: row.count for row in await db.execute(query)}
