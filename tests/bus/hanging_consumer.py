"""A consumer that takes one message and never finishes it. Run as a process of its own, to be killed."""

import asyncio
import sys

from kit.bus import Delivery, Topology
from tests.bus.place import make_bus


async def main(url: str, prefix: str) -> None:
    bus = make_bus(url)
    await bus.start()
    await bus.declare(Topology(prefix, {"tender": frozenset({"#"})}))

    async def hang(delivery: Delivery) -> None:
        await asyncio.sleep(0.3)  # an acknowledgement that went too early has reached the broker by then
        sys.stdout.write(f"{delivery.message.id}\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)

    await bus.consume("tender", hang)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
