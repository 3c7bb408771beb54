"""From a receipt's file to a sealed PDF: checked, set and sealed in a few threads of its own, since each of it takes the processor."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from integrity import receipts
from integrity.trust import TrustError, TrustRoot
from kit.problems import Conflict, Problem, RuleViolation
from services.documents.printing.page import render
from services.documents.printing.signer import Signer

__all__ = ["Press"]

POOL: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="printing")
"""Bounded: whoever has a receipt may print it, and must not take the processor from those who hand something in."""


class Press:
    """`waiting`: so many may print or wait for it at a time; who comes then is asked to come again."""

    def __init__(self, trust_root: Path | None, signer: Signer, waiting: int) -> None:
        self._trust_root, self._signer, self._room = trust_root, signer, waiting

    async def printed(self, file: bytes) -> bytes:
        """Raises Problem where the receipt is not to be believed."""
        if self._trust_root is None:
            raise Conflict(
                "no_trust_root",
                "This LPSE has published no root of trust.",
                remedy="Its operator makes one with `lpse keys ceremony` and names it in LPSE_TRUST_ROOT.",
            )
        if self._room <= 0:
            raise Problem(
                "printing_busy",
                "Too many receipts are being printed at this moment.",
                status=503,
                remedy="Try again in some seconds. The receipt as JSON holds all the same.",
            )
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(POOL, self._print, file, self._trust_root)
        finally:
            self._room += 1

    def _print(self, file: bytes, trust_root: Path) -> bytes:
        root = _root(trust_root)
        report = receipts.verify(file, root)
        if report.verdict == "bad":
            raise _refused(report)
        return self._signer.seal(render(file, report, root, datetime.now(UTC)))


def _root(file: Path) -> TrustRoot:
    """Read anew each time: the next ceremony's counts at once."""
    try:
        return TrustRoot.parse(file.read_bytes())
    except (OSError, TrustError) as error:
        raise Problem(
            "trust_root_unreadable",
            "The root of trust of this LPSE cannot be read: {error}",
            status=503,
            remedy="Its operator puts the file that `lpse keys ceremony` made where LPSE_TRUST_ROOT names it.",
            error=type(error).__name__,
        ) from error


def _refused(report: receipts.Report) -> Problem:
    """`checks` says of every layer what was found, for programs."""
    first = next(check for check in report.checks if check.state == "failed")
    return RuleViolation(
        "receipt_refused",
        "This receipt is not to be believed, and is not printed: its {layer} is wrong.",
        article="Perwali Mojokerto 21/2011 Pasal 14(2)-(3)",
        remedy="Download the receipt again from the page of what you handed in, and send it unchanged.",
        extra={"checks": [asdict(check) for check in report.checks]},
        layer=first.layer,
    )
