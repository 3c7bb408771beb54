"""What a running `lpse up` uses two minutes after a tender, when nobody does anything, and how quickly it then answers."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx2

from bench.processes import cpu_seconds, pss_mib
from bench.report import Figure, Report, say
from cli.demo.story import Story
from cli.system import Options, System, spare_port
from cli.up import running

__all__ = ["run"]

MEMORY_MIB, CPU_PERCENT, PAGE_MS = 800, 5, 100
PAGES = 5
TARGET = {
    "pss_mib": f"<= {MEMORY_MIB}",
    "cpu_percent": f"<= {CPU_PERCENT}",
    "first_page_ms": f"<= {PAGE_MS}",
}


async def run(settle: float = 120, span: float = 30, *, tender: bool = True) -> Report:
    """Rest `settle` seconds after a tender, then count the processor for `span` seconds. The player of the tender lives
    in the same process as `up` and is counted with it."""
    async with _up() as (system, home):
        if tender:
            await Story(system, home / "work", None, home / "evidence").play()
        say(f"resting {settle:g} s")
        await asyncio.sleep(settle)
        before = cpu_seconds()
        await asyncio.sleep(span)
        used = {name: 100 * (seconds - before.get(name, 0)) / span for name, seconds in cpu_seconds().items()}
        memory = pss_mib()
        pages = [await _page(system.installation.gateway) for _ in range(PAGES)]
    return _report(memory, used, pages)


def _report(memory: Mapping[str, float], cpu: Mapping[str, float], pages: Sequence[float]) -> Report:
    mib, percent = sum(memory.values()), sum(cpu.values())
    figures: dict[str, Figure] = {
        "pss_mib": round(mib),
        "cpu_percent": round(percent, 1),
        "first_page_ms": round(pages[0], 1),
        "page_p50_ms": round(median(pages), 1),
        **{f"pss_mib_{name}": round(used) for name, used in sorted(memory.items())},
        **{f"cpu_percent_{name}": round(used, 1) for name, used in sorted(cpu.items())},
    }
    reached = mib <= MEMORY_MIB and percent <= CPU_PERCENT and pages[0] <= PAGE_MS
    return Report("idle", figures, TARGET, reached=reached)


@asynccontextmanager
async def _up() -> AsyncIterator[tuple[System, Path]]:
    with TemporaryDirectory(prefix="lpse-bench-") as directory:
        home = Path(directory)
        home.chmod(0o711)  # noqa: ASYNC240  the database server runs as somebody else, who only passes through
        for name in ("work", "evidence"):
            (home / name).mkdir()
        async with running(Options(var=home / "system", port=spare_port())) as system:
            yield system, home


async def _page(gateway: str) -> float:
    """Milliseconds for the portal's first page over a new connection."""
    async with httpx2.AsyncClient(timeout=30, trust_env=False, follow_redirects=True) as http:
        began = perf_counter()
        answer = await http.get(f"{gateway}/")
        answer.raise_for_status()
        return 1_000 * (perf_counter() - began)
