"""Free TCP ports on the loopback."""

import asyncio
import random
import socket
import time
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from tempfile import gettempdir

from cli.servers.process import ServerError

LOOPBACK = "127.0.0.1"
# Below the range the kernel hands to outgoing connections, so that a port stays free until its server binds it.
RANGE = range(10_000, 32_000)
CLAIMS = Path(gettempdir()) / "lpse-ports"
CLAIM_SECONDS = 120


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """No other caller on this machine is given the same ones for two minutes: a server takes its time until it binds.

    Raises ServerError where there are not so many.
    """
    first = random.SystemRandom().randrange(len(RANGE))
    free = (port for port in chain(RANGE[first:], RANGE[:first]) if is_free(port) and _claimed(port))
    found = list(islice(free, count))
    if len(found) < count:
        raise ServerError(
            f"Fewer than {count} ports from {RANGE[0]} to {RANGE[-1]} are free on {LOOPBACK}. "
            "Stop what holds them, or wait two minutes where many servers have just been started."
        )
    return found


def _claimed(port: int) -> bool:
    """By an empty file of its name, beside those of others. Where there can be none, luck has to do."""
    try:
        CLAIMS.mkdir(mode=0o1777, exist_ok=True)
        CLAIMS.chmod(0o1777)
    except OSError:
        pass  # another user's: made so already
    claim = CLAIMS / str(port)
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        with suppress(OSError):  # another user's, and old: nobody is waiting for it
            if time.time() - claim.stat().st_mtime < CLAIM_SECONDS:
                return False
            claim.touch()
    except OSError:
        return True
    return True


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
