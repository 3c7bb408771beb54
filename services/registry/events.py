"""Our rows as the events others read."""

from collections.abc import Sequence
from datetime import date
from typing import cast
from uuid import UUID

from contracts import registry as contract
from contracts.roles import Role
from kit.envelope import Emission
from services.registry.models import Assignment, Committee, Provider, Skpd


def skpd_registered(skpd: Skpd) -> Emission:
    return Emission(
        skpd,
        contract.SkpdRegistered(
            skpd=skpd.id,
            code=skpd.code,
            name=skpd.name,
            parent=skpd.parent,
            valid_from=skpd.valid_from,
            valid_to=skpd.valid_to,
        ),
    )


def user_assigned(letter: Assignment) -> Emission:
    return Emission(
        letter,
        contract.UserAssigned(
            assignment=letter.id,
            account=letter.account,
            role=Role(letter.role),
            skpd=letter.skpd,
            valid_from=letter.valid_from,
            valid_to=letter.valid_to,
        ),
    )


def user_expired(letter: Assignment) -> Emission:
    return Emission(
        letter,
        contract.UserExpired(
            assignment=letter.id,
            account=letter.account,
            role=Role(letter.role),
            skpd=letter.skpd,
            valid_to=letter.valid_to,
        ),
    )


def committee_formed(committee: Committee, members: Sequence[UUID]) -> Emission:
    return Emission(
        committee,
        contract.CommitteeFormed(
            committee=committee.id,
            name=committee.name,
            members=list(members),
            valid_from=committee.valid_from,
            valid_to=committee.valid_to,
        ),
    )


def provider_registered(provider: Provider, record_sha256: str) -> Emission:
    data = contract.ProviderRegistered(provider=provider.id, kind=_kind(provider), record_sha256=record_sha256)
    return Emission(provider, data)


def provider_verified(provider: Provider, licence_expires: date | None) -> Emission:
    return Emission(
        provider,
        contract.ProviderVerified(
            provider=provider.id,
            account=provider.account,
            name=provider.name,
            kind=_kind(provider),
            licence_expires=licence_expires,
        ),
    )


def provider_rejected(provider: Provider, record_sha256: str) -> Emission:
    data = contract.ProviderRejected(provider=provider.id, account=provider.account, record_sha256=record_sha256)
    return Emission(provider, data)


def _kind(provider: Provider) -> contract.ProviderKind:
    return cast("contract.ProviderKind", provider.kind)
