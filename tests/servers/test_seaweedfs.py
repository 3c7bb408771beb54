import asyncio
import io
import time
from pathlib import Path

import httpx2
import pytest
from minio import Minio
from minio.error import S3Error

from cli.servers import Identity, SeaweedFS, ServerError
from tests.servers.processes import Parent, gone

TENDER = Identity("tender", "tender-key", "t" * 32, ("Read:bids", "Write:bids", "List:bids"))


def client(server: SeaweedFS, who: Identity | None = None) -> Minio:
    who = who or server.admin
    return Minio(server.endpoint.removeprefix("http://"), who.access_key, who.secret_key, secure=False)


def put(store: Minio, bucket: str, name: str, data: bytes) -> None:
    store.put_object(bucket, name, io.BytesIO(data), len(data))


def get(store: Minio, bucket: str, name: str) -> bytes:
    answer = store.get_object(bucket, name)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


async def test_identities_reach_their_own_buckets_only(tmp_path: Path) -> None:
    async with SeaweedFS(tmp_path / "s3", identities=[TENDER]) as server:
        for bucket in ("bids", "papers"):
            client(server).make_bucket(bucket, object_lock=True)
        put(client(server, TENDER), "bids", "a", b"offer")
        assert get(client(server, TENDER), "bids", "a") == b"offer"
        with pytest.raises(S3Error, match="Access Denied"):
            put(client(server, TENDER), "papers", "a", b"offer")
    assert (tmp_path / "s3/admin.password").stat().st_mode & 0o777 == 0o600


async def test_changed_identities_take_effect_at_the_next_start(tmp_path: Path) -> None:
    server = SeaweedFS(tmp_path / "s3", identities=[TENDER])
    async with server:
        client(server).make_bucket("bids")
        put(client(server, TENDER), "bids", "a", b"offer")
    auditor = Identity("audit", "audit-key", "a" * 32, ("Read:bids",))
    server.identities = (auditor,)
    async with server:
        assert get(client(server, auditor), "bids", "a") == b"offer"
        with pytest.raises(S3Error, match="InvalidAccessKeyId"):
            get(client(server, TENDER), "bids", "a")


async def test_a_killed_store_comes_back_with_what_it_accepted(tmp_path: Path) -> None:
    server = SeaweedFS(tmp_path / "s3")
    async with server:
        client(server).make_bucket("bids")
        await server.fsync("bids")
        put(client(server), "bids", "a", b"offer" * 100_000)
        assert server.process
        server.process.kill()
        await server.stop()
        await server.start()
        assert get(client(server), "bids", "a") == b"offer" * 100_000


async def test_it_leaves_nothing_outside_its_directory(tmp_path: Path) -> None:
    began = time.time()  # a store of earlier, which was killed, may have left some of the same numbers
    async with SeaweedFS(tmp_path / "store") as store:
        inner = store._inner
    ports = (inner.admin_grpc, inner.master_grpc, inner.volume_grpc, inner.filer_grpc, inner.s3_grpc)
    left = [file for port in ports for file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]
    assert [file for file in left if file.stat().st_mtime >= began] == []


async def test_fsync_is_set_for_each_bucket_and_kept(tmp_path: Path) -> None:
    server = SeaweedFS(tmp_path / "s3")
    async with server:
        for bucket in ("bids", "papers"):
            client(server).make_bucket(bucket)
        await server.fsync("bids", "papers")
    async with server:
        rules = await server.shell("fs.configure\n")
    assert rules.count('"fsync":  true') == 2


async def test_inner_ports_give_nothing_to_strangers(tmp_path: Path) -> None:
    async with SeaweedFS(tmp_path / "s3") as server:
        client(server).make_bucket("bids")
        put(client(server), "bids", "a", b"offer")
        for port in listening(server):
            assert b"offer" not in await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/buckets/bids/a")


def fetch(address: str) -> bytes:
    try:
        return httpx2.get(address, timeout=5, trust_env=False).content
    except httpx2.HTTPError as refused:
        return str(refused).encode()


def listening(server: SeaweedFS) -> list[int]:
    """Return the ports of the process, all of which must be on the loopback."""
    sockets = {link.readlink().name for link in Path(f"/proc/{server.pid}/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    assert local
    assert all(address.startswith("0100007F:") for address in local)
    assert not [
        line for line in Path("/proc/net/tcp6").read_text().splitlines()[1:] if f"socket:[{line.split()[9]}]" in sockets
    ]
    return [int(address.split(":")[1], 16) for address in local]


async def test_a_live_directory_is_refused(tmp_path: Path) -> None:
    async with SeaweedFS(tmp_path / "s3"):
        with pytest.raises(ServerError, match=r"already run by process \d+"):
            await SeaweedFS(tmp_path / "s3").start()


STARTS = """
import asyncio
import time
from pathlib import Path
from cli.servers import SeaweedFS

async def main():
    async with SeaweedFS(Path({directory!r})) as server:
        print(server.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_ends_with_a_killed_parent(tmp_path: Path, killed_parent: Parent) -> None:
    (pid,) = killed_parent(STARTS.format(directory=str(tmp_path / "s3")))
    assert gone(pid)


async def test_a_small_disk_has_room_for_every_bucket(tmp_path: Path) -> None:
    """Its files are small, whatever an earlier start left about them."""
    (tmp_path / "s3/data").mkdir(parents=True)
    (tmp_path / "s3/data/mini.options").write_text("master.volumeSizeLimitMB=1024\n")
    async with SeaweedFS(tmp_path / "s3") as server:
        assert "volumeSizeLimit:128 MB" in await server.shell("volume.list\n")
