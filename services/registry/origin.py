"""Where a login comes from. Only the gateway knows, and only what it says under its own token is believed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request

from kit.grants import Refused, ServiceToken
from kit.service import service_of

__all__ = ["Origin", "OriginDep"]


@dataclass(frozen=True, slots=True)
class Origin:
    """`device`: one that the gateway knows to have logged in with this user id before."""

    address: str = "unknown"
    device: str | None = None

    @property
    def name(self) -> str:
        return f"device {self.device}" if self.device else f"address {self.address}"

    def place(self, user_id: str) -> bytes:
        """One user id at one place, as it is kept: a hash, since a user id may be a mistyped password."""
        return sha256(f"{self.name} {user_id}".encode()).digest()


async def _origin(request: Request) -> Origin:
    service, headers = service_of(request), request.headers
    try:
        ServiceToken.verify(headers.get("lpse-service", ""), service.ring, datetime.now(UTC), audience=service.name)
    except Refused:
        return Origin()
    return Origin(headers.get("lpse-client-address", "unknown"), headers.get("lpse-client-device"))


OriginDep = Annotated[Origin, Depends(_origin)]
