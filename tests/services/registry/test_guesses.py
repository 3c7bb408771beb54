"""Guesses at one user id are counted one after the other, in however many processes they are made."""

import asyncio

from sqlalchemy import func, select, text

from services.registry import credentials
from tests.locks import until_waiting
from tests.services.registry.office import Office, problem

AS_THE_LAST = text(
    "insert into login_attempt (id, user_id_sha256, place, known, at) "
    "select gen_random_uuid(), user_id_sha256, place, known, clock_timestamp() from login_attempt limit 1"
)


async def test_a_guess_waits_until_the_one_before_it_is_counted(office: Office) -> None:
    """Another process has the fifth under way: this is the sixth, though it sees four when it comes."""
    for _ in range(4):
        problem(await office.log_in("ppk", "salah-sekali"), 401, "login_refused")
    lock = int.from_bytes(credentials.digest("ppk")[:8], signed=True)
    async with office.service.database.transaction() as db:
        await db.execute(select(func.pg_advisory_xact_lock(lock)))
        await db.execute(AS_THE_LAST)
        guess = asyncio.create_task(office.log_in("ppk", "salah-sekali"))
        await until_waiting(office.service.database, guess)
    problem(await guess, 429, "locked_out")
