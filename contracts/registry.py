"""What the registry tells: who exists, who may act and until when."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from contracts.roles import Role
from contracts.values import Moment, Sha256
from kit.envelope import Event

__all__ = [
    "CommitteeFormed",
    "ProviderRegistered",
    "ProviderRejected",
    "ProviderVerified",
    "SkpdRegistered",
    "UserAssigned",
    "UserExpired",
]

ProviderKind = Literal["badan_usaha", "usaha_perorangan", "perorangan"]


class SkpdRegistered(Event):
    """A work unit of the city (Pasal 3). Subject: the SKPD."""

    TYPE: ClassVar[str] = "registry.skpd.registered.v1"
    PUBLIC: ClassVar[frozenset[str] | None] = frozenset({"code"})

    skpd: UUID
    code: str
    name: str
    parent: str | None
    valid_from: date
    valid_to: date | None = None


class UserAssigned(Event):
    """A letter gives an account a role for a time (Pasal 9(1)b). Subject: the assignment."""

    TYPE: ClassVar[str] = "registry.user.assigned.v1"

    assignment: UUID
    account: UUID
    role: Role
    skpd: str | None
    valid_from: Moment
    valid_to: Moment


class UserExpired(Event):
    """The letter behind a role ended. Subject: the assignment."""

    TYPE: ClassVar[str] = "registry.user.expired.v1"

    assignment: UUID
    account: UUID
    role: Role
    skpd: str | None
    valid_to: Moment


class CommitteeFormed(Event):
    """A Pokja by decree (Pasal 1(13)-(14), 5(1)b). Subject: the committee."""

    TYPE: ClassVar[str] = "registry.committee.formed.v1"

    committee: UUID
    name: str
    members: list[UUID]
    valid_from: Moment
    valid_to: Moment


class ProviderRegistered(Event):
    """A provider handed in its forms and papers (Pasal 9(1)a). `record_sha256` fixes them. Subject: the provider."""

    TYPE: ClassVar[str] = "registry.provider.registered.v1"

    provider: UUID
    kind: ProviderKind
    record_sha256: Sha256 | None = None


class ProviderVerified(Event):
    """A verifier saw the originals and admitted the provider (Pasal 9(2)). Subject: the provider."""

    TYPE: ClassVar[str] = "registry.provider.verified.v1"

    provider: UUID
    account: UUID
    name: str
    kind: ProviderKind
    licence_expires: date | None


class ProviderRejected(Event):
    """A verifier refused, with a list of what is missing (Pasal 9(2)), which `record_sha256` fixes. Subject: the provider."""

    TYPE: ClassVar[str] = "registry.provider.rejected.v1"

    provider: UUID
    account: UUID
    record_sha256: Sha256 | None = None
