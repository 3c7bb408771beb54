"""Files that are not what their sender or their grant says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.documents.commands import MOST_ATTEMPTS
from tests.hostile.test_tokens import NAMED, upload
from tests.hostile.tokens import PDF, right
from tests.hostile.town import BIDDER, Matter, Town, refused

DISPOSITION = "Content-Disposition"


def named(encoded: str) -> dict[str, str]:
    return {DISPOSITION: f"attachment; filename*=UTF-8''{encoded}"}


HEADERS: dict[str, tuple[dict[str, str], int, str]] = {
    "another type": ({"Content-Type": "text/html"}, 415, "media_type_refused"),
    "no type": ({"Content-Type": ""}, 415, "media_type_refused"),
    "a type with a line end": ({"Content-Type": "application/pdf\tx"}, 415, "media_type_refused"),
    "every type": ({"Content-Type": "*/*"}, 415, "media_type_refused"),
    "packed": ({"Content-Encoding": "gzip"}, 415, "encoding_refused"),
    "no name": ({DISPOSITION: "attachment"}, 400, "name_missing"),
    "a plain name": ({DISPOSITION: 'attachment; filename="a.pdf"'}, 400, "name_missing"),
    "a name in another charset": ({DISPOSITION: "attachment; filename*=latin-1''a.pdf"}, 400, "name_missing"),
    "an empty name": (named(""), 422, "name_refused"),
    "a path": (named(quote("../../etc/passwd", safe="")), 422, "name_refused"),
    "a path of Windows": (named(quote("c:\\a.pdf", safe="")), 422, "name_refused"),
    "two dots": (named(".."), 422, "name_refused"),
    "NUL": (named("a%00.pdf"), 422, "name_refused"),
    "a line end": (named("a%0d%0aSet-Cookie%3Ax"), 422, "name_refused"),
    "right-to-left override": (named("%E2%80%AEfdp.exe"), 422, "name_refused"),
    "1 000 letters": (named("a" * 1000), 422, "name_refused"),
    "a broken encoding": (named("a%2"), 400, "name_unreadable"),
    "an encoding of other letters": (named("a%zz"), 400, "name_unreadable"),
    "bytes that are no UTF-8": (named("%ff%fe"), 400, "name_unreadable"),
    "half a surrogate pair": (named("%ED%A0%80"), 400, "name_unreadable"),
    "overlong UTF-8": (named("%C0%AF"), 400, "name_unreadable"),
}


@pytest.mark.parametrize(("changes", "status", "code"), HEADERS.values(), ids=HEADERS.keys())
async def test_what_is_said_about_a_file(
    town: Town, matter: Matter, changes: dict[str, str], status: int, code: str
) -> None:
    sent = NAMED | town.bearer(BIDDER) | {"Lpse-Grant": right(town, matter, "upload grant")} | changes
    async with town.unchanged():
        refused(await town.straight["documents"].put("/uploads", content=PDF, headers=sent), status, code)


async def line(town: Town, matter: Matter, *lines: str, **claims: Any) -> bytes:
    session, grant = await town.session(BIDDER.account), right(town, matter, "upload grant", **claims)
    said = NAMED | {"Authorization": f"Bearer {session}", "Lpse-Grant": grant, "Host": "127.0.0.1"}
    head = [
        "PUT /api/documents/uploads HTTP/1.1",
        *(f"{name}: {value}" for name, value in said.items()),
        *lines,
        "",
        "",
    ]
    return "\r\n".join(head).encode()


LINES: dict[str, tuple[tuple[str, ...], bytes, int, str]] = {
    "without a length": (("Transfer-Encoding: chunked",), b"4\r\n%PDF\r\n0\r\n\r\n", 411, "length_required"),
    "larger than the grant": (("Content-Length: 101", "Connection: close"), b"x", 413, "too_large"),
    "larger than any disk": (("Content-Length: 9999999999999999", "Connection: close"), b"x", 413, "too_large"),
    "with two lengths": (("Content-Length: 4", "Content-Length: 5"), b"%PDF1", 400, "malformed_message"),
}


@pytest.mark.parametrize(("lines", "body", "status", "code"), LINES.values(), ids=LINES.keys())
async def test_how_long_a_file_is_said_to_be(
    town: Town, matter: Matter, lines: tuple[str, ...], body: bytes, status: int, code: str
) -> None:
    async with town.unchanged("documents"):
        answers = await town.send(await line(town, matter, *lines, max_size=100) + body, patience=2)
    refused(answers[0], status, code)


async def test_a_line_that_breaks_leaves_nothing_and_the_grant_unused(town: Town, matter: Matter) -> None:
    id = str(uuid4())
    head = await line(town, matter, "Content-Length: 50", jti=id)
    async with town.unchanged("documents"):
        await broken_off(town, head + PDF, id)
        await cleared(town, id)
    whole = await line(town, matter, f"Content-Length: {len(PDF)}", "Connection: close", jti=id)
    [answer] = await town.send(whole + PDF)
    assert answer.status == 201, answer.body


async def test_what_follows_a_file_is_no_message_and_ends_the_line(town: Town, matter: Matter) -> None:
    id = str(uuid4())
    answers = await town.send(await line(town, matter, "Content-Length: 4", jti=id) + b"%PDFand more\r\n\r\n")
    refused(answers[-1], 400, "malformed_message")
    again = await upload(town, matter, right(town, matter, "upload grant", jti=id))
    assert again.status_code in {201, 409}  # the four bytes were whole: they may have been taken
    await cleared(town, id)


async def test_uploads_at_once_under_one_grant_are_few_and_end_with_one_document(town: Town, matter: Matter) -> None:
    """Each would fill the store with a file of the largest size; what the losers sent is gone when they hear of it."""
    id = str(uuid4())
    grant, release = right(town, matter, "upload grant", jti=id), asyncio.Event()
    sent = NAMED | town.bearer(BIDDER) | {"Lpse-Grant": grant, "Content-Length": str(len(PDF))}

    async def body() -> AsyncIterator[bytes]:
        await release.wait()
        yield PDF

    client, before = town.straight["documents"], town.stored()
    waiting = [asyncio.create_task(client.put("/uploads", content=body(), headers=sent)) for _ in range(MOST_ATTEMPTS)]
    async with asyncio.timeout(20):
        while await attempts(town, id) < MOST_ATTEMPTS:
            await asyncio.sleep(0.02)
    refused(
        await client.put("/uploads", content=PDF, headers=sent | {"Content-Length": str(len(PDF))}),
        409,
        "too_many_attempts",
    )
    release.set()
    answers = await asyncio.gather(*waiting)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (MOST_ATTEMPTS - 1)
    assert (await attempts(town, id), len(town.stored() - before)) == (0, 1)


async def broken_off(town: Town, sent: bytes, grant: str) -> None:
    """The line breaks once the upload is under way."""
    _, writer = await asyncio.open_connection("127.0.0.1", town.port)
    writer.write(sent)
    async with asyncio.timeout(20):
        while not await attempts(town, grant):
            await asyncio.sleep(0.02)
    writer.transport.abort()


async def cleared(town: Town, grant: str) -> None:
    async with asyncio.timeout(20):
        while await attempts(town, grant):
            await asyncio.sleep(0.02)


async def attempts(town: Town, grant: str) -> int:
    async with town.services["documents"].database.reading() as db:
        query = text('select count(*) from attempt where "grant" = cast(:grant as uuid)')
        return int((await db.execute(query, {"grant": grant})).scalar_one())
