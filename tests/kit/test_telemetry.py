"""One trace from the change to its reaction; logs that say what happened and not what people told us."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import StatusCode
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.types import Message, Receive, Scope, Send

from kit.body import Strict
from kit.bus import Topology
from kit.bus.embedded import EmbeddedBus
from kit.db import Database
from kit.inbox import Inbox
from kit.outbox import Relay, emit
from kit.settings import TelemetrySettings
from kit.telemetry import RECENT, Telemetry, Traced, seconds, set_up, trace_statements
from tests.conftest import MakeDatabase
from tests.kit.probe import VIEWS, Note, NoteWritten, written

ROOT = Path(__file__).parents[2]

PROGRAM = """
import logging, sys
import structlog
from kit.telemetry import configure_logs

configure_logs(json=sys.argv[1] == "json")
secret = "what nobody" + " may read"
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().exception("it failed", tender="10000000001")
logging.getLogger("a library").warning("its own words")
"""


FORGERY = "x\n2026-11-23T00:00:00Z [error    ] forged\x1b[2J\u2028\r"
FORGING = """
import logging, sys
import structlog
from kit.telemetry import configure_logs

configure_logs("DEBUG", json=sys.argv[1] == "json")
sent = sys.argv[2]
structlog.get_logger("kit").info(sent, field=sent, listed=[sent])
logging.getLogger("a library").warning("said: %s", sent)
logging.getLogger("a library").info("its %s", "chatter")
try:
    raise ValueError(sent)
except ValueError:
    structlog.get_logger("kit").exception("it failed")
"""


@pytest.mark.parametrize("form", ["json", "person"])
def test_what_somebody_sent_forges_no_line_of_the_log(form: str) -> None:
    command = [sys.executable, "-W", "error", "-c", FORGING, form, FORGERY]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.split("\n") if line and not line.startswith("  | ")]
    assert len(lines) == 3
    assert not [line for line in done.stderr.splitlines() if line.startswith("2026-11-23T00:00:00Z")]
    assert "\x1b" not in done.stderr
    assert "chatter" not in done.stderr, "libraries tell headers and rows below WARNING, whatever our own level"
    if form == "json":
        assert [json.loads(line)["event"] for line in lines] == [FORGERY, f"said: {FORGERY}", "it failed"]


@pytest.mark.parametrize("form", ["json", "person"])
def test_a_log_shows_no_local_values(form: str) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, form]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "it failed" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "its own words" in done.stderr
    assert "what nobody may read" not in done.stderr
    if form == "json":
        first, second = (json.loads(line) for line in done.stderr.splitlines())
        assert (first["level"], first["tender"]) == ("error", "10000000001")
        assert second["level"] == "warning"


async def test_one_trace_from_the_change_to_its_reaction(
    database: Database, signals: Telemetry, empty_database: str
) -> None:
    with signals.tracer.start_as_current_span("a request") as request:
        async with database.transaction() as db:
            note = Note(text="followed")
            db.add(note)
            await emit(db, written(note))
    bus = EmbeddedBus(empty_database)
    await bus.start()
    await bus.declare(Topology("uji", {"probe": frozenset({NoteWritten.TYPE})}))
    relay = Relay("probe", "uji", database, bus, signals)
    async with database.engine.connect() as connection:
        await relay.number(connection)
        await relay.publish(connection)
    work = asyncio.create_task(bus.consume("probe", Inbox("probe", database, {NoteWritten.TYPE: VIEWS}, signals)))
    wanted = {"a request", "send events", "process probe"}
    async with asyncio.timeout(10):
        while not wanted <= spans(request.get_span_context().trace_id):
            await asyncio.sleep(0.02)
    work.cancel()
    await asyncio.wait({work})
    await bus.close()


@pytest.mark.parametrize("answers", [False, True], ids=["nobody listens", "never answers"])
async def test_a_collector_that_is_away_holds_up_no_shutdown(answers: bool) -> None:
    """Sending goes on in vain for ten seconds by itself; the wait for it ends after one, far less than it."""
    with socket.create_server(("127.0.0.1", 0)) as collector:
        port = collector.getsockname()[1]
        if not answers:
            collector.close()
        leaving = set_up("leaving", TelemetrySettings(otlp=f"http://127.0.0.1:{port}", trace_ratio=1.0), "uji")
        with leaving.tracer.start_as_current_span("the last words"):
            leaving.handled.add(1)
        began = time.monotonic()
        await asyncio.to_thread(leaving.shut_down)
        assert time.monotonic() - began < 5
        kept = [
            span for span in RECENT if span.resource.attributes["service.name"] == "leaving"
        ]  # others measure beside us
        assert kept[-1].name == "the last words", "what was measured is still in memory"


async def test_the_last_spans_reach_a_collector_that_listens() -> None:
    received: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            received.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        serving = asyncio.create_task(asyncio.to_thread(collector.serve_forever, 0.05))
        leaving = set_up(
            "leaving", TelemetrySettings(otlp=f"http://127.0.0.1:{collector.server_port}", trace_ratio=1.0), "uji"
        )
        with leaving.tracer.start_as_current_span("the last words"):
            leaving.handled.add(1)
        await asyncio.to_thread(leaving.shut_down)
        async with asyncio.timeout(10):
            while set(received) != {"/v1/traces", "/v1/metrics"}:
                await asyncio.sleep(0.02)
        await asyncio.to_thread(collector.shutdown)
        await serving


def spans(trace: int) -> set[str]:
    return {span.name for span in RECENT if span.context and span.context.trace_id == trace}


async def test_each_service_traces_its_own_statements(
    database: Database, make_database: MakeDatabase, signals: Telemetry
) -> None:
    """Two services in one process: each statement is one span, and its service's."""
    other_signals = set_up("other", TelemetrySettings(trace_ratio=1.0), "uji")
    other = Database(await make_database("probe"))
    trace_statements(database.engine.sync_engine, signals)
    trace_statements(other.engine.sync_engine, other_signals)
    for service, tracer in ((database, signals.tracer), (other, other_signals.tracer)):
        with tracer.start_as_current_span("a question"):
            async with service.reading() as db:
                await db.execute(text("select 42"))
    asked = [span for span in RECENT if (span.attributes or {}).get("db.query.text") == "select 42"]
    assert [span.resource.attributes["service.name"] for span in asked] == ["probe", "other"]
    await other.close()


