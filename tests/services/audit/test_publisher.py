"""What everybody can read: files of C2SP that a stranger's code follows, never more than is signed, never less than was."""

import asyncio
import multiprocessing
import random
import shutil
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from integrity.checkpoint import Checkpoint
from integrity.merkle import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from integrity.note import Note
from integrity.policy import Policy
from integrity.proof import Proof
from integrity.tiles import Tile, reader, tiles_of
from kit import keys
from kit.service import Service
from services.audit.app import build
from services.audit.log import check
from services.audit.log.publisher import CHECKPOINT, NOTE_TYPE, published
from tests.conftest import MakeSettings
from tests.services.audit.history import SIZE
from tests.services.audit.killed import work
from tests.services.audit.source import (
    Source,
    assert_whole,
    checkpoints,
    deliver,
    emptied,
    entries,
    pending,
    publish,
    publisher_of,
    sequence,
    signer_of,
)


async def head_of(client: httpx2.AsyncClient) -> Checkpoint:
    """Believed because the log's own policy says so."""
    policy = Policy.parse((await client.get("/log/1/policy")).content)
    return policy.check(Note.parse((await client.get("/log/1/checkpoint")).content)).checkpoint


async def files(client: httpx2.AsyncClient, size: int) -> dict[Tile, bytes]:
    found = {}
    for tile in tiles_of(size):
        answer = await client.get(f"/log/1/{tile}")
        assert answer.status_code == 200, tile
        assert "immutable" in answer.headers["cache-control"]
        found[tile] = answer.content
    return found


@pytest.mark.parametrize("growths", [(2, 20), pytest.param((200, 5, 300), marks=pytest.mark.long)])
async def test_a_stranger_follows_the_log_by_its_files(
    filled: Service, client: httpx2.AsyncClient, source: Source, growths: tuple[int, ...]
) -> None:
    """Over several rows of the tree, as it grows: every entry is read and proved, every growth is a growth."""
    before = None
    for number in (0, *growths):
        if number:
            await deliver(filled, *(source.public() for _ in range(number - 1)), source.blind())
            await publish(filled)
        head = await head_of(client)
        found = await files(client, head.size)
        read = [entry for tile, data in found.items() if tile.level is None for entry in tile.entries(data)]
        assert [entry.entry for entry in await entries(filled.database)] == read
        assert root(map(leaf_hash, read)) == head.root
        node = reader(head.size, found.__getitem__)
        for index in random.sample(range(head.size), 5):
            path = inclusion_path(index, head.size, node)
            verify_inclusion(leaf_hash(read[index]), index, head.size, path, head.root)
        if before is not None:
            path = consistency_path(before.size, head.size, node)
            verify_consistency(before.size, before.root, head.size, head.root, path)
        before = head


async def test_what_is_signed_and_not_published_is_not_shown(
    publishing: Service, client: httpx2.AsyncClient, source: Source
) -> None:
    await deliver(publishing, source.public())
    first = await publish(publishing)
    await deliver(publishing, source.public())
    await sequence(publishing)
    assert (await head_of(client)).size == first
    assert (await client.get("/log/1/head")).json()["size"] > first


async def test_each_size_is_signed_once(publishing: Service, source: Source) -> None:
    for _ in range(3):
        await deliver(publishing, source.blind())
        await sequence(publishing)
    heads = await checkpoints(publishing.database)
    for head in heads:
        note = Note.parse(str(head.note).encode())
        assert note.text == str(Checkpoint("uji/log/1", head.size, head.root))
        assert list(note.signed_by(signer_of(publishing).known())) == signer_of(publishing).known()
    assert len({head.size for head in heads}) == 3


async def test_a_part_of_a_tile_goes_when_the_whole_is_there(filled: Service, source: Source) -> None:
    store = filled.store()
    parts = {stat.key for stat in await store.versions("tile/")}
    assert {"tile/0/001.p/47", "tile/0/001.p/250", "tile/entries/001.p/47"} <= parts
    await deliver(filled, *(source.public() for _ in range(10)))
    size = await publish(filled)
    assert size is not None
    left = {stat.key for stat in await store.versions()}
    assert left == {CHECKPOINT, "tile/1/000.p/1", *map(str, tiles_of(size))}, "two are no whole row"


async def test_a_new_store_gets_everything_again(filled: Service) -> None:
    store = filled.store()
    kept = {path: await store.read(path) for path in (CHECKPOINT, *map(str, tiles_of(SIZE)))}
    await emptied(store)
    assert await publisher_of(filled).publish() == SIZE
    assert {stat.key: await store.read(stat.key) for stat in await store.versions()} == kept


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/0/001.p/3", "tile/7/000.p/1", "tile/entries/x001/000", "tile/0/0"]
)
async def test_a_file_that_is_not_there(
    publishing: Service, client: httpx2.AsyncClient, source: Source, path: str
) -> None:
    await deliver(publishing, source.public())
    await publish(publishing)
    answer = await client.get(f"/log/1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_tile")


async def test_a_proof_that_stands_alone(publishing: Service, client: httpx2.AsyncClient, source: Source) -> None:
    await deliver(publishing, *(source.public() for _ in range(6)))
    size = await publish(publishing)
    policy = Policy.parse((await client.get("/log/1/policy")).content)
    for index, entry in enumerate(await entries(publishing.database)):
        proof = Proof.parse((await client.get("/log/1/proof/entry", params={"index": index})).content)
        assert proof.verify(entry.leaf_hash, policy).checkpoint.size == size
    assert (await client.get("/log/1/proof/entry", params={"index": size})).status_code == 422


