"""The store of the manifests, run for real: its own arguments, and the orders by which its bucket is made."""

import asyncio
import json
import os
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from minio import Minio

from cli.servers.ports import LOOPBACK, free_ports
from kit.storage import ObjectStore, StorageError
from tests.deploy.manifests import Manifests

KEY, SECRET = "documents", "secret-of-a-test"
PART = bytes(range(256)) * 4096 * 5
ACTIONS = ("Read", "Write", "List", "Tagging")
"""As deploy/k8s/README.md gives them to the identity of documents."""


@dataclass(frozen=True)
class Store:
    endpoint: str
    master: str


@pytest.fixture
async def store(rendered: dict[str, Manifests], tmp_path: Path) -> AsyncIterator[Store]:
    """On ports of this machine's loopback, else as the StatefulSet says."""
    identities = tmp_path / "s3.json"
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    actions = [f"{action}:lpse-documents" for action in ACTIONS]
    identities.write_text(
        json.dumps({"identities": [{"name": "documents", "credentials": credentials, "actions": actions}]})
    )
    names = (
        "s3",
        "s3.port.grpc",
        "master",
        "master.port.grpc",
        "volume",
        "volume.port.grpc",
        "filer",
        "filer.port.grpc",
    )
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    (tmp_path / "data").mkdir()
    here = {"-dir": tmp_path / "data", "-ip": LOOPBACK, "-ip.bind": LOOPBACK, "-s3.config": identities}
    here |= {f"-{name if '.' in name else f'{name}.port'}": port for name, port in ports.items()}
    here |= {"-s3.port.iceberg": 0, "-s3.port.lance": 0}
    said = [arg for arg in rendered["city"].workloads["objects"].main["args"] if arg.partition("=")[0] not in here]
    command = [weed(), *said, *(f"{name}={value}" for name, value in here.items())]
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*map(str, command), stdout=log, stderr=log, cwd=tmp_path)
    found = Store(f"http://{LOOPBACK}:{ports['s3']}", f"{LOOPBACK}:{ports['master']}.{ports['master.port.grpc']}")
    try:
        async with asyncio.timeout(60), httpx2.AsyncClient(trust_env=False) as http:
            while not await ready(http, found.endpoint, ports["master"]):
                await asyncio.sleep(0.2)
        yield found
    finally:
        process.kill()
        await process.wait()


def weed() -> Path:
    return Path(sysconfig.get_path("scripts")) / "weed"


async def ready(http: httpx2.AsyncClient, endpoint: str, master: int) -> bool:
    try:
        topology = (await http.get(f"http://{LOOPBACK}:{master}/dir/status")).json()["Topology"]
        return (await http.get(f"{endpoint}/healthz")).status_code == 200 and bool(topology.get("DataCenters"))
    except (httpx2.HTTPError, ValueError, KeyError):
        return False


def make_bucket(manifests: Manifests, store: Store) -> None:
    """What the Job runs, as often as it likes."""
    ordered(manifests, "objects-bucket", {"objects-inner:9333": store.master})


def ordered(manifests: Manifests, name: str, instead: Mapping[str, str]) -> None:
    job = manifests.workloads[name].main
    (orders,) = job["args"]
    for said, here in instead.items():
        assert said in orders
        orders = orders.replace(said, here)
    environment = os.environ | {"PATH": f"{weed().parent}:{os.environ['PATH']}"}
    subprocess.run([*job["command"], orders], env=environment, check=True, timeout=120)


async def one(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def test_documents_stores_and_reads_what_it_stored(rendered: dict[str, Manifests], store: Store) -> None:
    mine = ObjectStore(store.endpoint, KEY, SECRET, "lpse-documents")
    try:
        with pytest.raises(StorageError):  # a mistyped prefix makes no bucket
            await mine.put_stream("key", one(b"penawaran"), size=9)
        for _ in range(2):
            await asyncio.to_thread(make_bucket, rendered["city"], store)
        stored = await mine.put_stream("key", one(b"penawaran"), size=9)
        await mine.put_stream("key", one(b"tertimpa"), size=8)
        read = b"".join([chunk async for chunk in await mine.open("key", stored.version_id)])
        assert read == b"penawaran"
    finally:
        await mine.close()


async def test_what_was_never_finished_is_forgotten(rendered: dict[str, Manifests], store: Store) -> None:
    """Not before its time; what was finished stays, and the same key may be begun again."""
    await asyncio.to_thread(make_bucket, rendered["city"], store)
    mine = ObjectStore(store.endpoint, KEY, SECRET, "lpse-documents")
    sdk = Minio(store.endpoint.removeprefix("http://"), KEY, SECRET, secure=False)
    try:
        stored = await mine.put_stream("key", one(PART * 2), size=2 * len(PART))
        upload = sdk._create_multipart_upload("lpse-documents", "key", {})
        sdk._upload_part("lpse-documents", "key", PART, {}, upload, 1)
        for patience, left in (("48h", 1), ("1s", 0)):
            await asyncio.sleep(2)
            here = {"objects-inner:9333": store.master, "-timeAgo=48h": f"-timeAgo={patience}"}
            await asyncio.to_thread(ordered, rendered["city"], "objects-unfinished", here)
            assert len(sdk._list_multipart_uploads("lpse-documents").uploads) == left
        read = b"".join([chunk async for chunk in await mine.open("key", stored.version_id)])
        assert read == PART * 2
    finally:
        await mine.close()
