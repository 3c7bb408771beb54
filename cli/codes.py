"""`lpse code`: what an authenticator app would show for an account of the training tenant."""

import pyotp

from cli import accounts
from cli.installation import Installation
from cli.mistakes import Mistake

__all__ = ["code"]


def code(installation: Installation, account: str) -> str:
    """From the secrets that `up` prints. Each code opens one session; the next comes within 30 seconds."""
    if installation.profile != "latihan":
        raise Mistake("Codes are shown in the training profile (latihan) only; this is a production instance.")
    known = accounts.read(installation.trainees)
    if account not in known:
        raise Mistake(f"There is no account {account} in the training tenant: {', '.join(known)}.")
    return pyotp.TOTP(known[account][1]).now()
