"""Reading a document: only under a grant for it, whole or a part, and never unrecorded."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select

from kit.outbox import outbox
from services.documents.models import Access
from tests.services.documents.conftest import AUDITOR, BIDDER, RIVAL, House, OpenHouse

CONTENT = bytes(range(256)) * 40


async def handed_in(house: House) -> str:
    answer = await house.upload(CONTENT)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["object"])


async def test_parts_are_given_as_asked(house: House) -> None:
    object = await handed_in(house)
    etag = (await house.download(object)).headers["etag"]
    for asked, first, last in (("0-0", 0, 0), ("100-199", 100, 199), ("10000-", 10000, 10239), ("-40", 10200, 10239),
                               ("10200-99999", 10200, 10239)):  # fmt: skip
        part = await house.download(object, extra={"Range": f"bytes={asked}", "If-Range": etag})
        assert part.status_code == 206
        assert part.content == CONTENT[first : last + 1]
        assert part.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
        assert int(part.headers["content-length"]) == last - first + 1
    for whole in ("bytes=0-1,5-6", "lines=1-2", "bytes=9-2"):
        assert (await house.download(object, extra={"Range": whole})).content == CONTENT
    another = await house.download(object, extra={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (another.status_code, another.content) == (200, CONTENT)
    outside = await house.download(object, extra={"Range": "bytes=99999-"})
    assert (outside.status_code, outside.json()["code"]) == (416, "range_unsatisfiable")


async def test_a_grant_is_for_one_document_one_account_and_a_while(house: House) -> None:
    object = await handed_in(house)
    ended = house.download_grant(object, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    wrong = (
        (BIDDER, ended, 403, "expired"),
        (BIDDER, house.download_grant(uuid4()), 403, "grant_for_another_document"),
        (BIDDER, house.upload_grant()[1], 403, "wrong_kind"),
        (RIVAL, house.download_grant(object), 403, "grant_of_another"),
        (None, house.download_grant(object), 401, "login_required"),
    )
    for who, grant, status, code in wrong:
        answer = await house.download(object, who, grant)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    nothing = await house.http.get(f"/objects/{object}", headers=BIDDER.headers(house.key_home))
    assert (nothing.status_code, nothing.json()["code"]) == (400, "grant_missing")
    missing = uuid4()
    assert (await house.download(missing)).status_code == 404
    assert await house.count("access") == 0


async def test_a_public_document_is_read_by_a_link_without_logging_in(house: House) -> None:
    object = await handed_in(house)
    grant = house.download_grant(object, account=None, purpose="tender document")
    read = await house.http.get(f"/objects/{object}", params={"grant": grant})
    assert (read.status_code, read.content) == (200, CONTENT)
    assert read.headers["x-content-type-options"] == "nosniff"
    [access] = await house.rows(select(Access.account, Access.purpose))
    assert tuple(access) == (None, "tender document")


async def test_every_reading_is_recorded_for_the_sender_and_the_auditor(house: House) -> None:
    object = await handed_in(house)
    await house.download(object)
    await house.download(
        object, RIVAL, house.download_grant(object, account=RIVAL.account), extra={"Range": "bytes=5-9"}
    )
    for reader in (BIDDER, AUDITOR):
        page = await house.http.get(f"/objects/{object}/accesses", headers=reader.headers(house.key_home))
        assert page.status_code == 200
        seen = [(UUID(row["account"]), row["first"], row["length"]) for row in page.json()["items"]]
        assert seen == [(RIVAL.account, 5, 5), (BIDDER.account, 0, len(CONTENT))]
    refused = await house.http.get(f"/objects/{object}/accesses", headers=RIVAL.headers(house.key_home))
    assert refused.status_code == 404
    told = await house.rows(select(outbox.c.actor).where(outbox.c.type == "documents.document.accessed.v1"))
    assert {row.actor for row in told} == {BIDDER.account, RIVAL.account}


async def test_accesses_page_by_cursor(house: House) -> None:
    object = await handed_in(house)
    for _ in range(3):
        await house.download(object)
    headers = BIDDER.headers(house.key_home)
    first = (await house.http.get(f"/objects/{object}/accesses?limit=2", headers=headers)).json()
    rest = (await house.http.get(f"/objects/{object}/accesses?limit=2&cursor={first['next']}", headers=headers)).json()
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]
    assert len({row["id"] for row in first["items"] + rest["items"]}) == 3


async def test_bytes_that_cannot_be_given_are_not_recorded_as_read(house: House, open_house: OpenHouse) -> None:
    object = await handed_in(house)
    database = house.service.settings.database.get_secret_value()
    without_store = await open_house(database=database, objects="http://127.0.0.1:9")
    assert (await without_store.download(object)).status_code == 503
    assert (await house.count("access"), await house.events()) == (0, ["documents.document.stored.v1"])
