"""Who is not ours: servers on the loopback that answer as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrity.note import COSIGNATURE, Key

__all__ = ["SOMEBODY", "serving"]

SOMEBODY = Key("w.example/witness", Ed25519PrivateKey.generate().public_key().public_bytes_raw(), COSIGNATURE)
"""A witness whose private key nobody has."""


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """The address of a real server with this app."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
