"""What is stored comes back byte by byte, with the fingerprints everybody else would compute."""

import asyncio
import hashlib
import itertools
import random
from collections.abc import AsyncIterator
from time import sleep

import pytest
from minio import Minio

from kit.storage import ObjectMissing, ObjectStore, StorageError
from kit.storage.upload import _Fingerprint

MIB = 1024 * 1024


async def chunks(data: bytes, length: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(data), length):
        yield data[start : start + length]


async def whole(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize("size", [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 20 * MIB])
async def test_any_size(store: ObjectStore, sdk: Minio, size: int) -> None:
    data = random.randbytes(size)
    stored = await store.put_stream("a/file", chunks(data), size=size, content_type="application/pdf")
    assert stored.size == size
    assert stored.md5 == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert await whole(await store.open("a/file", stored.version_id)) == data
    found = await store.stat("a/file", stored.version_id)
    assert (found.size, found.content_type, found.version_id) == (size, "application/pdf", stored.version_id)
    assert not sdk._list_multipart_uploads(store.bucket).uploads


@pytest.mark.parametrize("length", [1000, 3 * MIB + 1, 9 * MIB, 30 * MIB])
async def test_any_cut_of_the_stream(store: ObjectStore, length: int) -> None:
    data = random.randbytes(17 * MIB)
    stored = await store.put_stream("file", chunks(data, length), size=len(data))
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert await whole(await store.open("file", stored.version_id)) == data


async def test_parts_are_fingerprinted_in_order(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add, calls = _Fingerprint.add, itertools.count()

    def slow_at_first(self: _Fingerprint, part: bytearray) -> bytes:
        sleep(0.3 if next(calls) == 0 else 0)
        return add(self, part)

    monkeypatch.setattr(_Fingerprint, "add", slow_at_first)
    data = random.randbytes(20 * MIB)
    stored = await store.put_stream("file", chunks(data), size=len(data))
    assert stored.sha256 == hashlib.sha256(data).hexdigest()


async def test_empty_chunks_mean_nothing(store: ObjectStore) -> None:
    async def with_gaps() -> AsyncIterator[bytes]:
        for chunk in (b"", b"a", b"", b"b", b""):
            yield chunk

    stored = await store.put_stream("file", with_gaps(), size=2)
    assert await whole(await store.open("file", stored.version_id)) == b"ab"


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, None), (0, 1), (0, 0), (5, 0), (3, 5), (9 * MIB, None), (8 * MIB - 3, 6), (9 * MIB, 99 * MIB)],
)
async def test_a_range(store: ObjectStore, offset: int, length: int | None) -> None:
    data = random.randbytes(9 * MIB + 7)
    stored = await store.put_stream("file", chunks(data), size=len(data))
    expected = data[offset:] if length is None else data[offset : offset + length]
    assert await whole(await store.open("file", stored.version_id, offset, length)) == expected


async def test_a_range_behind_the_end_is_refused(store: ObjectStore) -> None:
    stored = await store.put_stream("file", chunks(b"abc"), size=3)
    with pytest.raises(StorageError, match="InvalidRange"):
        await store.open("file", stored.version_id, offset=3)


async def test_a_download_may_be_left_in_the_middle(store: ObjectStore) -> None:
    data = random.randbytes(9 * MIB)
    stored = await store.put_stream("file", chunks(data), size=len(data))
    for _ in range(40):  # more than there are connections and threads
        stream = await store.open("file", stored.version_id)
        assert data.startswith(await anext(stream))
        await stream.aclose()  # type: ignore[attr-defined]
    assert await whole(await store.open("file", stored.version_id)) == data


@pytest.mark.parametrize("size", [5, 8 * MIB + 5])
async def test_a_key_written_again_keeps_its_old_version(store: ObjectStore, size: int) -> None:
    old, new = random.randbytes(size), random.randbytes(size)
    first = await store.put_stream("file", chunks(old), size=size)
    second = await store.put_stream("file", chunks(new), size=size)
    assert first.version_id != second.version_id
    assert await whole(await store.open("file", first.version_id)) == old
    assert await whole(await store.open("file", second.version_id)) == new
    assert (await store.stat("file")).version_id == second.version_id


async def test_a_removed_version_is_gone_and_the_other_stays(store: ObjectStore) -> None:
    first = await store.put_stream("file", chunks(b"old"), size=3)
    second = await store.put_stream("file", chunks(b"new"), size=3)
    await store.remove("file", first.version_id)
    await store.remove("file", first.version_id)
    with pytest.raises(ObjectMissing, match=first.version_id):
        await store.open("file", first.version_id)
    with pytest.raises(ObjectMissing):
        await store.stat("file", first.version_id)
    assert await whole(await store.open("file", second.version_id)) == b"new"


async def test_many_at_once(store: ObjectStore) -> None:
    files = {f"file-{number}": random.randbytes(number * 900_000) for number in range(12)}
    stored = await asyncio.gather(*(store.put_stream(key, chunks(data), size=len(data)) for key, data in files.items()))
    read = await asyncio.gather(*[whole(await store.open(one.key, one.version_id)) for one in stored])
    assert read == list(files.values())


@pytest.mark.parametrize("key", ["a b/ü+%2F?&#.pdf", "deep/" * 30 + "x"])
async def test_an_odd_key(store: ObjectStore, key: str) -> None:
    stored = await store.put_stream(key, chunks(b"abc"), size=3)
    assert await whole(await store.open(key, stored.version_id)) == b"abc"


async def test_a_negative_size_is_a_programming_error(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="negative"):
        await store.put_stream("file", chunks(b""), size=-1)
