"""A program of somebody else's, in another language and written from C2SP's texts alone, follows our log and believes no lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from cli.bundle import NODE
from integrity import receipts
from integrity.entries import FEWEST_BLIND_PER_BATCH
from kit.service import Service
from services.audit.log.publisher import TILE_TYPE
from tests.conftest import MakeDatabase
from tests.integrity.an_lpse import AnLpse
from tests.services.audit.history import SIZE
from tests.services.audit.outside import serving
from tests.services.audit.source import Source, deliver, publish
from tests.services.audit.test_log_api import token
from tests.services.audit.test_witnesses import ask, asking, two

FOLLOW = Path(__file__).parents[3] / "docs" / "follow-log.mjs"
Follow = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def follow(
    publishing: Service, make_database: MakeDatabase, tmp_path: Path, source: Source
) -> AsyncIterator[Follow]:
    """A log that two witnesses see, and the program; it answers with its exit code and what it said."""
    async with AsyncExitStack() as stack:
        seers = await stack.enter_async_context(two(publishing, make_database, tmp_path))
        url = await stack.enter_async_context(serving(publishing.app))

        async def grow(number: int) -> None:
            await deliver(publishing, *(source.public() for _ in range(number)))
            await publish(publishing)
            for name, one in seers.items():
                await ask(asking(publishing, one, name))

        async def run(*more: object, grown: int | None = None) -> tuple[int, str]:
            if grown is not None:
                await grow(grown)
            order = [str(NODE / "bin" / "node"), str(FOLLOW), f"{url}/log/1/", str(tmp_path / "state"), *map(str, more)]
            done = await asyncio.create_subprocess_exec(*order, stdout=-1, stderr=-1)
            out, error = await asyncio.wait_for(done.communicate(), 60)
            return done.returncode or 0, (out + error).decode()

        yield run


async def test_it_follows_the_log_as_it_grows(filled: Service, follow: Follow) -> None:
    for grown, size in ((0, SIZE), (3, SIZE + 7), (None, SIZE + 7), (10, SIZE + 21)):
        code, said = await follow(grown=grown)
        assert code == 0, said
        assert f"uji/log/1: {size} entries" in said
        assert said.count("seen by") == 2


def altered(proof: str) -> Iterator[str]:
    """With another letter in the middle of each line but the first."""
    lines = proof.split("\n")
    for number, line in enumerate(lines):
        letters = [place for place, letter in enumerate(line) if letter.isalnum()]
        if number and letters:
            place = letters[len(letters) // 2]
            other = "7" if line[place] != "7" else "8"
            yield "\n".join([*lines[:number], line[:place] + other + line[place + 1 :], *lines[number + 1 :]])


async def test_it_checks_a_receipt(
    follow: Follow, publishing: Service, client: httpx2.AsyncClient, source: Source, key_home: Path, tmp_path: Path
) -> None:
    """Of a bid that this log has, by the root of trust that the portal shows, or by one that somebody kept."""
    actor = uuid4()
    bids = [source.blind(actor) for _ in range(FEWEST_BLIND_PER_BATCH)]
    await deliver(publishing, *bids)
    await follow(grown=5)
    told = token(key_home, actor, "penyedia")
    entries = [(await client.get(f"/log/1/entries/{bid.id}", headers=told)).json() for bid in bids]
    entry = max(entries, key=itemgetter("index"))
    proof = (await client.get("/log/1/proof/entry", params={"index": entry["index"]})).text
    lpse, policy = AnLpse(), (await client.get("/log/1/policy")).text
    kept, file = tmp_path / "trust-root", tmp_path / "receipt"
    kept.write_bytes(lpse.root_file(replace(lpse.root, policy=policy)))
    publishing.settings.__dict__["trust_root"] = kept
    trusted = tmp_path / "trusted"
    trusted.write_text(policy)

    def receipt(owner: str = "tender", record_sha256: str = "ab" * 32, **more: Any) -> bytes:
        signed = lpse.receipt(owner=owner, record_sha256=record_sha256)
        return receipts.build(signed, **{"entry": entry, "proof": proof, **more})

    size = int((await client.get("/log/1/checkpoint")).text.split("\n")[1])
    assert entry["index"] == size - 1, "an index past the end is told from the last only by the size"
    good = receipt()
    file.write_bytes(good)
    for policy_or_root in (trusted, kept):
        code, said = await follow(policy_or_root, file)
        assert (code, f"PN-2345678923 holds, and its entry stands at {entry['index']} of" in said) == (0, True), said
    wrong = {
        receipt(owner="registry"): "about something else",
        receipt(record_sha256="cd" * 32): "about something else",
        receipt(record="{}"): "the record is another",
        receipt(entry=entry | {"r": "00" * 32}): "hides something else",
        receipt(proof=proof.replace(f"index {entry['index']}", f"index {entry['index'] + 1}")): "REFUSED",
        receipts.build(lpse.receipt()): "provisional",
        good.replace(b'"keyid":"kt"', b'"keyid":"kr"'): "the receipt was changed",
        good.replace(b'"keyid":"kt"', b'"keyid":"k7"'): "nobody signed the receipt who may",
    }
    for data, why in wrong.items():
        file.write_bytes(data)
        code, said = await follow(kept, file)
        assert (code, why in said) == (1, True), (why, said)
    for data in (receipt(proof=other) for other in altered(proof)):
        file.write_bytes(data)
        code, said = await follow(kept, file)
        assert code == 1, said
    file.write_bytes(good)
    text = kept.read_bytes()
    kept.write_bytes(text[: text.rindex(b"\xe2\x80\x94")])
    code, said = await follow(kept, file)
    assert (code, "too few offices signed the root of trust" in said) == (1, True), said


async def test_it_believes_no_altered_file(follow: Follow, publishing: Service) -> None:
    assert (await follow(grown=20))[0] == 0
    content = await publishing.store().read("tile/entries/000.p/24")
    await publishing.store().put("tile/entries/000.p/24", content.replace(b'"v":1', b'"v":2', 1), TILE_TYPE)
    code, said = await follow()
    assert (code, "do not lead to the signed root" in said) == (1, True)


async def test_it_notices_a_log_that_shrank_or_changed(follow: Follow, tmp_path: Path) -> None:
    assert (await follow(grown=20))[0] == 0
    state = tmp_path / "state"
    honest = state.read_text()
    state.write_text(honest.replace('"size":24', '"size":25'))
    assert "had 25 entries and has 24" in (await follow())[1]
    root = honest.partition('"root":"')[2][:64]
    state.write_text(honest.replace(root, "00" * 32))
    assert "was changed" in (await follow())[1]
    state.write_text(honest)
    assert (await follow())[0] == 0
