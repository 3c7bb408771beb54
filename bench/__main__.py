"""`./lpse bench NAME [--json]`: run one bench and print what it found. Exit 0 also where a target is missed."""

import argparse
import asyncio
import importlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from bench import BENCHES
from bench.report import Report
from cli.mistakes import Mistake
from cli.servers import ServerError


def main() -> int:
    parser = argparse.ArgumentParser(prog="lpse bench", description="Measure, and print ratios.")
    parser.add_argument("name", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    asked = parser.parse_args()
    try:
        report = asyncio.run(_stoppable(_bench(asked.name)()))
    except (Mistake, ServerError) as error:
        print(f"lpse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    print(report.as_json() if asked.json else report.as_table())
    return 0


async def _stoppable(bench: Coroutine[Any, Any, Report]) -> Report:
    """SIGTERM, too, lets go of the servers in order."""
    task = asyncio.create_task(bench)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _bench(name: str) -> Callable[[], Coroutine[Any, Any, Report]]:
    if name not in BENCHES:
        raise Mistake(f"There is no bench {name}; there are {', '.join(BENCHES)}.")
    run: Callable[[], Coroutine[Any, Any, Report]] = importlib.import_module(f"bench.{name}").run
    return run


if __name__ == "__main__":
    sys.exit(main())
