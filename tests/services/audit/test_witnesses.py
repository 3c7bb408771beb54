"""Who sees the log, and what a witness may answer without harming anybody."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from sqlalchemy import delete, select

from cli.witnesses import make_key
from integrity.note import COSIGNATURE, Key, Note, cosign
from integrity.policy import Policy, PolicyError, Witness
from integrity.proof import Growth, Proof
from kit.db import Db
from kit.service import Service
from services.audit.log import witnesses
from services.audit.log.publisher import published
from services.audit.log.witnesses import Asking, Refusal, policy_of
from services.audit.models import Cosignature, Witnessed
from tests.conftest import MakeDatabase
from tests.services.audit.history import SIZE
from tests.services.audit.outside import serving
from tests.services.audit.source import Source, deliver, emptied, entries, publish, signer_of
from witness.app import build
from witness.settings import WitnessSettings


async def cosignatures(service: Service) -> dict[tuple[int, str], float]:
    async with service.database.reading() as db:
        return {
            (one.size, one.witness): one.at.timestamp() for one in (await db.execute(select(Cosignature))).scalars()
        }


@asynccontextmanager
async def real(service: Service, make_database: MakeDatabase, folder: Path, name: str) -> AsyncIterator[Witness]:
    """The program as another institution runs it."""
    folder.mkdir(exist_ok=True)
    (folder / "logs").write_text("".join(f"log {key}\n" for key in signer_of(service).known()))
    key = make_key(folder / f"{name}.pem", f"{name}.example/witness")
    settings = {
        "database": await make_database("witness"),
        "witness_name": key.name,
        "witness_key": folder / f"{name}.pem",
        "witness_logs": folder / "logs",
    }
    async with build(WitnessSettings.model_validate(settings)).running() as running, serving(running.app) as url:
        yield Witness(running.key, url)


@asynccontextmanager
async def two(service: Service, make_database: MakeDatabase, folder: Path) -> AsyncIterator[dict[str, Witness]]:
    """Real ones, `a` and `b`, and a policy that wants both."""
    async with AsyncExitStack() as stack:
        seers = {
            name: await stack.enter_async_context(real(service, make_database, folder, name)) for name in ("a", "b")
        }
        file = folder / "policy"
        lines = [f"witness {name} {one.key} {one.url}\n" for name, one in seers.items()]
        file.write_text("".join(lines) + "group both all a b\nquorum both\n")
        service.settings.__dict__["log_policy"] = file
        yield seers


def asking(service: Service, witness: Witness, name: str = "w") -> Asking:
    policy = policy_of(signer_of(service), service.settings.log_policy)
    return Asking(name, witness, policy, service.database, asyncio.Event(), sweep=0.05)


async def ask(asking: Asking) -> int | None:
    """Without making ready for TLS, which none of these witnesses speaks and which takes as long as to ask."""
    async with httpx2.AsyncClient(timeout=witnesses.TIMEOUT, trust_env=False, verify=False) as http:
        return await asking.ask(http)


@pytest.fixture
async def witness(publishing: Service, make_database: MakeDatabase, tmp_path: Path) -> AsyncIterator[Witness]:
    async with real(publishing, make_database, tmp_path, "inspektorat") as witness:
        yield witness


async def test_each_published_checkpoint_is_seen(filled: Service, witness: Witness, source: Source) -> None:
    sizes = [SIZE]
    assert await ask(asking(filled, witness)) == SIZE
    for number in (1, 5):
        await deliver(filled, *(source.public() for _ in range(number)))
        sizes.append(await publish(filled))
        assert await ask(asking(filled, witness)) == sizes[-1]
        assert await ask(asking(filled, witness)) is None, "it saw that a moment ago"
    found = await cosignatures(filled)
    assert set(found) == {(size, "w") for size in sizes}
    assert all(abs(at - time.time()) < 30 for at in found.values())


async def test_what_is_not_published_is_asked_of_nobody(publishing: Service, witness: Witness, source: Source) -> None:
    from tests.services.audit.source import sequence

    await deliver(publishing, source.public())
    await sequence(publishing)
    assert await ask(asking(publishing, witness)) is None


async def test_one_that_saw_nothing_lately_is_asked_again(
    publishing: Service, witness: Witness, source: Source
) -> None:
    await deliver(publishing, source.public())
    size = await publish(publishing)
    one = replace(asking(publishing, witness), heartbeat=timedelta(seconds=-1))
    assert [await ask(one), await ask(one)] == [size, size]
    assert len(await cosignatures(publishing)) == 1


async def test_who_forgot_how_far_it_was_is_told(publishing: Service, witness: Witness, source: Source) -> None:
    """After a restore of our database the witness names the size, and the proof goes from there."""
    await deliver(publishing, source.public())
    await publish(publishing)
    await ask(asking(publishing, witness))
    async with publishing.database.transaction() as db:
        await db.execute(delete(Cosignature))
        await db.execute(delete(Witnessed))
    await deliver(publishing, source.public())
    size = await publish(publishing)
    assert await ask(asking(publishing, witness)) == size


Answer = Callable[[Request, Growth], Awaitable[Response]]
PRIVATE = Ed25519PrivateKey.generate()
KEY = Key("w.example/witness", PRIVATE.public_key().public_bytes_raw(), COSIGNATURE)


async def signed(_request: Request, growth: Growth, *, ago: int = 0, private: Ed25519PrivateKey = PRIVATE) -> Response:
    return PlainTextResponse(str(cosign(growth.note.text, KEY.name, private, int(time.time()) - ago)))


async def long_ago(request: Request, growth: Growth) -> Response:
    return await signed(request, growth, ago=86400)


async def in_the_future(request: Request, growth: Growth) -> Response:
    return await signed(request, growth, ago=-86400)


async def forged(request: Request, growth: Growth) -> Response:
    """Its name and its key's id over another key's signature."""
    line = cosign(growth.note.text, KEY.name, Ed25519PrivateKey.generate(), int(time.time()))
    return PlainTextResponse(str(replace(line, id=KEY.id)))


async def of_another(request: Request, growth: Growth) -> Response:
    return PlainTextResponse(str(cosign(growth.note.text, "other.example/witness", PRIVATE, int(time.time()))))


async def without_end(_request: Request, _growth: Growth) -> Response:
    async def flow() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 10_000
            await asyncio.sleep(0)

    return StreamingResponse(flow())


async def far_too_late(request: Request, growth: Growth) -> Response:
    await asyncio.sleep(2)
    return await signed(request, growth)


def answers(status: int, text: str = "") -> Answer:
    async def answer(_request: Request, _growth: Growth) -> Response:
        return PlainTextResponse(text, status)

    return answer


HOSTILE: Mapping[str, tuple[Answer, str]] = {
    "403": (answers(403), "answers 403"),
    "404": (answers(404), "answers 404"),
    "400": (answers(400), "answers 400"),
    "500": (answers(500), "answers 500"),
    "422": (answers(422), "another log than it saw"),
    "409 with rubbish": (answers(409, "many"), "names no size"),
    "409 with the same size": (answers(409, "0\n"), "names the same"),
    "409 with more than there is": (answers(409, "999999\n"), "does not go on from that"),
    "409 for ever": (answers(409, "1\n"), "names the same"),
    "garbage": (answers(200, "\x00\x01 garbage"), "no signature"),
    "nothing": (answers(200), "no signature"),
    "an old time": (long_ago, "clock is wrong"),
    "a time to come": (in_the_future, "clock is wrong"),
    "a forged signature": (forged, "no signature"),
    "another's signature": (of_another, "no signature of its key"),
    "no end": (without_end, "without end"),
    "ten seconds too late": (far_too_late, "does not answer"),
}


@asynccontextmanager
async def hostile(answer: Answer) -> AsyncIterator[Witness]:
    app = FastAPI()

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        return await answer(request, Growth.parse(await request.body()))

    async with serving(app) as url:
        yield Witness(KEY, url)


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_witness_is_told_from_an_honest_one(
    publishing: Service, source: Source, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of what it says is kept, and the next event is logged and published as before."""
    monkeypatch.setattr(witnesses, "TIMEOUT", 0.5)
    answer, why = HOSTILE[kind]
    await deliver(publishing, *(source.public() for _ in range(5)))
    await publish(publishing)
    async with hostile(answer) as witness:
        with pytest.raises(Refusal, match=why):
            await ask(asking(publishing, witness))
    assert await cosignatures(publishing) == {}
    await deliver(publishing, source.public())
    assert await publish(publishing) is not None


