"""A real SeaweedFS for this folder's tests, and a way to look into it past our own code."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from minio import Minio

from cli.servers import SeaweedFS
from kit.storage import ObjectStore


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SeaweedFS]:
    async with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture
async def store(server: SeaweedFS) -> AsyncIterator[ObjectStore]:
    """A store on a new bucket."""
    store = store_of(server, f"test-{uuid4().hex[:12]}")
    await store.ensure_bucket()
    yield store
    await store.close()


@pytest.fixture
def sdk(server: SeaweedFS) -> Minio:
    return sdk_of(server)


def store_of(server: SeaweedFS, bucket: str, **options: int) -> ObjectStore:
    return ObjectStore(server.endpoint, server.admin.access_key, server.admin.secret_key, bucket, **options)


def sdk_of(server: SeaweedFS) -> Minio:
    host = server.endpoint.removeprefix("http://")
    return Minio(host, server.admin.access_key, server.admin.secret_key, secure=False, region="us-east-1")


def left_behind(sdk: Minio, bucket: str) -> list[str | None]:
    """Every version of every object, and every upload that was begun and neither completed nor aborted."""
    versions = [found.object_name for found in sdk.list_objects(bucket, recursive=True, include_version=True)]
    unfinished = [upload.object_name for upload in sdk._list_multipart_uploads(bucket).uploads]
    return versions + unfinished
