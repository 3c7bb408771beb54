"""`lpse keys`: the services' signing keys. Renewing adds a key; a retired one stays in the JWKS for verification."""

import json
from datetime import UTC, datetime
from pathlib import Path

from cli import accounts, seals
from cli.installation import Installation
from cli.mistakes import Mistake
from cli.system import PARTS, days
from kit import keys

__all__ = ["create", "home_of", "listing", "renew", "retire"]


def create(home: Path, *, training: bool = False, instance: str = "") -> list[str]:
    """First keys for an installation that `lpse up` does not make, as on a cluster: those of each part in a folder of
    its name, the public ones of all in `jwks.json`, the authority of the seal, which bears the instance's name, in `seal`;
    for a training instance also its accounts in `training.json`."""
    if home.exists() and any(home.iterdir()):
        raise Mistake(f"{home} is not empty. Name a new directory: keys that are in use would be lost among new ones.")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for part in PARTS:
        folder = home / part.name
        for purpose in part.purposes:
            folder.mkdir(mode=0o700, exist_ok=True)
            made.append(keys.generate(folder, home / "jwks.json", part.name, purpose, days(purpose)))
    seal = seals.renew(home, instance)
    if training:
        accounts.draft(home / "training.json")
    return [*(f"{key.kid}  {key.owner} {key.purpose}" for key in made), f"{seal.id}  {seals.OWNER} {seal.purpose}"]


def home_of(installation: Installation, *, private: bool) -> Path:
    """A directory as `create` makes it. `private`: whether the private keys are needed."""
    if private and not installation.here:
        raise Mistake(
            "The private keys are not here: each part of a cluster alone sees its own, in its Secret. Name with --keys the "
            "directory that `lpse keys create` made."
        )
    return installation.jwks.parent


def listing(home: Path) -> list[str]:
    entries = json.loads(_jwks(home).read_text())["keys"]
    listed = [
        f"{entry['kid']}  {entry['lpse_owner']:<10} {entry['lpse_purpose']:<10} "
        f"{_day(entry['nbf'])} to {_day(entry['exp'])}"
        for entry in entries
    ]
    sealing = [
        f"{one.id}  {seals.OWNER:<10} {one.purpose:<10} {one.since.date().isoformat()} to {one.until.date().isoformat()}"
        for one in seals.held(home)
    ]
    return listed + sealing


def renew(home: Path, owner: str, instance: str = "") -> list[str]:
    """A new key for each purpose of `owner`, used from now on; for documents also a certificate to seal with."""
    part = next((part for part in PARTS if part.name == owner), None)
    if part is None or not part.purposes:
        signers = ", ".join(part.name for part in PARTS if part.purposes)
        raise Mistake(f"{owner} signs nothing: one of {signers}.")
    made = [keys.generate(home / owner, _jwks(home), owner, purpose, days(purpose)) for purpose in part.purposes]
    renewed = [f"{key.kid}  {key.owner} {key.purpose}" for key in made]
    if owner == seals.OWNER:
        seal = seals.renew(home, instance)
        renewed.append(f"{seal.id}  {owner} {seal.purpose}")
    return renewed


def retire(home: Path, kid: str, *, stolen: bool = False) -> None:
    """`stolen`: nothing that was ever signed with it is believed any more, for the thief can date a signature back."""
    for part in PARTS:
        folder = home / part.name
        for file in folder.glob(f"*-{kid}.pem"):
            purpose = file.name.removeprefix(f"{part.name}-").removesuffix(f"-{kid}.pem")
            if len(list(folder.glob(f"{part.name}-{purpose}-*.pem"))) == 1:
                raise Mistake(
                    f"{kid} is the only key of {part.name} for {purpose}: `lpse keys renew {part.name}` first."
                )
            if purpose == seals.PURPOSE:
                _retire_seal(file, home, stolen=stolen)
                return
            keys.retire(folder, _jwks(home), kid, at=datetime.fromtimestamp(0, UTC) if stolen else None)
            return
    raise Mistake(f"There is no private key {kid} here; see `lpse keys list`.")


def _retire_seal(file: Path, home: Path, *, stolen: bool) -> None:
    """A certificate bears no list of those that are no longer believed: a stolen one takes its authority with it."""
    if stolen:
        raise Mistake(
            f"A stolen seal ends with its authority: move {home / seals.FOLDER} and {file} away, `lpse keys renew "
            f"{seals.OWNER}`, and hold a ceremony. Receipts printed before are printed again."
        )
    file.unlink()


def _jwks(home: Path) -> Path:
    file = home / "jwks.json"
    if not file.is_file():
        raise Mistake(f"{home} holds no jwks.json. Name a directory that `lpse keys create` made.")
    return file


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
