"""Identifiers: UUIDv7 for rows and events, so that keys sort by the time they were made."""

from uuid import UUID

import uuid_utils.compat

__all__ = ["new_id"]


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()
