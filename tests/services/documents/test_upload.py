"""Handing in a file: the grant decides who and what, the fingerprints are those of the very bytes."""

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from uuid import uuid4

import asyncpg
import pytest
from joserfc import jws
from sqlalchemy import text

from kit.grants import Statement
from kit.jobs import Job
from kit.keys import SigningKey
from tests.services.documents.conftest import AUDITOR, BIDDER, PDF, RIVAL, House, OpenHouse, fingerprints


async def test_what_was_sent_is_what_is_stated_and_what_is_read(house: House) -> None:
    for content in (b"", b"\x00", random.Random(1).randbytes(20 << 20)):
        await sent_stated_and_read(house, content)
    assert await house.events() == ["documents.document.stored.v1", "documents.document.accessed.v1"] * 3


async def sent_stated_and_read(house: House, content: bytes) -> None:
    record = uuid4()
    id, grant = house.upload_grant(record=record)
    answer = await house.upload(content, grant)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert {name: said[name] for name in ("size", "md5", "sha256")} == fingerprints(content)
    assert said["name"] == "penawaran.pdf"
    statement = Statement.verify(said["statement"], house.service.ring, datetime.now(UTC), owner="tender")
    assert (statement.grant, statement.purpose, statement.record, statement.account) == (
        id, "bid", record, BIDDER.account,
    )  # fmt: skip
    assert {"size": statement.size, "md5": statement.md5, "sha256": statement.sha256} == fingerprints(content)
    assert str(statement.object) == said["object"]
    assert abs(datetime.now(UTC) - statement.at) < timedelta(seconds=60)
    read = await house.download(said["object"])
    assert read.status_code == 200
    assert read.content == content
    assert int(read.headers["content-length"]) == len(content)


async def test_a_finished_upload_is_answered_again_but_only_to_its_sender(house: House) -> None:
    id, grant = house.upload_grant()
    first = await house.upload(b"isi", grant)
    again = await house.http.get(f"/uploads/{id}", headers=BIDDER.headers(house.key_home))
    assert (again.status_code, again.json()) == (200, first.json())
    for other in (RIVAL, AUDITOR):
        refused = await house.http.get(f"/uploads/{id}", headers=other.headers(house.key_home))
        assert refused.status_code == 404
    unknown = await house.http.get(f"/uploads/{uuid4()}", headers=BIDDER.headers(house.key_home))
    assert unknown.status_code == 404


async def test_a_grant_is_used_once_and_the_refusal_says_where_the_statement_is(house: House) -> None:
    id, grant = house.upload_grant()
    assert (await house.upload(b"pertama", grant)).status_code == 201
    second = await house.upload(b"kedua", grant)
    assert (second.status_code, second.json()["code"]) == (409, "grant_used")
    assert second.json()["upload"] == f"/api/documents/uploads/{id}"
    assert (await house.count("document"), await house.count("attempt")) == (1, 0)  # refused before it began


async def test_of_two_uploads_at_once_under_one_grant_one_wins(house: House) -> None:
    _, grant = house.upload_grant()
    both_began = asyncio.Barrier(2)

    async def slowly(content: bytes) -> AsyncIterator[bytes]:
        await both_began.wait()  # the body is asked for after the attempt began
        yield content

    async def send(content: bytes) -> int:
        headers = house.headers(grant) | {"Content-Length": str(len(content))}
        return (await house.http.put("/uploads", content=slowly(content), headers=headers)).status_code

    assert sorted(await asyncio.gather(send(b"satu"), send(b"dua!"))) == [201, 409]
    assert (await house.count("document"), await house.count("attempt"), len(house.stored())) == (1, 0, 1)
    assert await house.events() == ["documents.document.stored.v1"]


def expired(house: House) -> str:
    return house.upload_grant(expires_at=datetime.now(UTC) - timedelta(seconds=1))[1]


def tampered(house: House) -> str:
    head, body, signature = house.upload_grant()[1].split(".")
    return f"{head}.{body}.{signature[:-4]}AAAA"


def signed_with_a_receipt_key(house: House) -> str:
    """A key of the right owner, meant for something else: its own library does not sign with it either."""
    signed = house.upload_grant()[1]
    head = json.loads(base64url_decode(signed.split(".")[0]))
    key = SigningKey.load(house.key_home / "tender", "tender", "receipt")
    payload = base64url_decode(signed.split(".")[1])
    return jws.serialize_compact(head | {"kid": key.kid}, payload, key.jwk, algorithms=["Ed25519"])


def base64url_decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_wrong_grant_is_refused_and_nothing_begins(house: House) -> None:
    wrong = {
        "expired": expired(house),
        "bad_signature": tampered(house),
        "wrong_key_purpose": signed_with_a_receipt_key(house),
        "wrong_kind": house.download_grant(uuid4()),
        "malformed": "nonsense",
    }
    for code, grant in wrong.items():
        answer = await house.upload(b"isi", grant)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    session = BIDDER.headers(house.key_home)["Authorization"].split()[1]
    assert (await house.upload(b"isi", session)).json()["code"] == "wrong_kind"
    assert (await house.count("attempt"), house.stored()) == (0, set())


async def test_a_grant_of_another_account_is_refused(house: House) -> None:
    answer = await house.upload(b"isi", house.upload_grant(account=RIVAL.account)[1])
    assert (answer.status_code, answer.json()["code"]) == (403, "grant_of_another")


async def test_without_a_grant_or_a_session_nothing_is_taken(house: House) -> None:
    without_grant = house.headers("x")
    del without_grant["Lpse-Grant"]
    answer = await house.http.put("/uploads", content=b"isi", headers=without_grant)
    assert (answer.status_code, answer.json()["code"]) == (400, "grant_missing")
    without_session = house.headers(house.upload_grant()[1])
    del without_session["Authorization"]
    assert (await house.http.put("/uploads", content=b"isi", headers=without_session)).status_code == 401


