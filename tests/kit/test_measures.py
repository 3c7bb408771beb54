"""What operators see: every measure of a service at work arrives at a collector, under the names they look for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from sqlalchemy import func, update

from kit import measures, telemetry
from kit.bus import Topology
from kit.bus.embedded import EmbeddedBus
from kit.jobs import TimeEvent, plan
from kit.outbox import Relay, emit, outbox
from kit.service import Service
from tests.conftest import MakeSettings
from tests.kit import probe
from tests.kit.probe import Note, written

OURS = (("service", "probe"),)


class Collector:
    """The last value of every measure, by its name and its attributes."""

    def __init__(self) -> None:
        self.values: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}

    def take(self, body: bytes) -> None:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self._keep(metric)

    def _keep(self, metric: Any) -> None:
        kept = self.values[metric.name] = {}
        for point in getattr(metric, metric.WhichOneof("data")).data_points:
            about = tuple(
                sorted((pair.key, pair.value.string_value or str(pair.value.int_value)) for pair in point.attributes)
            )
            fields = {field.name for field, _ in point.ListFields()}
            counted = "count" in fields
            kept[about] = point.count if counted else point.as_int if "as_int" in fields else point.as_double


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/metrics":
                collector.take(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def at_work(service: Service) -> AsyncIterator[None]:
    bus = EmbeddedBus(service.settings.bus.get_secret_value())
    await bus.start()
    await bus.declare(Topology("uji", {"probe": service.subscriptions}))
    async with service.running(bus):
        yield
    await bus.close()


async def test_what_operators_look_at_arrives_at_a_collector(
    probe_package: Path, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "EVERY", 0.1)
    with collecting() as (collector, address):
        service = probe.build(await make_settings("probe", prefix="uji", otlp=address))
        async with at_work(service):
            await ask(service, "/health/ready")
            async with service.database.transaction() as db:
                await plan(db, TimeEvent(datetime.now(UTC) - timedelta(minutes=5), "of_nobody"), "late")
                note = Note(text="measured")
                db.add(note)
                await emit(db, written(note))

            def values(name: str) -> dict[tuple[tuple[str, str], ...], float]:
                return collector.values.get(name, {})

            await told(
                lambda: (
                    values("lpse.outbox.published").get(OURS) == 1
                    and 300 <= values("lpse.job.lag").get(OURS, 0) < 360
                    and values("lpse.relay.leader") == {OURS: 1}
                    and values("probe.notes") == {(*OURS, ("text", "measured")): 1}
                    and values("lpse.outbox.depth") == values("lpse.outbox.age") == {OURS: 0}
                    and values("lpse.queue.depth") == {(*OURS, ("state", state)): 0 for state in ("ready", "dead")}
                ),
            )
            request = {"http.request.method": "GET", "http.response.status_code": "200", "http.route": "/health/ready"}
            assert values("http.server.request.duration") == {tuple(sorted(request.items())): 1}
            assert "db.client.connection.count" in collector.values


async def ask(service: Service, path: str) -> None:
    transport = httpx2.ASGITransport(app=service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://probe") as http:
        assert (await http.get(path)).status_code == 200


async def told(enough: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not enough():
            await asyncio.sleep(0.1)


async def test_what_waits_is_told_with_its_age_and_what_cannot_be_asked_is_not(
    probe_package: Path, make_settings: MakeSettings
) -> None:
    service = probe.build(await make_settings("probe"))
    bus = EmbeddedBus(service.settings.bus.get_secret_value())
    measured = measures.Measures(service, Relay("probe", "uji", service.database, bus, service.signals))
    async with service.database.transaction() as db:
        note = Note(text="waiting")
        db.add(note)
        await emit(db, written(note))
        await db.execute(update(outbox).values(created_at=func.clock_timestamp() - timedelta(minutes=2)))
    found = await measured.look()
    assert [seen.value for seen in found["depth"]] == [1]
    assert 120 <= found["age"][0].value < 180
    assert found["queue"] == [], "the broker was not reached: nobody knows"
    await service.database.close()
