"""Traces, metrics and logs. One trace goes from the HTTP request through outbox and broker to every reaction.

Each service has its own providers, also where five of them share a process, so that a span says whose it is. Spans go to
OTLP where an endpoint is set; the last ones are kept in memory for the operator's page and for the tests.
Attribute names of the messaging conventions are still in development there, so they stand in one place: `linked`.
"""

import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from threading import Thread
from time import monotonic, perf_counter
from typing import Any, Literal, TextIO

import structlog
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.pool import QueuePool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.settings import TelemetrySettings

__all__ = ["RECENT", "Telemetry", "Traced", "configure_logs", "seconds", "set_up", "trace_statements", "traceparent"]

EVERY = 20.0
"""Seconds between two exports: deploy/monitoring/alerts.yaml reckons with it, and that one may be lost."""
FAREWELL_SECONDS = 1.0
CLIENT_LEFT = 499
"""Counted where nobody waited for an answer any more."""
OURS = ("cli", "contracts", "gateway", "integrity", "kit", "services", "witness")
_PROPAGATOR = TraceContextTextMapPropagator()
RECENT: deque[ReadableSpan] = deque(maxlen=5_000)
"""The last spans of this process, of every service in it."""


class _Ring(SpanProcessor):
    def on_end(self, span: ReadableSpan) -> None:
        RECENT.append(span)


@dataclass(slots=True)
class Telemetry:
    """What one service measures with.

    Metrics bear the names of the OpenTelemetry conventions where there are any, else `lpse.<thing>.<what>`. What waits is
    measured in kit/measures.py.
    """

    service: str
    tracers: TracerProvider
    meters: metrics.MeterProvider
    tracer: trace.Tracer
    published: Counter
    handled: Counter
    dead: Counter
    reaction_seconds: Histogram
    job_seconds: Histogram
    request_seconds: Histogram

    @contextmanager
    def linked(
        self, name: str, parent: str | None, *, kind: Literal["producer", "consumer", "internal"], **attributes: str
    ) -> Iterator[trace.Span]:
        """A span that goes on with the trace `parent` (a traceparent) began, whoever runs it now."""
        context = _PROPAGATOR.extract({"traceparent": parent}) if parent else None
        with self.tracer.start_as_current_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes={f"lpse.{key}": value for key, value in attributes.items()},
        ) as span:
            yield span

    def shut_down(self) -> None:
        """Blocks while the last spans are sent, and no longer than `FAREWELL_SECONDS`: a collector may be away."""
        counting = [self.meters.shutdown] if isinstance(self.meters, MeterProvider) else []
        ends = [Thread(target=end, daemon=True) for end in (self.tracers.shutdown, *counting)]
        for end in ends:
            end.start()
        latest = monotonic() + FAREWELL_SECONDS
        for end in ends:
            end.join(max(0, latest - monotonic()))


_KINDS = {"producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER, "internal": SpanKind.INTERNAL}


def set_up(service: str, settings: TelemetrySettings, instance: str) -> Telemetry:
    about = {"service.name": service, "service.namespace": "lpse", "lpse.instance": instance}
    # replicas count each for itself: without it the numbers of one would stand in for the other's
    resource = Resource.create({**about, "service.instance.id": f"{socket.gethostname()}/{os.getpid()}"})
    tracers = TracerProvider(
        resource=resource, sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)), shutdown_on_exit=False
    )
    tracers.add_span_processor(_Ring())
    meters: metrics.MeterProvider = metrics.NoOpMeterProvider()  # where nobody reads them, counting is only a cost
    if settings.otlp:
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.otlp}/v1/traces")))
        exporter = OTLPMetricExporter(endpoint=f"{settings.otlp}/v1/metrics")
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=EVERY * 1000)
        meters = MeterProvider(resource=resource, metric_readers=[reader], shutdown_on_exit=False)
    meter = meters.get_meter("lpse")
    return Telemetry(
        service=service,
        tracers=tracers,
        meters=meters,
        tracer=tracers.get_tracer("lpse"),
        published=meter.create_counter("lpse.outbox.published", unit="{event}"),
        handled=meter.create_counter("lpse.inbox.handled", unit="{event}"),
        dead=meter.create_counter("lpse.inbox.dead", unit="{event}"),
        reaction_seconds=seconds(meter, "lpse.reaction.duration"),
        job_seconds=seconds(meter, "lpse.job.duration"),
        request_seconds=seconds(meter, "http.server.request.duration"),
    )