async def test_killed_at_any_moment_it_publishes_what_was_signed(
    filled: Service, client: httpx2.AsyncClient, source: Source
) -> None:
    """Whoever reads meanwhile never finds a checkpoint whose files are missing, also while a tile becomes whole."""
    interrupted = 0
    for _ in range(15):
        await deliver(filled, *(source.public() for _ in range(random.randint(1, 4))))
        await sequence(filled)
        task = asyncio.create_task(publisher_of(filled).publish())
        await asyncio.wait({task}, timeout=random.uniform(0, random.choice((0.01, 0.1))))
        interrupted += task.cancel()
        await asyncio.wait({task})
        found = await published(filled.store())
        if found:
            read = [
                entry
                for tile in tiles_of(found[0].size)
                if tile.level is None
                for entry in tile.entries(await filled.store().read(str(tile)))
            ]
            assert root(map(leaf_hash, read)) == found[0].root
    assert interrupted > 3
    await publish(filled)
    await files(client, (await head_of(client)).size)


async def test_both_keys_sign_while_one_takes_over(
    make_settings: MakeSettings, objects: dict[str, Any], key_home: Path, tmp_path: Path, source: Source
) -> None:
    """A follower who knows only the first goes on, and so does one who was told of the second; events keep their commitments."""
    home = tmp_path / "keys"
    shutil.copytree(key_home, home)
    service = build(await make_settings("audit", keys=home / "audit", jwks=home / "jwks.json", **objects))
    signer = signer_of(service)
    [first], secret = signer.known(), signer.secret()
    keys.generate(home / "audit", home / "jwks.json", "audit", "log", 30)
    await deliver(service, source.public())
    await sequence(service)
    note = Note.parse(str((await checkpoints(service.database))[-1].note).encode())
    assert len(signer.known()) == 2
    assert [note.signed_by([key]) for key in signer.known()] == [{key: 0} for key in signer.known()]
    assert note.signed_by([first]) == {first: 0}
    assert signer.secret() == secret
    await service.store().close()
    await service.database.close()


async def test_the_origin_names_the_instance(service: Service) -> None:
    assert signer_of(service).origin == "uji/log/1"


async def test_200_random_kills(
    publishing: Service, source: Source, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """kill -9 at any moment: no gap, no double, no second note for a size, in the database or in public."""
    kills = 200 if request.config.getoption("--long") else 5
    spawning = multiprocessing.get_context("forkserver")
    spawning.set_forkserver_preload(["tests.services.audit.killed"])
    settings = publishing.settings.model_dump(mode="python")
    notes: dict[int, str] = {}
    sent = 0

    async def look() -> None:
        found = await published(publishing.store())
        seen = {found[0].size: str(found[1])} if found else {}
        for size, note in [
            *seen.items(),
            *((one.size, str(one.note)) for one in await checkpoints(publishing.database)),
        ]:
            assert notes.setdefault(size, note) == note

    for number in range(kills):
        begun = tmp_path / str(number)
        child = spawning.Process(target=work, args=(settings, begun))
        child.start()
        while not begun.exists() and child.is_alive():
            await asyncio.sleep(0.005)
        before = len(await checkpoints(publishing.database))
        until = time.monotonic() + random.uniform(0, 0.5)
        # each second one lives until it has appended something
        while time.monotonic() < until or (number % 2 and len(await checkpoints(publishing.database)) == before):
            made = [source.blind() if random.random() < 0.5 else source.public() for _ in range(random.randint(1, 4))]
            await deliver(publishing, *made)
            sent += len(made)
        child.kill()
        child.join()
        await look()
    await publish(publishing)
    await look()
    await assert_whole(publishing.database)
    assert await check.everything(publishing.database) >= sent
    assert await pending(publishing.database) == []
    assert len(notes) >= kills // 2


async def test_nothing_is_written_over_another_log(publishing: Service, source: Source) -> None:
    """Neither where somebody put another checkpoint there, signed or not, nor where more was published than is here."""
    await deliver(publishing, source.public())
    size = await publish(publishing)
    assert size is not None
    store, signer = publishing.store(), signer_of(publishing)
    honest = {stat.key: await store.read(stat.key) for stat in await store.versions()}
    note = Note.parse(honest[CHECKPOINT])
    for planted in (
        str(signer.sign(Checkpoint(signer.origin, size, bytes(32)))),
        str(signer.sign(Checkpoint(signer.origin, size + 1000, bytes(32)))),
        str(Note(str(Checkpoint(signer.origin, 0, EMPTY_ROOT)), note.signatures)),
        "nothing",
    ):
        await store.put(CHECKPOINT, planted.encode(), NOTE_TYPE)
        await deliver(publishing, source.public())
        await sequence(publishing)
        publisher = publisher_of(publishing)
        assert await publisher.publish() is None
        assert publisher.doubt.is_set()
        assert {stat.key for stat in await store.versions()} == set(honest)
    await store.put(CHECKPOINT, honest[CHECKPOINT], NOTE_TYPE)
    assert await publish(publishing) is not None
