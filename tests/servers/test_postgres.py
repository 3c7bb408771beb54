import os
import socket
from pathlib import Path

import asyncpg
import pytest

from cli.servers import Postgres, ServerError
from tests.servers.processes import Parent, alive, gone


async def value(server: Postgres, query: str) -> object:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def execute(server: Postgres, *statements: str) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_it_runs_as_promised(tmp_path: Path) -> None:
    said: list[str] = []
    async with Postgres(tmp_path / "pg", say=said.append) as server:
        assert str(await value(server, "show server_version")) == server.version
        assert await value(server, "show fsync") == "on"
        assert await value(server, "show listen_addresses") == "127.0.0.1"
        assert await value(server, "select 'B' < 'a' and datcollate = 'C.UTF-8' from pg_database limit 1")
        assert await value(server, "select rolpassword like 'SCRAM-SHA-256%' from pg_authid where rolcanlogin")
    assert server.directory.joinpath("password").stat().st_mode & 0o777 == 0o600
    assert any("making a new database" in sentence for sentence in said)


async def test_a_password_is_needed_on_the_loopback(tmp_path: Path) -> None:
    async with Postgres(tmp_path / "pg") as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.dsn.replace(server.dsn.split(":")[2].split("@")[0], "guess"))


async def test_a_second_start_finds_everything(tmp_path: Path) -> None:
    async with Postgres(tmp_path / "pg") as server:
        await execute(server, "create table kept (it int)", "insert into kept values (7)")
    async with Postgres(tmp_path / "pg") as again:
        assert await value(again, "select it from kept") == 7


async def test_a_killed_server_comes_back_with_what_it_committed(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "pg")
    async with server:
        await execute(server, "create table kept (it int)", "insert into kept values (7)")
        busy = await asyncpg.connect(server.dsn)
        assert server.process
        server.process.kill()
        assert await server.wait() == -9
        await server.stop()
        busy.terminate()
        await server.start()
        assert await value(server, "select it from kept") == 7


async def test_a_live_directory_is_refused(tmp_path: Path) -> None:
    async with Postgres(tmp_path / "pg") as server:
        with pytest.raises(ServerError, match=rf"already run by process {os.getpid()}.*--var"):
            await Postgres(tmp_path / "pg").start()
        assert await value(server, "select 1") == 1


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=rf"Port {port} .*PostgreSQL.* taken"):
            await Postgres(tmp_path / "pg", port).start()


async def test_another_major_version_is_refused(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "pg")
    async with server:
        pass
    (tmp_path / "pg/data/PG_VERSION").write_text("12\n")
    with pytest.raises(ServerError, match=r"made by PostgreSQL 12; this is \d+.*pg_upgrade"):
        await server.start()


async def test_the_log_is_shown_when_it_does_not_start(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "pg")
    async with server:
        pass
    (tmp_path / "pg/data/pg_hba.conf").write_text("nonsense\n")
    with pytest.raises(ServerError, match=r"ended while starting[\s\S]*pg_hba.conf"):
        await server.start()


async def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "pg/data.new").mkdir(parents=True)
    (tmp_path / "pg/data.new/PG_VERSION").write_text("half\n")
    async with Postgres(tmp_path / "pg") as server:
        assert await value(server, "select 1") == 1


async def test_a_process_number_used_again_is_not_taken_for_a_server(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "pg")
    async with server:
        lock = (tmp_path / "pg/data/postmaster.pid").read_text().split("\n", 1)[1]
    (tmp_path / "pg/data/postmaster.pid").write_text(f"{os.getpid()}\n{lock}")
    async with server:
        assert await value(server, "select 1") == 1


STARTS = """
import asyncio, sys
from pathlib import Path
from cli.servers import Postgres

async def main():
    async with Postgres(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.sleep(60)

sys.argv[1:] = [{directory!r}]
asyncio.run(main())
"""


async def test_it_ends_with_a_killed_parent_and_starts_again(tmp_path: Path, killed_parent: Parent) -> None:
    (pid,) = killed_parent(STARTS.format(directory=str(tmp_path / "pg")))
    async with Postgres(tmp_path / "pg") as server:  # at once: it waits for the one that is ending
        assert not alive(pid)
        assert await value(server, "select 1") == 1
    assert server.pid is None


async def test_no_process_is_left_behind_by_a_killed_parent(tmp_path: Path, killed_parent: Parent) -> None:
    (pid,) = killed_parent(STARTS.format(directory=str(tmp_path / "pg")))
    assert gone(pid)
