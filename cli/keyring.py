"""`lpse keys`: the services' signing keys. Renewing adds a key; a retired one stays in the JWKS for verification."""

import json
from datetime import UTC, datetime

from cli.installation import Installation
from cli.mistakes import Mistake
from cli.system import KEY_DAYS, PARTS
from kit import keys

__all__ = ["listing", "renew", "retire"]


def listing(installation: Installation) -> list[str]:
    entries = json.loads(installation.jwks.read_text())["keys"]
    return [
        f"{entry['kid']}  {entry['lpse_owner']:<10} {entry['lpse_purpose']:<10} "
        f"{_day(entry['nbf'])} to {_day(entry['exp'])}"
        for entry in entries
    ]


def renew(installation: Installation, owner: str) -> list[str]:
    """A new key for each purpose of `owner`, used from now on."""
    part = next((part for part in PARTS if part.name == owner), None)
    if part is None or not part.purposes:
        signers = ", ".join(part.name for part in PARTS if part.purposes)
        raise Mistake(f"{owner} signs nothing: one of {signers}.")
    made = [
        keys.generate(installation.keys(owner), installation.jwks, owner, purpose, KEY_DAYS)
        for purpose in part.purposes
    ]
    return [f"{key.kid}  {key.owner} {key.purpose}" for key in made]


def retire(installation: Installation, kid: str) -> None:
    for part in PARTS:
        folder = installation.keys(part.name)
        for file in folder.glob(f"*-{kid}.pem"):
            purpose = file.name.removeprefix(f"{part.name}-").removesuffix(f"-{kid}.pem")
            if len(list(folder.glob(f"{part.name}-{purpose}-*.pem"))) == 1:
                raise Mistake(
                    f"{kid} is the only key of {part.name} for {purpose}: `lpse keys renew {part.name}` first."
                )
            keys.retire(folder, installation.jwks, kid)
            return
    raise Mistake(f"There is no private key {kid} here; see `lpse keys list`.")


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