async def test_one_that_is_down_holds_up_nobody(
    publishing: Service, make_database: MakeDatabase, tmp_path: Path, source: Source
) -> None:
    """Neither the log nor the other witness, while it is asked again and again."""
    gone = Witness(KEY, "http://127.0.0.1:9")
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(real(publishing, make_database, tmp_path, "lpse-a"))
        tasks = [
            asyncio.create_task(asking(publishing, one, name).run()) for name, one in (("gone", gone), ("there", there))
        ]
        for _ in range(3):
            await deliver(publishing, source.public())
            size = await publish(publishing)
            async with asyncio.timeout(10):
                while (size, "there") not in await cosignatures(publishing):
                    await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_proof_with_enough_witnesses(
    publishing: Service, make_database: MakeDatabase, tmp_path: Path, source: Source, client: httpx2.AsyncClient
) -> None:
    """A stranger with the policy alone believes it; while one of two is missing he does not, and the log says so."""
    async with AsyncExitStack() as stack:
        seers = await stack.enter_async_context(two(publishing, make_database, tmp_path))
        policy = policy_of(signer_of(publishing), publishing.settings.log_policy)
        await deliver(publishing, *(source.public() for _ in range(7)))
        size = await publish(publishing)
        leaves = [entry.leaf_hash for entry in await entries(publishing.database)]

        async def proof(index: int) -> Proof:
            return Proof.parse((await client.get("/log/1/proof/entry", params={"index": index})).content)

        await ask(asking(publishing, seers["a"], "a"))
        with pytest.raises(PolicyError, match="too few witnesses"):
            (await proof(3)).verify(leaves[3], policy)
        told = (await client.get("/log/1/head")).json()
        assert (told["seen"], [one["at"] for one in told["witnesses"]]) == (0, [None, None])
        await ask(asking(publishing, seers["b"], "b"))
        seen = (await proof(3)).verify(leaves[3], policy)
        assert (seen.checkpoint.size, set(seen.witnesses)) == (size, {"a", "b"})
        await deliver(publishing, source.public())
        later = await publish(publishing)
        assert (await proof(3)).verify(leaves[3], policy).checkpoint.size == size, "the newest that both saw"
        told = (await client.get("/log/1/head")).json()
        assert (told["size"], told["seen"]) == (later, size)
        assert {one["name"] for one in told["witnesses"] if one["at"]} == {"a", "b"}
        note = Note.parse((await client.get("/log/1/checkpoint")).content)
        assert len(note.signatures) == 1
        assert Policy.parse((await client.get("/log/1/policy")).content) == policy
        await ask(asking(publishing, seers["a"], "a"))
        lines_now = (await client.get("/log/1/cosignatures")).text.splitlines()
        assert [line.split()[1] for line in lines_now] == ["a.example/witness"]