async def test_too_large_is_refused_before_the_body_is_read(house: House) -> None:
    _, grant = house.upload_grant(max_size=10)

    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was asked for")
        yield b""

    headers = house.headers(grant) | {"Content-Length": "11"}
    answer = await house.http.put("/uploads", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert (await house.upload(b"0123456789", grant)).status_code == 201


async def test_a_length_is_needed(house: House) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"isi"

    answer = await house.upload(body())
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


async def test_another_type_is_refused(house: House) -> None:
    headers = house.headers(house.upload_grant()[1]) | {"Content-Type": "application/zip"}
    answer = await house.http.put("/uploads", content=b"PK", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_refused")
    assert PDF in answer.json()["detail"]
    anything = house.headers(house.upload_grant(media_types=("*/*",))[1]) | {"Content-Type": "text/plain; charset=x"}
    stored = await house.http.put("/uploads", content=b"teks", headers=anything)
    assert stored.status_code == 201
    assert (await house.download(stored.json()["object"])).headers["content-type"] == "text/plain"


async def test_other_than_the_declared_bytes_leave_nothing_and_the_grant_unused(house: House) -> None:
    async def body(sent: bytes) -> AsyncIterator[bytes]:
        yield sent

    _, grant = house.upload_grant()
    headers = house.headers(grant) | {"Content-Length": "5"}
    for sent in (b"1234", b"123456"):
        answer = await house.http.put("/uploads", content=body(sent), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "size_mismatch")
    assert (await house.count("document"), await house.events(), house.stored()) == (0, [], set())
    assert (await house.upload(b"12345", grant)).status_code == 201


DECEIVING = ["", "a\nb.pdf", "a\x00.pdf", "x" * 201, "../../etc/passwd", "c:\\a.pdf", "..", "a\u202efdp.exe"]
NAMES = [
    "Surat Penawaran (revisi 2).pdf",
    """"kutip" 'tunggal'.pdf""",
    "x" * 200,
    "日本語 ñ é.pdf",
    "100% & co; a=b.pdf",
    "é" * 200,
]


async def test_odd_names_come_back_as_they_were_sent(house: House) -> None:
    for name in NAMES:
        answer = await house.upload(b"isi", name=name)
        assert (answer.status_code, answer.json()["name"]) == (201, name)
        read = await house.download(answer.json()["object"])
        kind, _, encoded = read.headers["content-disposition"].partition("filename*=UTF-8''")
        assert (kind, unquote(encoded)) == ("attachment; ", name)


async def test_names_that_could_deceive_are_refused(house: House) -> None:
    for name in DECEIVING:
        answer = await house.upload(b"isi", name=name)
        assert (answer.status_code, answer.json()["code"]) == (422, "name_refused"), name
    assert await house.count("attempt") == 0


@asynccontextmanager
async def database_lost_at_the_end(house: House) -> AsyncIterator[None]:
    """Whoever writes a document now is held up, and loses its connection there."""
    database = house.service.database.engine.url.database
    admin = await asyncpg.connect(house.service.database.dsn)
    holding = admin.transaction()
    await holding.start()
    await admin.execute("lock table document in access exclusive mode")

    async def cut() -> None:
        while not await admin.fetchval(CUT, database):
            await asyncio.sleep(0.01)

    cutting = asyncio.create_task(cut())
    yield
    await cutting
    await holding.rollback()
    await admin.close()


CUT = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'"


async def test_a_database_lost_at_the_end_means_no_statement_and_an_unused_grant(house: House) -> None:
    """Stored, but not stated: 503; the same grant works again, and a job removes what nobody vouches for."""
    _, grant = house.upload_grant()

    async def body() -> AsyncIterator[bytes]:
        await stack.enter_async_context(database_lost_at_the_end(house))
        yield b"12345"

    async with AsyncExitStack() as stack:
        lost = await house.http.put("/uploads", content=body(), headers=house.headers(grant) | {"Content-Length": "5"})
    assert lost.status_code == 503
    [orphan] = house.stored()
    assert (await house.count("document"), await house.events()) == (0, [])
    again = await house.upload(b"12345", grant)
    assert again.status_code == 201
    await remove_orphans(house)
    assert house.stored() == {orphan, again.json()["object"]}  # within the grace period nothing is touched
    await a_day_later(house)
    assert house.stored() == {again.json()["object"]}
    assert await house.count("attempt") == 0
    assert (await house.download(again.json()["object"])).content == b"12345"


async def remove_orphans(house: House) -> None:
    async with house.service.database.transaction() as db:
        await house.service.jobs["remove_orphans"](db, Job("remove_orphans", "periodic", datetime.now(UTC)))


async def a_day_later(house: House) -> None:
    async with house.service.database.transaction() as db:
        await db.execute(text("update attempt set began_at = began_at - interval '25 hours'"))
    await remove_orphans(house)


async def test_an_upload_given_up_as_too_slow_is_refused_at_its_end(house: House) -> None:
    async def body() -> AsyncIterator[bytes]:
        await a_day_later(house)
        yield b"12345"

    _, grant = house.upload_grant()
    headers = house.headers(grant) | {"Content-Length": "5"}
    answer = await house.http.put("/uploads", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_too_slow")
    assert await house.count("document") == 0
    assert (await house.upload(b"12345", grant)).status_code == 201


async def test_a_store_that_is_away_is_said_and_leaves_the_grant_unused(open_house: OpenHouse) -> None:
    house = await open_house(objects="http://127.0.0.1:9")
    answer = await house.upload(b"isi")
    assert answer.status_code == 503, answer.text
    assert await house.count("document") == 0