def seconds(meter: Meter, name: str) -> Histogram:
    """With the bounds of the conventions: the library's own are for milliseconds and say nothing below five seconds."""
    bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300]
    return meter.create_histogram(name, unit="s", explicit_bucket_boundaries_advisory=bounds)


class Traced:
    """ASGI: one span per request, going on with the caller's trace, and the time it took.

    Named after the route and never after the path: paths and queries hold tracking codes and grants.
    """

    def __init__(self, app: ASGIApp, signals: Telemetry) -> None:
        self._app = app
        self._tracer = signals.tracer
        self._seconds = signals.request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0
        parent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
        context = _PROPAGATOR.extract({"traceparent": parent})
        with self._tracer.start_as_current_span(scope["method"], context=context, kind=SpanKind.SERVER) as span:

            async def watched(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    _describe(span, scope, status)
                await send(message)

            try:
                await self._app(scope, receive, watched)
            except Exception:
                status = status or 500  # answered above this
                raise
            finally:
                about = {
                    "http.request.method": scope["method"],
                    "http.route": _route(scope),
                    "http.response.status_code": status or CLIENT_LEFT,
                }
                self._seconds.record(perf_counter() - began, about)


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", ""))


def _describe(span: trace.Span, scope: Scope, status: int) -> None:
    route = _route(scope)
    span.update_name(f"{scope['method']} {route}".strip())
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def trace_statements(engine: Engine, signals: Telemetry) -> None:
    """Spans of this engine's statements, in its own service's name, and how many connections it holds.

    Told by the dialect: one listener on the engine would make SQLAlchemy assemble all of them anew for every connection
    it lends, which cost as much as sending the statement.
    """
    about = {"db.system.name": "postgresql", "db.namespace": engine.url.database or ""}

    def execute(cursor: DBAPICursor, statement: str, parameters: Any, _context: object) -> bool:
        return traced(cursor.execute, statement, parameters)

    def executemany(cursor: DBAPICursor, statement: str, parameters: Any, _context: object) -> bool:
        return traced(cursor.executemany, statement, parameters)

    def traced(run: Callable[[str, Any], object], statement: str, parameters: Any) -> bool:
        """Whether it was run here: a trace that is not kept is none of our business."""
        if not trace.get_current_span().is_recording():
            return False
        operation = statement.split(None, 1)[0].upper()
        known = {**about, "db.operation.name": operation, "db.query.text": statement}
        # an exception repeats what people told us, until kit/db.py has taken it out
        with signals.tracer.start_as_current_span(
            f"{operation} {about['db.namespace']}",
            kind=SpanKind.CLIENT,
            attributes=known,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                run(statement, parameters)
            except Exception as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise
        return True

    def held(_: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
        pool = engine.pool
        if isinstance(pool, QueuePool):
            yield metrics.Observation(pool.checkedout(), {"db.client.connection.state": "used", **about})
            yield metrics.Observation(pool.checkedin(), {"db.client.connection.state": "idle", **about})

    event.listen(engine, "do_execute", execute)
    event.listen(engine, "do_executemany", executemany)
    signals.meters.get_meter("lpse").create_observable_up_down_counter(
        "db.client.connection.count", [held], unit="{connection}"
    )


def traceparent() -> str | None:
    """The trace this code runs in, as the W3C header's value."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = format(context.trace_id, "032x")
    return event


def configure_logs(level: str = "INFO", *, json: bool = True) -> None:
    """One JSON object per line on stderr, ours and the libraries' alike; `json=False` is for a person's terminal.

    `level` is for our own words. Libraries are heard from WARNING on: below it they tell headers, rows and messages.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    # never structlog's pretty traceback: it prints every local variable, passwords and bids among them
    person = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_indented_traceback)
    program: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    rendered = program if json else [_one_line, person]
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendered,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))
    for package in OURS:
        logging.getLogger(package).setLevel(number)


_SHOWN = {code: ascii(chr(code))[1:-1] for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}
"""Line ends and terminal codes, as one writes them down."""


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What somebody sent cannot pretend to be a line of the log of its own, nor paint over others."""
    return {name: value.translate(_SHOWN) if isinstance(value, str) else value for name, value in event.items()}


def _indented_traceback(out: TextIO, error: Any) -> None:
    """The lines of an exception's own words stand apart from the lines of the log."""
    told = StringIO()
    structlog.dev.plain_traceback(told, error)
    out.writelines(f"\n  | {line.translate(_SHOWN)}" for line in told.getvalue().splitlines() if line)