async def test_no_witness_ever_signs_two_roots_for_one_size(
    publishing: Service, witness: Witness, source: Source
) -> None:
    """A database that is restored and signs on is refused by who saw more, and is told at once."""
    from services.audit.log.guard import Guard
    from services.audit.log.tree import LogBroken
    from tests.services.audit.source import sequence
    from tests.services.audit.test_guard import an_hour_ago

    await deliver(publishing, source.public())
    await publish(publishing)
    async with an_hour_ago(publishing):
        await deliver(publishing, *(source.public() for _ in range(4)))
        await publish(publishing)
        await ask(asking(publishing, witness))
    await emptied(publishing.store())
    await deliver(
        publishing, *(Source("registry").public() for _ in range(1)), *(Source("helpdesk").public() for _ in range(1))
    )
    await sequence(publishing)
    await publish(publishing)
    one = asking(publishing, witness)
    with pytest.raises(Refusal):
        await ask(one)
    assert one.ahead.is_set()
    guard = Guard(publishing.database, publishing.store(), signer_of(publishing), {"w": witness})
    with pytest.raises(LogBroken, match="the witness w saw"):
        await guard.check()
    found = await published(publishing.store())
    assert found is not None


async def test_a_quorum_is_not_forgotten_while_one_is_away(
    publishing: Service, make_database: MakeDatabase, tmp_path: Path, source: Source, client: httpx2.AsyncClient
) -> None:
    """However much the log grows meanwhile, what enough witnesses saw stays proven."""
    async with AsyncExitStack() as stack:
        seers = await stack.enter_async_context(two(publishing, make_database, tmp_path))
        await deliver(publishing, source.public())
        size = await publish(publishing)
        for name, one in seers.items():
            await ask(asking(publishing, one, name))
        monkey = witnesses.LOOK_BACK
        try:
            witnesses.LOOK_BACK = 2
            for _ in range(4):
                await deliver(publishing, source.public())
                await publish(publishing)
                await ask(asking(publishing, seers["a"], "a"))
            assert (await client.get("/log/1/head")).json()["seen"] == size
        finally:
            witnesses.LOOK_BACK = monkey


