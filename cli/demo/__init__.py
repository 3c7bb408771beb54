"""`lpse demo`: one whole tender through the gateway, with real files, from registration to SPPBJ.

On servers of its own, or in a training system that runs already.
"""

import argparse
import json
import secrets
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from cli.demo.office import Unmet
from cli.demo.place import place_of_this_run
from cli.demo.portal import Refused
from cli.demo.story import Story
from cli.demo.telling import summary
from cli.mistakes import Mistake
from cli.running import found, new_cast
from cli.servers import ServerError
from cli.system import Options, spare_port
from cli.up import running
from kit import telemetry

__all__ = ["demo"]

NO_FILES = 2


async def demo(asked: argparse.Namespace) -> int:
    try:
        files = _files(asked.files)
    except Mistake as mistake:
        print(f"lpse: {mistake}", file=sys.stderr)
        return NO_FILES
    telemetry.configure_logs("ERROR", json=not sys.stderr.isatty())
    stage = place_of_this_run(asked.var.absolute() / "demo")
    evidence = asked.out.absolute() if asked.out else stage / "evidence"
    try:
        evidence.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"{evidence} cannot be made: {error.strerror}. Name another directory with --out.") from error
    try:
        report = await _play(asked, stage, files, evidence)
    except (Mistake, ServerError):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the demo did not do what it promises: one sentence says so
        (stage / "failure.txt").write_text("".join(traceback.format_exception(error)))
        print(f"lpse: {_sentence(error)} (details: {stage / 'failure.txt'})", file=sys.stderr)
        return 1
    finally:
        for made in ("system", "work"):
            shutil.rmtree(stage / made, ignore_errors=True)
    print(json.dumps(report, indent=1) if asked.json else summary(report))
    return 0


async def _play(asked: argparse.Namespace, stage: Path, files: list[Path] | None, evidence: Path) -> dict[str, Any]:
    began = time.monotonic()
    async with found(asked) if asked.gateway else running(_options(asked, stage)) as system:
        cast = new_cast() if asked.gateway else 0
        report = await Story(system, stage / "work", files, evidence, cast=cast).play()
    return report | {"evidence": str(evidence), "seconds": round(time.monotonic() - began, 1)}


def _options(asked: argparse.Namespace, stage: Path) -> Options:
    return Options(
        var=stage / "system",
        port=spare_port(),
        prefix=f"demo-{secrets.token_hex(4)}",
        sweep=0.2,
        database=asked.database,
        objects=asked.objects,
        bus=asked.bus,
        witnesses=asked.witnesses,
        lent=True,
    )


def _files(folder: Path | None) -> list[Path] | None:
    """The regular files of the folder in name order; None where none was named."""
    if folder is None:
        return None
    if not folder.is_dir():
        raise Mistake(f"{folder} is no directory. Name one whose files shall be handed in.")
    found = [path.absolute() for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    if not found:
        raise Mistake(f"{folder} holds no regular file to hand in.")
    return sorted(found, key=lambda path: path.name)


def _sentence(error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return said if isinstance(error, (Unmet, Refused)) else f"The demo stopped: {type(error).__name__}: {said}"
