"""The log gives up no event that may really have been emitted."""

from pathlib import Path
from typing import cast
from uuid import uuid4

import httpx2
import pytest

from kit.bus import Bus, DeadLetter
from kit.service import Service
from tests.services.audit.source import Source, deliver
from tests.services.documents.people import Person

ADMIN = Person("ari", ("admin_ppe",))


class Letters:
    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)

    async def dead(self, queue: str, _limit: int = 100) -> list[DeadLetter]:
        return [DeadLetter(id, queue, "x.y.z.v1", b"{}", {}, "chain_broken", "", None, 1) for id in self.ids]

    async def discard_dead(self, _queue: str, id: str) -> bool:
        self.ids.remove(id)
        return True


@pytest.mark.parametrize("known", ["never logged", "logged", "no event of ours"])
async def test_what_the_log_may_need_is_not_discarded(
    service: Service, client: httpx2.AsyncClient, source: Source, key_home: Path, known: str
) -> None:
    event = source.public()
    await deliver(service, event)
    id = {"never logged": str(uuid4()), "logged": str(event.id), "no event of ours": "rubbish"}[known]
    letters = Letters(id)
    service.bus = cast("Bus", letters)
    headers = ADMIN.headers(key_home) | {"Idempotency-Key": str(uuid4())}
    answer = await client.post(f"/operations/letters/{id}/discard", headers=headers)
    if known == "never logged":
        assert (answer.status_code, answer.json()["code"], letters.ids) == (409, "letter_needed", [id])
    else:
        assert (answer.status_code, letters.ids) == (200, [])
