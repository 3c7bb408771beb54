"""Free TCP ports on the loopback."""

import asyncio
import random
import socket
from contextlib import suppress

from cli.servers.process import ServerError

LOOPBACK = "127.0.0.1"
# Below the range the kernel hands to outgoing connections, so that a port stays free until its server binds it.
RANGE = range(10_000, 32_000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    chooser = random.SystemRandom()
    found: set[int] = set()
    while len(found) < count:
        port = chooser.choice(RANGE)
        if is_free(port):
            found.add(port)
    return list(found)


def take(port: int | None, server: str) -> int:
    """Return the wished port, or any free one when there is no wish."""
    if port is None:
        return free_ports(1)[0]
    if not is_free(port):
        raise ServerError(
            f"Port {port} on {LOOPBACK}, meant for {server}, is taken by another program. "
            "Stop that program or choose another port."
        )
    return port


async def answers(port: int) -> bool:
    """Tell whether something accepts connections there."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.close()
        await writer.wait_closed()
        return True
    return False
