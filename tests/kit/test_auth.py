"""A role lasts as long as the letter behind it, whatever the token still says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from kit.grants import Claims, RoleClaim
from kit.ids import new_id
from kit.keys import SigningKey


def holder_until(key_home: Path, until: timedelta) -> dict[str, str]:
    """The headers of somebody whose letter as PPK ends that long from now; his token lasts ten minutes."""
    now = datetime.now(UTC)
    letter = RoleClaim("ppk", None, new_id(), now + until)
    claims = Claims(new_id(), new_id(), "someone", None, (letter,), now)
    token = claims.issue(SigningKey.load(key_home / "registry", "registry", "access"))
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": "key-0001"}


@pytest.mark.parametrize(("until", "status"), [(timedelta(seconds=-1), 403), (timedelta(days=1), 201)])
async def test_a_letter_that_ended_gives_nothing_though_the_token_lasts(
    client: httpx2.AsyncClient, key_home: Path, until: timedelta, status: int
) -> None:
    answer = await client.post("/other-notes", json={"text": "x"}, headers=holder_until(key_home, until))
    assert answer.status_code == status
    assert answer.json().get("code") == ("role_required" if status == 403 else None)
