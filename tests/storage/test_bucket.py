"""The bucket as we need it: versions, a lock where asked, unfinished uploads forgotten; and what the store says of itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.retention import Retention

from cli.servers import SeaweedFS
from kit.storage import ObjectStore, StorageError
from tests.storage.conftest import store_of
from tests.storage.test_round_trip import chunks, whole


async def test_versions_are_kept_and_unfinished_uploads_forgotten(store: ObjectStore, sdk: Minio) -> None:
    assert sdk.get_bucket_versioning(store.bucket).status == "Enabled"
    lifecycle = sdk.get_bucket_lifecycle(store.bucket)
    assert lifecycle
    [rule] = lifecycle.rules
    assert rule.abort_incomplete_multipart_upload
    assert rule.abort_incomplete_multipart_upload.days_after_initiation == 2


async def test_ensuring_again_and_by_several_replicas_changes_nothing(server: SeaweedFS) -> None:
    stores = [store_of(server, f"test-{uuid4().hex[:12]}") for _ in range(1)] * 4
    await asyncio.gather(*(one.ensure_bucket() for one in stores))
    stored = await stores[0].put_stream("file", chunks(b"abc"), size=3)
    await stores[0].ensure_bucket()
    assert await whole(await stores[0].open("file", stored.version_id)) == b"abc"
    await stores[0].close()


async def test_a_locked_version_cannot_be_removed(server: SeaweedFS, sdk: Minio) -> None:
    store = store_of(server, f"test-{uuid4().hex[:12]}")
    await store.ensure_bucket(object_lock=True)
    stored = await store.put_stream("file", chunks(b"abc"), size=3)
    until = Retention(COMPLIANCE, datetime.now(UTC) + timedelta(days=1))
    sdk.set_object_retention(store.bucket, "file", until, version_id=stored.version_id)
    with pytest.raises(StorageError, match="AccessDenied"):
        await store.remove("file", stored.version_id)
    assert await whole(await store.open("file", stored.version_id)) == b"abc"
    await store.close()


async def test_a_bucket_made_without_a_lock_is_not_taken_for_one(store: ObjectStore) -> None:
    with pytest.raises(StorageError):
        await store.ensure_bucket(object_lock=True)


async def test_a_bucket_without_versions_is_refused(server: SeaweedFS, sdk: Minio) -> None:
    bucket = f"test-{uuid4().hex[:12]}"
    sdk.make_bucket(bucket)
    store = store_of(server, bucket)
    with pytest.raises(StorageError, match="keeps no versions"):
        await store.put_stream("file", chunks(b"abc"), size=3)
    await store.close()


async def test_the_store_is_alive_and_names_itself(store: ObjectStore) -> None:
    assert await store.alive()
    assert "SeaweedFS" in await store.version()


async def test_wrong_credentials_are_no_life(server: SeaweedFS, store: ObjectStore) -> None:
    wrong = ObjectStore(server.endpoint, server.admin.access_key, "wrong", store.bucket)
    health = await wrong.alive()
    assert not health
    assert "refused" in health.reason
    with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
        await wrong.put_stream("file", chunks(b"abc"), size=3)
    await wrong.close()