async def test_a_refused_statement_is_marked_without_the_values_it_held(database: Database, signals: Telemetry) -> None:
    trace_statements(database.engine.sync_engine, signals)
    with signals.tracer.start_as_current_span("a question"), pytest.raises(DBAPIError):
        async with database.reading() as db:
            await db.execute(text("select cast(:said as integer)"), {"said": "3578012345678901x"})
    span = next(span for span in reversed(RECENT) if "as integer" in str((span.attributes or {}).get("db.query.text")))
    assert (span.name.split()[0], span.status.status_code) == ("SELECT", StatusCode.ERROR)
    assert "3578012345678901" not in str(span.to_json())


async def test_a_trace_that_is_not_kept_has_no_spans_of_statements(database: Database) -> None:
    silent = set_up("silent", TelemetrySettings(trace_ratio=0.0), "uji")
    trace_statements(database.engine.sync_engine, silent)
    with silent.tracer.start_as_current_span("a question"):
        async with database.reading() as db:
            assert (await db.execute(text("select 43"))).scalar_one() == 43
    assert not [span for span in RECENT if (span.attributes or {}).get("db.query.text") == "select 43"]


async def test_the_connections_of_a_pool_are_counted_when_asked(database: Database, signals: Telemetry) -> None:
    reader = InMemoryMetricReader()
    counting = replace(signals, meters=MeterProvider(metric_readers=[reader]))
    trace_statements(database.engine.sync_engine, counting)
    async with database.reading() as db:
        await db.execute(text("select 1"))
        found = reader.get_metrics_data()
    assert found is not None
    points = json.loads(found.to_json())["resource_metrics"][0]["scope_metrics"][0]["metrics"][0]["data"]["data_points"]
    assert {point["attributes"]["db.client.connection.state"]: point["value"] for point in points}["used"] == 1


@pytest.mark.parametrize(("answer", "counted"), [("leaves", 499), ("breaks", 500), ("breaks off", 200), ("ends", 200)])
async def test_a_client_that_leaves_is_no_error_of_ours(signals: Telemetry, answer: str, counted: int) -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("lpse")

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if answer == "breaks":
            raise RuntimeError(answer)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if answer == "breaks off":
            raise RuntimeError(answer)

    async def receive() -> Message:
        return {"type": "http.disconnect"} if answer == "leaves" else {"type": "http.request", "body": b""}

    async def send(_: Message) -> None:
        """To nobody."""

    traced = Traced(Strict(app), replace(signals, request_seconds=seconds(meter, "http.server.request.duration")))
    with pytest.raises(RuntimeError, match=answer) if "breaks" in answer else nullcontext():
        await traced({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send)
    found = reader.get_metrics_data()
    assert found is not None
    (point,) = json.loads(found.to_json())["resource_metrics"][0]["scope_metrics"][0]["metrics"][0]["data"][
        "data_points"
    ]
    assert point["attributes"]["http.response.status_code"] == counted
