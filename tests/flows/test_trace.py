"""One trace goes from the verifier's request through registry, its relay and the broker to tender and audit."""

import asyncio
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan

from cli.demo.cast import Bidder
from cli.demo.portal import Portal
from cli.demo.providers import register, verify
from cli.system import System
from kit.telemetry import RECENT

WANTED = {
    ("gateway", "POST"), ("registry", "POST"), ("registry", "send"), ("tender", "process"), ("audit", "process"),
}  # fmt: skip
"""Service and first word of the span's name: request, handler, relay, reactions."""


def service(span: ReadableSpan) -> str:
    return str(span.resource.attributes["service.name"])


async def test_one_trace_from_request_to_reactions(system: System, portal: Portal, tmp_path: Path) -> None:
    who = Bidder("jejak", "CV Contoh Jejak", "Penanggung Jawab", Decimal(1), 0)
    provider = await register(portal, who, 77, tmp_path, date(2026, 11, 23))
    assert provider.provider
    officer = next(trainee for trainee in system.trainees if trainee.role == "verifikator")
    verifier = await portal.login(officer.user_id, officer.password, officer.totp_secret)
    RECENT.clear()
    await verify(verifier, provider.provider)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        traces: dict[int, set[tuple[str, str]]] = {}
        for span in list(RECENT):
            if span.context:
                traces.setdefault(span.context.trace_id, set()).add((service(span), span.name.split(" ")[0]))
        if any(found >= WANTED for found in traces.values()):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no trace spans all of it: {traces}")
