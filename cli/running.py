"""A system that runs already, wherever: what `demo --gateway` and `rush --gateway` play in."""

import argparse
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from cli.clocks import Immovable
from cli.installation import Installation
from cli.mistakes import Mistake
from cli.system import System, trainees
from kit.bus.choice import open_bus

__all__ = ["found", "new_cast"]


@asynccontextmanager
async def found(asked: argparse.Namespace) -> AsyncIterator[System]:
    """The installation of `--var`, whose gateway answers at `--gateway`. Nothing is started or ended."""
    if asked.database or asked.objects or asked.bus:
        raise Mistake(
            "With --gateway the servers are those of the running system: leave --database, --bus and --objects."
        )
    known = Installation.read(asked.var.absolute())
    if known.profile != "latihan":
        raise Immovable
    installation = known.model_copy(update={"gateway": asked.gateway.rstrip("/")})
    await _answers(installation.gateway)
    bus = open_bus(installation.bus, application="lpse")
    try:
        await bus.start()
        yield System(installation, trainees=trainees(installation), bus=bus)
    finally:
        await bus.close()


async def _answers(gateway: str) -> None:
    try:
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
            answer = await http.get(f"{gateway}/health/ready")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Mistake(f"No gateway answers at {gateway} ({error}). Is the address right, and does it run?") from error
    if answer.status_code != 200:
        raise Mistake(f"{gateway}/health/ready answers {answer.status_code}; a gateway would say that it is ready.")


def new_cast() -> int:
    """People and letters that most likely nobody has played before."""
    return 1 + secrets.randbelow(9_998)
