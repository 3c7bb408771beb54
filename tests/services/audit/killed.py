"""A process that sequences and publishes until it is killed: what the tests of kills start anew each time."""

import asyncio
from pathlib import Path
from typing import Any

from kit.settings import Settings
from services.audit.app import build
from tests.services.audit.source import publisher_of, sequencer_of

__all__ = ["work"]


def work(settings: dict[str, Any], begun: Path) -> None:
    asyncio.run(_work(Settings.model_validate(settings), begun))


async def _work(settings: Settings, begun: Path) -> None:
    service = build(settings)
    publisher = publisher_of(service)
    begun.touch()
    await asyncio.gather(sequencer_of(service, sweep=0.01).run(), publisher.run())
