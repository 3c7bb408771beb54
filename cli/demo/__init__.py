"""`lpse demo`: one whole tender through the gateway, with real files, on its own servers, from registration to SPPBJ."""

import argparse
import json
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

from cli.demo.story import Story, Unmet
from cli.system import Options, removed, spare_port
from cli.up import running
from kit import telemetry

__all__ = ["demo"]

NO_FILES = 2


async def demo(asked: argparse.Namespace) -> int:
    files = _files(asked.files)
    if files == []:
        print(f"lpse: {asked.files} holds no regular file to hand in.", file=sys.stderr)
        return NO_FILES
    telemetry.configure_logs("ERROR", json=not sys.stderr.isatty())
    stage = asked.var.absolute() / "demo" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    stage.mkdir(parents=True)
    evidence = asked.out.absolute() if asked.out else stage / "evidence"
    try:
        report = await _play(asked, stage, files, evidence)
    except Unmet as unmet:
        print(f"lpse: {unmet}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(stage / "system", ignore_errors=True)
    print(json.dumps(report, indent=1) if asked.json else _summary(report))
    return 0


async def _play(asked: argparse.Namespace, stage: Path, files: list[Path] | None, evidence: Path) -> dict[str, object]:
    servers = {"bus": asked.bus, "database": asked.database, "objects": asked.objects}
    options = Options(
        var=stage / "system", port=spare_port(), prefix=f"demo-{secrets.token_hex(4)}", sweep=0.2, **servers
    )
    began = time.monotonic()
    async with running(options) as system:
        try:
            story = Story(system, stage, files, evidence)
            report = await story.play()
        finally:
            if any(servers.values()):
                system.leaving.append(lambda: removed(system.installation, options))
    return report | {"evidence": str(evidence), "seconds": round(time.monotonic() - began, 1)}


def _files(folder: Path | None) -> list[Path] | None:
    """The regular files of the folder in name order; None where none was named."""
    if folder is None:
        return None
    if not folder.is_dir():
        return []
    return sorted((path.absolute() for path in folder.iterdir() if path.is_file()), key=lambda path: path.name)


def _summary(report: dict[str, object]) -> str:
    from cli.demo.telling import summary

    return summary(report)
