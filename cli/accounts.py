"""The accounts of the training tenant: a file of passwords and second factors, which belong to one installation alone."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import pyotp
from pydantic import ValidationError

from cli.mistakes import Mistake
from cli.servers.directory import private

__all__ = ["Accounts", "begin", "draft", "draft_first", "read", "seed"]

Accounts = Mapping[str, tuple[str, str]]
"""User id -> password and TOTP secret."""


def draft(file: Path) -> None:
    """Fresh ones, for its owner's eyes."""
    from services.registry.training import TRAINING_USERS

    private(file, json.dumps({user[0]: (secrets.token_urlsafe(9), pyotp.random_base32()) for user in TRAINING_USERS}))


def read(file: Path) -> Accounts:
    from services.registry.training import TRAINING_USERS

    try:
        known = {user: (str(password), str(totp)) for user, (password, totp) in json.loads(file.read_bytes()).items()}
    except OSError as error:
        raise Mistake(
            f"{file} cannot be read: {error.strerror}. `lpse keys create DIR --training` makes such a file."
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise Mistake(f"{file} is no file of accounts: `lpse keys create DIR --training` makes one.") from error
    if missing := [user[0] for user in TRAINING_USERS if user[0] not in known]:
        raise Mistake(
            f"{file} has no account {', '.join(missing)}: `lpse keys create DIR --training` makes all of them."
        )
    return known


def draft_first(file: Path, who: Mapping[str, str]) -> None:
    """The first official of an installation in production, with fresh secrets, for its owner's eyes. Raises Mistake."""
    from services.registry.beginning import FirstOfficial

    secret = {"password": secrets.token_urlsafe(15), "totp_secret": pyotp.random_base32()}
    try:
        first = FirstOfficial.model_validate({**who, **secret})
    except ValidationError as error:
        wrong = " ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}." for one in error.errors(include_input=False)
        )
        raise Mistake(f"No first official can be made of this: {wrong}") from error
    private(file, first.model_dump_json(indent=1))


async def begin(database: str, file: Path) -> str:
    """Brings the first official of that file into registry's database; returns his user id. Raises Mistake."""
    from kit.db import Database
    from kit.problems import Problem
    from services.registry import beginning

    try:
        first = beginning.FirstOfficial.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise Mistake(
            f"{file} is no file of a first official: `lpse keys ceremony DIR --official` makes one."
        ) from error
    registry = Database(database, pool=2)
    try:
        await beginning.begin(registry, first)
    except Problem as problem:
        raise Mistake(f"{problem} {problem.remedy or ''}".strip()) from problem
    finally:
        await registry.close()
    return first.user_id


async def seed(database: str, accounts: Accounts) -> None:
    """Bring the training tenant into registry's database; what is there stays as it is."""
    from kit.db import Database
    from services.registry import training

    registry = Database(database, pool=2)
    try:
        await training.seed(registry, accounts)
    finally:
        await registry.close()
