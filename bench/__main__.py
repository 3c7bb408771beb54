"""`./lpse bench NAME [--json]`: run one bench and print what it found. Exit 0 also where a target is missed."""

import argparse
import importlib
import sys

from bench import BENCHES
from bench.report import Report
from cli.main import carry_out
from cli.mistakes import Mistake


def main() -> int:
    parser = argparse.ArgumentParser(prog="lpse bench", description="Measure, and print ratios.")
    parser.add_argument("name", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=_run)
    return carry_out(parser.parse_args())


async def _run(asked: argparse.Namespace) -> int:
    if asked.name not in BENCHES:
        raise Mistake(f"There is no bench {asked.name}; there are {', '.join(BENCHES)}.")
    report: Report = await importlib.import_module(f"bench.{asked.name}").run()
    print(report.as_json() if asked.json else report.as_table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
