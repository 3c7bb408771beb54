"""A connection that never came about leaves nothing to clean up."""

import asyncio
import gc
import logging
import warnings

import pytest

from kit.bus import BusUnavailable
from kit.bus.rabbit import RabbitBus
from kit.bus.topology import Topology


async def fails() -> Exception:
    try:
        await RabbitBus("amqp://a:b@127.0.0.1:1").remove(Topology("uji", {}))
    except BusUnavailable as away:
        return away
    raise AssertionError("nothing listens there")


def test_a_failed_connection_forgotten_later_warns_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # a record would keep the connection alive
    with warnings.catch_warnings(record=True) as warned, asyncio.Runner() as runner:
        warnings.simplefilter("always")
        kept = [runner.run(fails())]
        asyncio.set_event_loop(None)
        kept.clear()
        gc.collect()
    assert [str(warning.message) for warning in warned] == []
