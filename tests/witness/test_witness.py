"""It signs what grows from what it saw, and nothing else; each refusal has the status that C2SP gives it."""

import asyncio
import hashlib
import time
from pathlib import Path

import httpx2
import pytest

from cli.mistakes import Mistake
from cli.witnesses import make_key
from integrity.checkpoint import Checkpoint
from integrity.merkle import EMPTY_ROOT
from integrity.note import Note, Signature
from integrity.policy import Policy
from integrity.proof import Growth
from kit import migrations
from kit.settings import CannotStart
from tests.conftest import MakeDatabase
from tests.witness.conftest import NAME, ORIGIN, Log
from witness.app import Witness
from witness.memory import Base
from witness.settings import WitnessSettings, key_of, logs_of


async def ask(http: httpx2.AsyncClient, growth: object) -> httpx2.Response:
    return await http.post("/add-checkpoint", content=str(growth).encode())


def cosigned(answer: httpx2.Response, growth: Growth, witness: Witness) -> int:
    """When the witness signed it, which it did."""
    assert answer.status_code == 200, answer.text
    lines = [Signature.parse(line) for line in answer.text.removesuffix("\n").split("\n")]
    return growth.note.with_signatures(lines).signed_by([witness.key])[witness.key]


async def seen(http: httpx2.AsyncClient, origin: str = ORIGIN) -> Note | None:
    answer = await http.get(f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint")
    return Note.parse(answer.content) if answer.status_code == 200 else None


async def test_it_signs_a_log_as_it_grows(http: httpx2.AsyncClient, witness: Witness, log: Log) -> None:
    old = 0
    for new in (1, 3, 3, 8, 21):
        growth = log.growth(old, new)
        assert abs(cosigned(await ask(http, growth), growth, witness) - time.time()) < 5
        old = new


async def test_what_it_saw_last_can_be_read(http: httpx2.AsyncClient, witness: Witness, log: Log) -> None:
    """With the log's signature and its own: enough for a policy that wants it."""
    assert await seen(http) is None
    await ask(http, log.growth(0, 5))
    note = await seen(http)
    assert note is not None
    policy = Policy.parse(f"log {log.key}\nwitness w {witness.key}\nquorum w\n".encode())
    assert policy.check(note).checkpoint.size == 5
    assert await seen(http, "another.example/log") is None


async def test_an_empty_log_may_be_seen(http: httpx2.AsyncClient, witness: Witness, log: Log) -> None:
    growth = log.growth(0, 0)
    assert growth.checkpoint.root == EMPTY_ROOT
    cosigned(await ask(http, growth), growth, witness)
    growth = log.growth(0, 2)
    cosigned(await ask(http, growth), growth, witness)


async def test_another_size_is_told_the_right_one(http: httpx2.AsyncClient, log: Log) -> None:
    await ask(http, log.growth(0, 5))
    for old in (0, 3, 6):
        answer = await ask(http, log.growth(old, 9))
        assert (answer.status_code, answer.text) == (409, "5\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"


async def test_another_history_is_refused(http: httpx2.AsyncClient, log: Log) -> None:
    """Also of the same size, and also when it says it begins anew."""
    await ask(http, log.growth(0, 5))
    other = Log(log.private, salt=b"x")
    assert (await ask(http, other.growth(5, 9))).status_code == 422
    assert (await ask(http, other.growth(5, 5))).status_code == 409
    assert (await ask(http, other.growth(0, 5))).status_code == 409
    note = await seen(http)
    assert note is not None
    assert note.text == log.note(5).text


async def test_a_false_proof_is_refused(http: httpx2.AsyncClient, log: Log) -> None:
    await ask(http, log.growth(0, 5))
    honest = log.growth(5, 9)
    for path in ((), honest.path[:-1], (*honest.path, bytes(32)), (bytes(32), *honest.path[1:])):
        assert (await ask(http, Growth(5, path, honest.note))).status_code == 422
    assert (await ask(http, honest)).status_code == 200


async def test_a_proof_of_growth_from_nothing_is_refused(http: httpx2.AsyncClient, log: Log) -> None:
    assert (await ask(http, Growth(0, (bytes(32),), log.note(5)))).status_code == 422
    assert await seen(http) is None


async def test_who_is_not_known_and_who_did_not_sign(http: httpx2.AsyncClient, log: Log) -> None:
    assert (await ask(http, Log(log.private, origin="other.example/1").growth(0, 5))).status_code == 404
    assert (await ask(http, Log().growth(0, 5))).status_code == 403
    forged = Note(log.note(6).text, log.note(5).signatures)
    assert (await ask(http, Growth(0, (), forged))).status_code == 403
    assert await seen(http) is None


async def test_smaller_than_it_was(http: httpx2.AsyncClient, log: Log) -> None:
    await ask(http, log.growth(0, 5))
    assert (await ask(http, Growth(5, (), log.note(3)))).status_code == 400


@pytest.mark.parametrize("body", [b"", b"old 0\n\n", b"old -1\n\nx\n1\n\n", b"old 0\n" + b"A" * 70_000, b"\xff" * 40])
async def test_what_is_no_request(http: httpx2.AsyncClient, body: bytes) -> None:
    answer = await http.post("/add-checkpoint", content=body)
    assert answer.status_code in {400, 413}


async def test_two_at_once_go_on_from_one_size(http: httpx2.AsyncClient, witness: Witness, log: Log) -> None:
    """One is signed; the other finds what the first left, and nothing is rolled back."""
    await ask(http, log.growth(0, 2))
    fork = Log(log.private, salt=b"x")
    for _ in range(10):
        size = Checkpoint.parse((await seen(http)).text).size  # type: ignore[union-attr]
        answers = await asyncio.gather(*(ask(http, log.growth(size, size + step)) for step in (3, 1, 2)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        assert (await ask(http, fork.growth(size, size + 1))).status_code == 409


async def test_what_it_signed_is_stored(http: httpx2.AsyncClient, settings: WitnessSettings, log: Log) -> None:
    """Another process on the same database goes on from it."""
    from witness.app import build

    await ask(http, log.growth(0, 5))
    async with build(settings).running() as again:
        transport = httpx2.ASGITransport(app=again.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://witness") as other:
            assert (await ask(other, log.growth(0, 9))).text == "5\n"
            assert (await other.get("/health/ready")).status_code == 200


async def test_the_migrations_make_what_the_models_say(make_database: MakeDatabase) -> None:
    found = await migrations.differences(await make_database("witness"), "witness", Base.metadata)
    assert [one for one in found if "seen" in str(one)] == []


def test_a_key_is_made_once(tmp_path: Path) -> None:
    make_key(tmp_path / "a.pem", NAME)
    assert (tmp_path / "a.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Mistake, match="there already"):
        make_key(tmp_path / "a.pem", NAME)
    with pytest.raises(Mistake, match="named like"):
        make_key(tmp_path / "b.pem", "has a space")
    assert not (tmp_path / "b.pem").exists()


async def test_what_it_does_not_start_with(settings: WitnessSettings, tmp_path: Path) -> None:
    settings.witness_key.chmod(0o604)
    with pytest.raises(CannotStart, match="every user"):
        key_of(settings)
    with pytest.raises(CannotStart, match="no key to use"):
        key_of(settings.model_copy(update={"witness_key": tmp_path / "none.pem"}))
    for text, why in (("", "names no log"), ("log x\n", "line 1"), ("witness a b\n", "line 1")):
        settings.witness_logs.write_text(text)
        with pytest.raises(CannotStart, match=why):
            logs_of(settings)
