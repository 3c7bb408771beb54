"""The profile `production` starts with nothing that belongs to training, examples or a slip of the hand."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from cli.copies import Copy
from cli.system import spare_port
from kit import clock
from kit.db import Database
from kit.production import about_server, unknown_variables
from kit.settings import GatewaySettings, Settings
from services.registry import training
from tests.secrets.conftest import Start

LONG = "0123456789abcdef"

SERVICE: dict[str, dict[str, str]] = {
    "LPSE_DATABASE holds the password of an example": {
        "LPSE_DATABASE": "postgresql://registry:changeme-2026@db/registry"
    },
    "LPSE_BUS holds the password of an example or a default one": {"LPSE_BUS": "amqp://guest:guest@broker"},
    "LPSE_OBJECTS_SECRET holds the password of an example": {"LPSE_OBJECTS_SECRET": "minioadmin"},
    "LPSE_INSTANCE is latihan, a training instance": {"LPSE_INSTANCE": "latihan"},
    "LPSE_PREFIX is demo-1": {"LPSE_PREFIX": "demo-1"},
    "LPSE_LOG_LEVEL is DEBUG": {"LPSE_LOG_LEVEL": "DEBUG"},
    "LPSE_DATABASE_POOL: Input should be a valid integer": {"LPSE_DATABASE_POOL": "many"},
    "LPSE_DATABSE is no setting of OpenLPSE: did you mean LPSE_DATABASE?": {"LPSE_DATABSE": "postgresql://x"},
    "LPSE_JWKS cannot be used": {"LPSE_JWKS": "/nowhere"},
}
GATEWAY: dict[str, dict[str, str]] = {
    "LPSE_PUBLIC_URL is no https:// address": {"LPSE_PUBLIC_URL": "http://lpse.example"},
    "LPSE_TRUSTED_PROXIES believes every address": {"LPSE_TRUSTED_PROXIES": '["0.0.0.0/0"]'},
    "LPSE_UPSTREAMS names no address of audit": {"LPSE_UPSTREAMS": '{"registry": "http://a"}'},
}


async def refusal(process: Copy) -> str:
    """What it said: one sentence, in one line, without a trace of the stack."""
    code, said = await asyncio.wait_for(process.wait(), 60), process.log.read_text()
    assert code == 1, said
    assert len(said.splitlines()) == 1, said
    assert LONG not in said
    return said


async def test_a_service_refuses_each(start: Start, service_environment: dict[str, str]) -> None:
    started = {said: await start("registry", service_environment | wrong) for said, wrong in SERVICE.items()}
    for said, process in started.items():
        assert said in await refusal(process)


async def test_the_gateway_refuses_each(start: Start, gateway_environment: dict[str, str]) -> None:
    started = {said: await start("gateway", gateway_environment | wrong) for said, wrong in GATEWAY.items()}
    for said, process in started.items():
        assert said in await refusal(process)


async def test_keys_that_strangers_read_or_write_are_refused(
    start: Start, service_environment: dict[str, str], gateway_environment: dict[str, str], own_keys: Path
) -> None:
    next((own_keys / "registry").glob("*-grant-*.pem")).chmod(0o644)
    assert "can be read by every user" in await refusal(await start("registry", service_environment))
    next((own_keys / "gateway").glob("*.pem")).unlink()
    assert "gateway has no valid key for service" in await refusal(await start("gateway", gateway_environment))
    (own_keys / "jwks.json").chmod(0o666)
    assert "every user of this machine can write" in await refusal(await start("gateway", gateway_environment))


async def test_the_training_tenant_and_a_moved_clock_are_refused(
    start: Start, service_environment: dict[str, str]
) -> None:
    database = Database(service_environment["LPSE_DATABASE"])
    await training.seed(database, {user: (LONG, "JBSWY3DPEHPK3PXP") for user, *_ in training.TRAINING_USERS})
    said = await refusal(await start("registry", service_environment))
    assert "the accounts of the training tenant (admin_agency, " in said
    async with database.transaction() as db:
        await clock.set_to(db, await clock.business_now(db) + timedelta(hours=1))
    await database.close()
    said = await refusal(await start("registry", service_environment))
    assert "the clock of registry was moved" in said


async def test_with_nothing_wrong_both_run_and_show_no_pages_for_developers(
    start: Start, service_environment: dict[str, str], gateway_environment: dict[str, str]
) -> None:
    """Else every refusal above could be the refusal of something else."""
    ports = {"registry": spare_port(), "gateway": spare_port()}
    upstreams = json.loads(gateway_environment["LPSE_UPSTREAMS"]) | {
        "registry": f"http://127.0.0.1:{ports['registry']}"
    }
    gateway_environment["LPSE_UPSTREAMS"] = json.dumps(upstreams)
    await start("registry", service_environment, ports["registry"])
    await start("gateway", gateway_environment, ports["gateway"])
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as http, asyncio.timeout(60):
        for port in ports.values():
            while not await live(http, port):
                await asyncio.sleep(0.1)
            for page in ("/docs", "/redoc"):
                answer = await http.get(f"http://127.0.0.1:{port}{page}", headers={"host": "lpse.example"})
                assert answer.status_code == 404
    assert answer.headers["strict-transport-security"]


async def live(http: httpx2.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/health/live")).is_success
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("postgresql://postgres:postgres@db/tender", "default one"),
        ("postgresql://tender:TENDER@db/tender", "default one"),
        ("postgresql://tender@db/tender", "no password"),
        ("postgresql://db/tender?user=tender&password=tender", "default one"),
        ("amqp://broker", "no password"),
        ("amqp://lpse:short@broker", "fewer than 12 characters"),
        ("amqp://lpse:my-password-1@broker", "of an example"),
    ],
)
def test_default_and_guessable_passwords_of_servers(address: str, why: str) -> None:
    (said,) = about_server("LPSE_X", address)
    assert why in said
    assert said.startswith("LPSE_X holds ")


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://tender:{LONG}@db/tender",
        f"postgresql://db/tender?user=tender&password={LONG}",
        "postgresql://tender@db/tender?sslmode=verify-full&sslcert=/certificate.pem",
        f"amqps://lpse:{LONG}@broker/vhost",
    ],
)
def test_a_server_with_a_password_or_certificate_of_its_own_is_taken(address: str) -> None:
    assert list(about_server("LPSE_X", address)) == []


def test_what_a_cluster_says_about_its_services_is_no_slip() -> None:
    links = (
        "LPSE_TENDER_SERVICE_HOST",
        "LPSE_TENDER_SERVICE_PORT_HTTP",
        "LPSE_TENDER_PORT_8000_TCP_ADDR",
        "LPSE_TENDER_PORT",
    )
    assert list(unknown_variables(dict.fromkeys(links, "x") | {"PATH": "x"}, {"LPSE_KEYS"})) == []
    (said,) = unknown_variables({"LPSE_ZZZZ": "x"}, {"LPSE_KEYS"})
    assert "take it away" in said


def test_training_takes_what_production_refuses(own_keys: Path) -> None:
    place = {"profile": "latihan", "keys": own_keys, "jwks": own_keys / "jwks.json"}
    Settings(**place, database="postgresql://postgres:postgres@db/x", bus="amqp://guest:guest@broker")  # type: ignore[arg-type]
    GatewaySettings(**place, public_url="http://127.0.0.1:8080")  # type: ignore[arg-type]


def test_a_setting_that_is_refused_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"database": f"postgresql://a:{LONG}@db/x", "bus": "amqp://guest:guest@b", "keys": 1})
    assert LONG not in str(refused.value)
    assert LONG not in repr(refused.value)