@pytest.mark.parametrize("url", ["ftp://w.example", "https://w.example:99999", "w.example"])
def test_a_witness_has_an_address(tmp_path: Path, url: str, key_home: Path) -> None:
    from kit.settings import CannotStart, Settings
    from services.audit.log.signing import Signer

    file = tmp_path / "policy"
    file.write_text(f"witness w {KEY} {url}\nquorum w\n")
    values = {
        "database": "postgresql://a:b@c/d",
        "bus": "postgresql://a:b@c/d",
        "keys": key_home,
        "jwks": key_home / "jwks.json",
    }
    signer = Signer.of(Settings.model_validate({**values, "profile": "latihan"}))
    with pytest.raises(CannotStart, match="LPSE_LOG_POLICY"):
        policy_of(signer, file)


async def test_two_that_sign_at_once_are_two(
    publishing: Service,
    make_database: MakeDatabase,
    tmp_path: Path,
    source: Source,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each counts the signatures before the other's is stored, unless one waits for the other."""
    async with AsyncExitStack() as stack:
        seers = await stack.enter_async_context(two(publishing, make_database, tmp_path))
        policy = policy_of(signer_of(publishing), publishing.settings.log_policy)
        await deliver(publishing, source.public())
        await publish(publishing)
        counting, met = witnesses._of, asyncio.Barrier(2)

        async def together(db: Db, size: int) -> Sequence[Cosignature]:
            with suppress(TimeoutError, asyncio.BrokenBarrierError):
                async with asyncio.timeout(1):
                    await met.wait()
            return await counting(db, size)

        monkeypatch.setattr(witnesses, "_of", together)
        both = [Asking(name, one, policy, publishing.database, asyncio.Event()) for name, one in seers.items()]
        await asyncio.gather(*map(ask, both))
        monkeypatch.undo()
        async with publishing.database.reading() as db:
            assert (found := await witnesses.seen(db, policy)) is not None
        assert set(found.witnesses) == {"a", "b"}
