"""What an operator relies on: a second start finds everything, and `check` says what is wrong."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import asyncpg
import httpx2
import pyotp
import pytest

from cli import clocks, events
from cli.check import check
from cli.codes import code
from cli.demo.cast import Bidder
from cli.demo.portal import Portal, Refused
from cli.demo.providers import register
from cli.installation import Backends, Installation
from cli.main import main
from cli.mistakes import Mistake, worded
from cli.servers import Postgres, SeaweedFS, ServerError
from cli.system import Options, System, installed, spare_port
from cli.top import look, top
from cli.up import gateway_settings, running
from kit.bus.choice import open_bus
from kit.bus.topology import Topology
from kit.clock import WIB
from services import SERVICES
from tests.containers import Broker

ROOT = Path(__file__).parents[2]
WHO = Bidder("tetap", "CV Contoh Tetap", "Penanggung Jawab", Decimal(1), 0)


def options(home: Path, **others: str) -> Options:
    return Options(var=home, port=spare_port(), prefix="uji", **others)


async def test_a_second_start_finds_everything_as_it_was(tmp_path: Path) -> None:
    home = tmp_path / "var"
    async with running(options(home)) as system, Portal(system.installation.gateway) as portal:
        provider = await register(portal, WHO, 42, tmp_path, date(2026, 11, 23))
        mine = await provider.get("/api/registry/providers/mine")
        trainees = system.trainees
        with pytest.raises(ServerError, match="already run by process"):
            async with installed(options(home), print):
                pass
    async with running(options(home)) as system, Portal(system.installation.gateway) as portal:
        assert system.trainees == trainees
        provider = await portal.login(WHO.user_id, f"Contoh-{WHO.user_id}-2026")
        assert await provider.get("/api/registry/providers/mine") == mine
        assert await check(system.installation) == []


@pytest.mark.long  # tests/faults have it all the time
async def test_apart_from_each_other_the_services_hand_on_every_event(tmp_path: Path) -> None:
    """One process each, as a cluster runs them: what registry seeded reaches tender and the log."""
    async with running(options(tmp_path / "var"), processes=True) as system:
        assert await settled(system.installation) > 0
        assert await check(system.installation) == []
        os.kill(system.kept["tender"].what.pid or 0, signal.SIGKILL)
        async with asyncio.timeout(60), Portal(system.installation.gateway) as portal:
            while not await answers(portal, "/api/tender/consent-text"):
                await asyncio.sleep(0.2)


async def test_a_database_that_ends_by_itself_comes_back(tmp_path: Path) -> None:
    async with running(options(tmp_path / "var")) as system, Portal(system.installation.gateway) as portal:
        server = system.kept["postgresql"].what
        first = server.pid
        assert first
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(60):
            while server.pid == first or not await server.answers():
                await asyncio.sleep(0.2)
            while not await answers(portal, "/api/tender/public/tenders"):
                await asyncio.sleep(0.2)
        assert await check(system.installation) == []


async def test_a_web_server_in_front_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the name that people use, and told whom it serves."""
    monkeypatch.setenv("LPSE_PUBLIC_URL", "https://latihan.contoh.go.id")
    monkeypatch.setenv("LPSE_TRUSTED_PROXIES", '["127.0.0.1"]')
    async with running(options(tmp_path / "var")) as system:
        installation = system.installation
        async with httpx2.AsyncClient(base_url=installation.gateway, trust_env=False) as http:
            ours = await http.get("/masuk", headers={"Host": "latihan.contoh.go.id"})
            assert ours.status_code == 200
            assert "strict-transport-security" in ours.headers
            other = await http.get("/masuk", headers={"Host": "lain.contoh.go.id"})
            assert other.status_code == 400
        assert await check(installation, serving=True) == []
        assert gateway_settings(installation).trusted_proxies


async def test_two_installations_share_no_directory(tmp_path: Path, postgres: Postgres, seaweedfs: SeaweedFS) -> None:
    """Also when both use servers that run elsewhere, where no embedded server would object."""
    admin = seaweedfs.admin
    objects = f"http://{admin.access_key}:{admin.secret_key}@{seaweedfs.endpoint.removeprefix('http://')}"
    lent = replace(options(tmp_path / "var", database=postgres.dsn, objects=objects), lent=True, prefix="zwei")
    async with installed(lent, print):
        with pytest.raises(ServerError, match=r"OpenLPSE in .* is already run by process"):
            async with installed(lent, print):
                pass


async def test_what_matches_is_listed_however_much_came_after_it(system: System) -> None:
    found = await events.listing(system.installation, "registry", "registry.skpd.*", 2)
    assert len(found) == 2
    assert all(" registry.skpd.registered.v1 " in line for line in found)


async def offset(dsn: str) -> timedelta:
    connection = await asyncpg.connect(dsn)
    try:
        return cast("timedelta", await connection.fetchval('select "offset" from clock'))
    finally:
        await connection.close()


async def settled(installation: Installation) -> int:
    """Every event is handled by all who want it; how many there are."""
    async with asyncio.timeout(60):
        while (found := await events.count(installation)).handled < found.emitted:
            await asyncio.sleep(0.2)
    return found.emitted


