"""People who are logged in, by access tokens signed as registry signs them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from kit.grants import Claims, RoleClaim
from kit.keys import SigningKey

__all__ = ["Person"]


@dataclass(frozen=True)
class Person:
    name: str
    roles: tuple[str, ...] = ()
    account: UUID = field(default_factory=uuid4)

    def headers(self, key_home: Path) -> dict[str, str]:
        now = datetime.now(UTC)
        roles = tuple(RoleClaim(role, None, uuid4(), datetime(2100, 1, 1, tzinfo=UTC)) for role in self.roles)
        claims = Claims(self.account, uuid4(), self.name, None, roles, now)
        return {"Authorization": f"Bearer {claims.issue(SigningKey.load(key_home / 'registry', 'registry', 'access'))}"}
