"""What the demo says: the story on stderr while it goes, the summary at its end."""

import sys
import time
from typing import Any

__all__ = ["Teller", "summary"]


class Teller:
    """One line per act, with the business clock's time where it matters."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def act(self, sentence: str) -> None:
        print(f"[{time.monotonic() - self.began:5.1f} s] {sentence}", file=sys.stderr, flush=True)

    def progress(self, sentence: str) -> None:
        print(f"          {sentence}", file=sys.stderr, flush=True)


def summary(report: dict[str, Any]) -> str:
    tender, log, events, backends = (report[part] for part in ("tender", "log", "events", "backends"))
    lines = [
        f"Tender {tender['code']} ({tender['regime']}): {tender['stage']}",
        f"Winner: {tender['winner']}, Rp {tender['price']}",
        "Bids:",
        *(_bid(bid) for bid in report["bids"]),
        f"Complaint {report['complaint']['code']} forwarded to {' and '.join(report['complaint']['forwarded_to'])}",
        f"Events: {events['emitted']} emitted, {events['handled']} handled by all who wanted them, {events['dead']} dead",
        f"Log: {log['size']} entries, root {log['root'][:16]}..., {log['proofs_verified']} proofs verified",
        f"Backends: {backends['database']}, {backends['objects']}, bus {backends['bus']}",
        f"Evidence: {report['evidence']}",
        f"Check it without OpenLPSE: python3 docs/verify-evidence.py '{report['evidence']}'",
        f"{report['seconds']} s",
    ]
    return "\n".join(lines)


def _bid(bid: dict[str, Any]) -> str:
    if bid["status"] == "refused":
        return f"  {bid['code']}  {bid['bidder']}: refused ({bid['refusal']['article']}: {bid['refusal']['reason']})"
    corrected = f", corrected Rp {bid['corrected_price']}" if bid["corrected_price"] != bid["price"] else ""
    return f"  {bid['code']}  {bid['bidder']}: Rp {bid['price']}{corrected}"
