"""Benchmarks. Each prints ratios: both sides of one run in turn on the same machine, several times, and the medians count.

A bench is a module of its own here with `async def run() -> Report`.
"""

from collections.abc import Mapping

__all__ = ["BENCHES"]

BENCHES: Mapping[str, str] = {
    "events": "from commit to handled through RabbitMQ, beside the same work without kit, ORM and validation",
    "deadline": "500 bidders consent on one tender in the last minutes",
    "log": "from an accepted event to the published checkpoint, a batch as the log grows, and one check of a proof",
    "capacity": "what one login, page, bid and megabyte cost of processor, memory and disk",
    "idle": "memory, processor and first page two minutes after a tender",
}
"""Name of the module -> what it measures: the only list of benches."""
