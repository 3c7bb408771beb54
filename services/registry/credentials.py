"""Passwords and second factors: Argon2id in a pool of its own, and codes that work once."""

import asyncio
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["decoy", "digest", "hash_password", "is_outdated", "matching_step", "new_password", "new_secret", "verify"]

HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's least for Argon2id: 19 MiB
POOL: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
"""Bounded: a flood of logins waits here, it takes neither the event loop nor the memory."""
STEP: Final = 30
DRIFT: Final = 1
"""Steps of 30 seconds by which a telephone's clock may be wrong."""


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(POOL, HASHER.hash, password)


async def verify(password_hash: str, password: str) -> bool:
    return await asyncio.get_running_loop().run_in_executor(POOL, _verify, password_hash, password)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    return HASHER.check_needs_rehash(password_hash)


@cache
def decoy() -> str:
    """A hash of nothing anybody knows: what an unknown user id is compared with, so that it takes as long."""
    return HASHER.hash(secrets.token_urlsafe())


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Which 30-second step this code belongs to, if to any near `now`. Whether it was used before is the caller's."""
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP
    steps = range(present - DRIFT, present + DRIFT + 1)
    given = code.encode(errors="replace")  # whatever was typed: a code of other letters is wrong, no error
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), given)), None)


def new_secret() -> str:
    """256 random bits: what a session's client holds."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    return secrets.token_urlsafe(12)


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