async def answers(portal: Portal, path: str) -> bool:
    try:
        return bool(await portal.visitor().get(path))
    except Refused:
        return False


async def test_what_users_handed_in_is_closed_to_the_machine(system: System) -> None:
    """SeaweedFS writes its volumes for everybody to read, and PostgreSQL logs the rows that it refuses."""
    var = system.installation.var
    assert stat.S_IMODE((var / "seaweedfs" / "data").stat().st_mode) == 0o700
    for log in (var / "seaweedfs" / "server.log", var / "postgresql" / "server.log"):
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_an_exposed_key_is_said_and_not_papered_over(tmp_path: Path) -> None:
    async with installed(options(tmp_path / "var"), print) as system:
        installation = system.installation
    next(installation.keys("tender").glob("*-grant-*.pem")).chmod(0o644)
    before = installation.jwks.read_bytes()
    with pytest.raises(Mistake, match=r"can be read by every user.*Renew the key"):
        async with installed(options(tmp_path / "var"), print):
            pass
    assert installation.jwks.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("up --port abc", "a port is a number from 1 to 65535"),
        ("up --port 65536", "a port is a number from 1 to 65535"),
        ("rush --bidders 0", "a number from 1 on"),
        ("top --every nan", "from 0.2 seconds to an hour"),
        ("clock set tomorrow", "an instant is written 2026-11-23T10:00:00+07:00"),
    ],
)
def test_a_wrong_value_is_answered_with_what_is_wanted(
    words: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words.split())
    assert capsys.readouterr().err.endswith(f": {why}\n")


def test_a_command_without_its_servers_ends_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
    Installation(
        var=tmp_path,
        instance="uji",
        profile="latihan",
        prefix="uji",
        databases=dict.fromkeys(SERVICES, nowhere),
        bus=nowhere,
        objects="http://127.0.0.1:1",
        credentials={},
        backends=Backends(database="", objects="", bus=""),
        gateway="",
    ).write()
    for command in (["clock", "show"], ["events", "count"], ["dead", "list"], ["db", "upgrade"]):
        assert main([*command, "--var", str(tmp_path)]) == 1
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "does not answer" in said


async def test_check_names_what_is_full_wrong_lost_and_then_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installed(options(tmp_path / "var"), print) as system:
        installation = system.installation
        assert await check(installation) == []
        with monkeypatch.context() as full:
            usage = shutil.disk_usage(tmp_path)
            full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100 << 20))
            [said] = await check(installation)
        assert said.startswith(f"disk: 100 MiB are free for {tmp_path / 'var'}")
        connection = await asyncpg.connect(installation.databases["tender"])
        await connection.execute("update alembic_version set version_num = '0000'")
        await connection.close()
        next(installation.keys("tender").glob("*-receipt-*.pem")).unlink()
        found = await check(installation)
    assert [sentence for sentence in found if "database of tender" in sentence and "lpse db upgrade tender" in sentence]
    assert [sentence for sentence in found if sentence.startswith("key: tender has no valid key for receipt")]
    found = await check(installation, serving=True)
    assert any(sentence.startswith(f"gateway: does not answer at {installation.gateway}") for sentence in found)
    for service in installation.databases:
        assert any(f"database of {service}: PostgreSQL does not answer" in sentence for sentence in found)
    assert any(sentence.startswith("object store, bucket uji-documents") for sentence in found)
    assert any(sentence.startswith("bus: does not answer") for sentence in found)
    async with installation.database("registry") as database:
        assert (await look("registry", database)).waiting is None, "what `top` shows as away"


def test_a_time_that_ran_out_is_named() -> None:
    """Its error says nothing: `PostgreSQL does not answer ()` stood there."""
    assert worded(TimeoutError()) == "TimeoutError"
    assert worded(OSError("no route")) == "no route"


async def test_check_names_another_topology(tmp_path: Path, rabbitmq: Broker) -> None:
    async with installed(options(tmp_path / "var", bus=rabbitmq.url), print) as system:
        installation = system.installation
        assert installation.backends.bus == f"rabbitmq {rabbitmq.version}"
        assert await check(installation) == []
        bus = open_bus(rabbitmq.url, application="test")
        await bus.start()
        await bus.remove(Topology("uji", {"tender": frozenset()}))
        await bus.close()
        found = await check(installation)
    assert [sentence for sentence in found if sentence.startswith("bus:") and "uji.tender" in sentence]


async def test_check_names_a_broker_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="broker at the address of --bus"):
        async with installed(options(tmp_path / "var", bus="amqp://a:b@127.0.0.1:1"), print):
            pass


async def test_what_failed_first_is_what_is_said(tmp_path: Path) -> None:
    """Clearing up a lent server that does not answer fails as well, and that is not the news."""
    lent = replace(options(tmp_path / "var", bus="amqp://a:b@127.0.0.1:1"), lent=True)
    said: list[str] = []
    with pytest.raises(Mistake, match="broker at the address of --bus"):
        async with installed(lent, said.append):
            pass
    assert [sentence for sentence in said if "stays on a lent server" in sentence]


