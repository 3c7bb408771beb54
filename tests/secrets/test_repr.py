"""What holds a secret does not show it where somebody prints or logs it, or where it fails."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import ValidationError

from cli.demo.portal import Portal, Uploaded, User
from cli.installation import Backends, Credentials, Installation, OfficeSettings
from cli.servers import Identity
from cli.system import Options, Trainee
from gateway.session import Credential
from kit.settings import Settings
from services import SERVICES
from services.registry.commands.officials import Secrets
from services.registry.schemas.sessions import Login, TokenRequest

SECRET = "rahasia-0123456789abcdef"
ADDRESS = f"postgresql://lpse:{SECRET}@127.0.0.1/x"


def installation() -> Installation:
    return Installation(
        var=Path("/var"), instance="uji", profile="latihan", prefix="uji", databases={"tender": ADDRESS, "audit": ADDRESS},
        bus=ADDRESS, objects="http://127.0.0.1:1", credentials={"audit": Credentials(key="audit", secret=SECRET)},
        backends=Backends(database="", objects="", bus=""), gateway="",
    )  # fmt: skip


def settings() -> Settings:
    told = {"database": ADDRESS, "bus": ADDRESS, "objects_key": SECRET, "objects_secret": SECRET}
    return Settings.model_validate(told | {"profile": "latihan", "keys": "/keys", "jwks": "/jwks"})


def office() -> OfficeSettings:
    told = {
        "instance": "uji",
        "databases": json.dumps(dict.fromkeys(SERVICES, ADDRESS)),
        "bus": ADDRESS,
        "objects": "x",
    }
    told |= {"objects_key": "documents", "objects_secret": SECRET, "gateway": "http://gateway", "jwks": "/jwks"}
    return OfficeSettings.model_validate(told)


@pytest.mark.parametrize(
    "holder",
    [
        installation(),
        office(),
        office().installation(),
        settings(),
        Options(Path("/var"), database=ADDRESS, objects=ADDRESS, bus=ADDRESS),
        Trainee("ppk", "PPK", "ppk", SECRET, SECRET),
        Identity("documents", "documents", SECRET, ()),
        User(Portal("http://127.0.0.1:1"), "ppk", session=SECRET),
        Uploaded(None, SECRET, "x"),  # type: ignore[arg-type]
        Credential(SECRET, "cookie"),
        Secrets(SECRET, SECRET),
        Login(user_id="ppk", password=SECRET, totp=SECRET[:10]),  # type: ignore[arg-type]
        TokenRequest(session=SECRET),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_a_holder_of_secrets_shows_none(holder: object) -> None:
    for shown in (repr(holder), str(holder), f"{[holder]}"):
        assert SECRET not in shown
        assert SECRET[:10] not in shown


def test_an_installation_that_cannot_be_read_shows_none() -> None:
    with pytest.raises(ValidationError) as refused:
        Installation.model_validate(installation().model_dump() | {"credentials": SECRET, "gateway": {SECRET: SECRET}})
    assert SECRET not in str(refused.value)


def test_the_file_of_an_installation_still_holds_all() -> None:
    assert Installation.model_validate_json(installation().model_dump_json()) == installation()
    assert [field.name for field in fields(Trainee) if not field.repr] == ["password", "totp_secret"]
