"""HTTP servers around the ASGI apps: one for the gateway, and one per service where services run apart."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from cli.connections import Connections
from cli.mistakes import Mistake
from cli.protocol import Plain

__all__ = ["listening", "require_free", "until_stopped"]

DRAIN_SECONDS = 25


class _Server(uvicorn.Server):
    """Signals are the command's business: several servers and their children end in one order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Clients are told to let go of their connections, so that none sends a request on one that is just closed."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await super().shutdown(sockets)


@asynccontextmanager
async def listening(app: Any, *, host: str, port: int, connections: Connections | None = None) -> AsyncIterator[int]:
    """Serve `app`; yields the port. On exit requests in hand are finished first.

    `connections` bounds what clients may do; a service needs none, since only the gateway reaches it.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        http=connections or Plain,  # type: ignore[arg-type]  # whatever makes a protocol
        ws="none",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=DRAIN_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
        backlog=2048,
    )
    server = _Server(config)
    gc.collect()
    gc.freeze()  # what was loaded to start stays: walking all of it again would hold up the requests of that moment
    with _socket(host, port) as sock:
        task = asyncio.create_task(server.serve(sockets=[sock]), name=f"http:{port}")
        try:
            while not server.started and not task.done():
                await asyncio.sleep(0.02)
            if task.done():
                await task
            yield int(sock.getsockname()[1])
        finally:
            server.should_exit = True
            await task


@contextmanager
def _socket(host: str, port: int) -> Iterator[socket.socket]:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise PortTaken(port) from error
    try:
        yield sock
    finally:
        sock.close()


def require_free(port: int, host: str = "127.0.0.1") -> None:
    """Before minutes of preparation, not after: raises PortTaken."""
    with _socket(host, port):
        pass


class PortTaken(Mistake):
    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is in use. Choose another with --port, or stop what listens there.")


async def until_stopped() -> str:
    """Wait for Ctrl-C or SIGTERM; returns which."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[str] = loop.create_future()

    def stop(name: str) -> None:
        if not stopped.done():
            stopped.set_result(name)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number.name)
    try:
        return await stopped
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
