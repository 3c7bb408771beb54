"""A program of somebody else's, in another language and written from C2SP's texts alone, follows our log and believes no lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from cli.bundle import NODE
from kit.service import Service
from services.audit.log.publisher import TILE_TYPE
from tests.conftest import MakeDatabase
from tests.services.audit.outside import serving
from tests.services.audit.source import Source, deliver, entries, publish
from tests.services.audit.test_witnesses import ask, asking, real

FOLLOW = Path(__file__).parents[3] / "docs" / "follow-log.mjs"
Follow = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def follow(
    publishing: Service, make_database: MakeDatabase, tmp_path: Path, source: Source
) -> AsyncIterator[Follow]:
    """A log that two witnesses see, at 300 entries, and the program; it answers with its exit code and what it said."""
    async with AsyncExitStack() as stack:
        seers = {
            name: await stack.enter_async_context(real(publishing, make_database, tmp_path, name))
            for name in ("a", "b")
        }
        file = tmp_path / "policy"
        lines = [f"witness {name} {one.key} {one.url}\n" for name, one in seers.items()]
        file.write_text("".join(lines) + "group both all a b\nquorum both\n")
        publishing.settings.__dict__["log_policy"] = file
        url = await stack.enter_async_context(serving(publishing.app))

        async def grow(number: int) -> None:
            await deliver(publishing, *(source.public() for _ in range(number)))
            await publish(publishing)
            for name, one in seers.items():
                await ask(asking(publishing, one, name))

        async def run(*more: object, grown: int = 0) -> tuple[int, str]:
            if grown:
                await grow(grown)
            order = [str(NODE / "bin" / "node"), str(FOLLOW), f"{url}/log/1/", str(tmp_path / "state"), *map(str, more)]
            done = await asyncio.create_subprocess_exec(*order, stdout=-1, stderr=-1)
            out, error = await asyncio.wait_for(done.communicate(), 60)
            return done.returncode or 0, (out + error).decode()

        yield run


async def test_it_follows_the_log_as_it_grows(follow: Follow) -> None:
    for grown, size in ((299, 303), (3, 310), (0, 310), (500, 814)):
        code, said = await follow(grown=grown)
        assert code == 0, said
        assert f"uji/log/1: {size} entries" in said
        assert said.count("seen by") == 2


async def test_it_checks_a_proof(
    follow: Follow, publishing: Service, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    await follow(grown=9)
    proof, entry = tmp_path / "proof", tmp_path / "entry"
    stored = (await entries(publishing.database))[4]
    entry.write_bytes(stored.entry)
    text = (await client.get("/log/1/proof/entry", params={"index": 4})).text
    proof.write_text(text)
    policy = tmp_path / "trusted"
    policy.write_text((await client.get("/log/1/policy")).text)
    code, said = await follow(policy, proof, entry)
    assert (code, "the entry stands at 4 of 13" in said) == (0, True)
    lines = text.split("\n")
    for number, line in enumerate(lines):
        digits = [place for place, letter in enumerate(line) if letter.isalnum()]
        if number == 0 or not digits:
            continue
        place = digits[len(digits) // 2]
        other = "7" if line[place] != "7" else "8"
        proof.write_text("\n".join([*lines[:number], line[:place] + other + line[place + 1 :], *lines[number + 1 :]]))
        code, said = await follow(policy, proof, entry)
        assert code == 1, (number, said)
    proof.write_text(text)
    entry.write_bytes(stored.entry.replace(b'"v":1', b'"v":2'))
    assert (await follow(policy, proof, entry))[0] == 1


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