async def test_another_installation_on_the_same_server_is_left_alone(tmp_path: Path, postgres: Postgres) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with installed(options(first, database=postgres.dsn), print) as system:
        with pytest.raises(Mistake, match="another installation uses it"):
            async with installed(options(second, database=postgres.dsn), print):
                pass
        assert await check(system.installation) == []
    async with installed(replace(options(first, database=postgres.dsn), lent=True), print):
        pass


async def test_a_store_of_another_owner_is_used_and_left_clean(tmp_path: Path, seaweedfs: SeaweedFS) -> None:
    admin = seaweedfs.admin
    address = f"http://{admin.access_key}:{admin.secret_key}@{seaweedfs.endpoint.removeprefix('http://')}"
    async with running(options(tmp_path / "var", objects=address)) as system:
        told = system.installation.backends.objects
        assert told.startswith("seaweedfs"), "the store's own words"
        assert told.endswith(seaweedfs.version)
        async with Portal(system.installation.gateway) as portal:
            await register(portal, WHO, 43, tmp_path, date(2026, 11, 23))
        assert await check(system.installation) == []


async def test_the_clock_moves_everywhere_together_and_forward_only(system: System) -> None:
    installation: Installation = system.installation
    stopped = await clocks.move(installation, "stop")
    assert len({line.split(": ")[1] for line in await clocks.show(installation)}) == 1
    assert await clocks.now(installation) == stopped
    later = stopped + timedelta(days=3)
    assert await clocks.move(installation, "set", later) == later
    assert await clocks.now(installation) == later
    with pytest.raises(ValueError, match="only moves forward"):
        await clocks.move(installation, "set", later - timedelta(seconds=1))
    await clocks.move(installation, "run")
    assert len({await offset(dsn) for dsn in installation.databases.values()}) == 1, "no database runs ahead of another"
    assert later <= await clocks.now(installation) < later + timedelta(minutes=5)
    with pytest.raises(Mistake, match="training profile"):
        await clocks.move(installation.model_copy(update={"profile": "production"}), "stop")


async def test_an_instant_is_answered_as_it_was_typed(system: System, capfd: pytest.CaptureFixture[str]) -> None:
    at = (await clocks.now(system.installation)).astimezone(WIB) + timedelta(days=1)
    asked = ["clock", "set", at.isoformat(timespec="milliseconds"), "--var", str(system.installation.var)]
    assert await asyncio.to_thread(command, *asked) == 0
    assert capfd.readouterr().out.strip() == at.isoformat(timespec="milliseconds")
    assert await asyncio.to_thread(command, "clock", "next", "--var", str(system.installation.var)) == 1
    assert "no stage of a running tender begins or ends" in capfd.readouterr().err


def command(*typed: str) -> int:
    """In a process of its own: a command runs a loop, and so does this test."""
    return subprocess.call([sys.executable, "-P", "-m", "cli", *typed], cwd=ROOT)


async def test_a_code_is_what_an_authenticator_would_show_in_training_alone(system: System) -> None:
    installation = system.installation
    trainee = system.trainees[-1]
    digits = code(installation, trainee.user_id)
    assert digits in {pyotp.TOTP(trainee.totp_secret).at(time.time() - ago) for ago in (0, 30)}
    with pytest.raises(Mistake, match="no account nobody"):
        code(installation, "nobody")
    with pytest.raises(Mistake, match="training profile"):
        code(installation.model_copy(update={"profile": "production"}), trainee.user_id)


async def test_a_read_model_is_rebuilt_by_replay(system: System) -> None:
    installation = system.installation
    await settled(installation)
    connection = await asyncpg.connect(installation.databases["tender"])
    before = await connection.fetch("select * from skpd_view order by code")
    assert before
    await connection.execute("delete from skpd_view where code like '1.%'")
    assert await events.replayed(installation, "registry", "tender", "registry.skpd.*") == len(before)
    assert await connection.fetch("select * from skpd_view order by code") == before
    await connection.close()


async def test_api_is_described_in_one_place(system: System) -> None:
    async with httpx2.AsyncClient(base_url=system.installation.gateway, trust_env=False) as http:
        described = (await http.get("/api/openapi.json")).json()
    services = {path.split("/")[2] for path in described["paths"] if path.startswith("/api/")}
    assert services == set(system.installation.databases)
    assert not [path for path in described["paths"] if "internal" in path or "health" in path]
    assert described["x-unavailable"] == []


async def test_what_is_not_there_is_said_in_words(portal: Portal) -> None:
    with pytest.raises(Refused) as refused:
        await portal.visitor().get("/api/tender/public/tenders/00000000000")
    assert refused.value.status == 404
    assert refused.value.problem["remedy"]


async def test_top_tells_what_waits(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    await top(system.installation, every=0.2, once=True)
    printed = capsys.readouterr().out
    assert "away" not in printed
    for word in (*SERVICES, "weed", "postgres", "GiB free"):
        assert word in " ".join(printed.split()), "long lines are broken"
    rows = [line.split() for line in printed.splitlines()]
    relays = {row[0]: row[4] for row in rows if row and row[0] in SERVICES}
    assert relays == dict.fromkeys(SERVICES, "1")
