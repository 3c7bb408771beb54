"""The service at work: what it tells arrives on the bus, and its housekeeping is planned."""

import asyncio

from sqlalchemy import select

from kit.bus import Delivery, Topology
from kit.bus.embedded import EmbeddedBus
from kit.envelope import Envelope
from kit.jobs import job
from tests.services.documents.conftest import BIDDER, House, fingerprints


async def test_events_arrive_in_order_and_without_a_name_or_content(house: House) -> None:
    bus = EmbeddedBus(house.service.settings.bus.get_secret_value())
    await bus.start()
    await bus.declare(Topology("uji", {"documents": house.service.subscriptions, "audit": frozenset({"#"})}))
    heard: asyncio.Queue[Envelope] = asyncio.Queue()

    async def hear(delivery: Delivery) -> None:
        heard.put_nowait(Envelope.decode(delivery.message.body))

    async with house.service.running(bus), asyncio.TaskGroup() as group:
        listening = group.create_task(bus.consume("audit", hear))
        said = (await house.upload(b"harga kami", name="rahasia.pdf")).json()
        assert (await house.download(said["object"])).status_code == 200
        stored, accessed = await heard.get(), await heard.get()
        planned = [row.kind for row in await house.rows(select(job.c.kind))]
        listening.cancel()
    await bus.close()
    assert (stored.type, stored.seq, accessed.seq) == ("documents.document.stored.v1", 1, 2)
    assert (str(stored.subject), stored.sequence, stored.actor) == (said["object"], 1, BIDDER.account)
    assert {name: stored.data[name] for name in ("size", "md5", "sha256")} == fingerprints(b"harga kami")
    assert "rahasia" not in stored.model_dump_json()
    assert (accessed.data["document"], accessed.data["account"]) == (said["object"], str(BIDDER.account))
    assert "remove_orphans" in planned
