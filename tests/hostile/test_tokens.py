"""Each place that takes a token, offered every token that is not the one it asks for. Nothing is stored, nothing given."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.hostile.tokens import FORGERIES, KINDS, NOTHING, PDF, claims, key_of, right, sign
from tests.hostile.town import BIDDER, Matter, Town, fresh_key, refused
from tests.services.tender.office import POKJA, fingerprints, firm

NAMED = {"Content-Type": "application/pdf", "Content-Disposition": "attachment; filename*=UTF-8''a.pdf"}
Place = Callable[[Town, Matter, str], Awaitable[httpx2.Response]]


async def upload(town: Town, _matter: Matter, token: str) -> httpx2.Response:
    headers = NAMED | town.bearer(BIDDER) | {"Lpse-Grant": token}
    return await town.straight["documents"].put("/uploads", content=PDF, headers=headers)


async def download(town: Town, _matter: Matter, token: str) -> httpx2.Response:
    headers = town.bearer(BIDDER) | {"Lpse-Grant": token}
    return await town.straight["documents"].get(f"/objects/{NOTHING}", headers=headers)


async def arrival(town: Town, matter: Matter, token: str) -> httpx2.Response:
    body = {"statement": token, **fingerprints(PDF)}
    return await town.tender.post(POKJA[0], f"/tender-documents/{matter.granted['id']}/file", body)


async def consent(town: Town, matter: Matter, token: str) -> httpx2.Response:
    body = matter.tender.consent_body(matter.bid)
    body["files"][0]["statement"] = token
    return await town.tender.post(BIDDER, f"/bids/{matter.bid.id}/consent", body)


async def reading(town: Town, _matter: Matter, token: str) -> httpx2.Response:
    return await town.straight["tender"].get("/tenders", headers={"Authorization": f"Bearer {token}"})


async def trading(town: Town, _matter: Matter, token: str) -> httpx2.Response:
    return await town.straight["registry"].post(
        "/internal/tokens", json={"session": "x"}, headers={"lpse-service": token}
    )


PLACES: dict[str, tuple[str, Place, int]] = {
    "an upload": ("upload grant", upload, 403),
    "a download": ("download grant", download, 403),
    "the arrival of a file": ("statement", arrival, 403),
    "a consent": ("statement", consent, 403),
    "a request": ("access token", reading, 401),
    "the gateway's own question": ("service token", trading, 401),
}
SQUARE = {f"{place} with {a}": (place, a) for place in PLACES for a in KINDS if a != PLACES[place][0]}
FORGED = {
    f"{place}, {how}": (place, how)
    for place, (kind, *_) in PLACES.items()
    for how in FORGERIES
    if (kind, how) not in {("statement", "expired"), ("statement", "9 kB")}  # a statement does not end; 9 kB is no form
}


@pytest.mark.parametrize(("place", "kind"), SQUARE.values(), ids=SQUARE.keys())
async def test_a_right_token_of_another_kind(town: Town, matter: Matter, place: str, kind: str) -> None:
    _, offer, status = PLACES[place]
    token = right(town, matter, kind)
    async with town.unchanged():
        refused(await offer(town, matter, token), status)


@pytest.mark.parametrize(("place", "kind"), SQUARE.values(), ids=SQUARE.keys())
async def test_another_kind_under_the_right_name(town: Town, matter: Matter, place: str, kind: str) -> None:
    """Its typ changed to what is asked for, and signed with its own right key."""
    wanted, offer, status = PLACES[place]
    token = sign(claims(kind, matter), KINDS[wanted].typ, key_of(town, KINDS[kind].owner, KINDS[kind].purpose))
    async with town.unchanged():
        refused(await offer(town, matter, token), status)


@pytest.mark.parametrize(("place", "how"), FORGED.values(), ids=FORGED.keys())
async def test_a_forged_token(town: Town, matter: Matter, place: str, how: str) -> None:
    kind, offer, status = PLACES[place]
    token = FORGERIES[how](town, matter, kind)
    async with town.unchanged():
        refused(await offer(town, matter, token), status)


async def test_what_is_forged_from_is_right(town: Town, matter: Matter) -> None:
    """Without this the refusals above would prove nothing."""
    assert (await upload(town, matter, right(town, matter, "upload grant"))).status_code == 201
    assert (await download(town, matter, right(town, matter, "download grant"))).json()["code"] == "not_found"
    assert (await reading(town, matter, right(town, matter, "access token"))).status_code == 200
    assert (await trading(town, matter, right(town, matter, "service token"))).json()["code"] == "session_ended"


FIELDS = [
    (place, field)
    for place, fields in {
        "an upload": ("iss", "aud", "jti", "sub", "purpose", "record", "media_types", "max_size", "exp"),
        "a download": ("iss", "aud", "jti", "sub", "purpose", "object", "exp"),
        "the arrival of a file": ("aud", "object", "size", "md5", "sha256", "grant", "purpose", "record", "sub", "at"),
    }.items()
    for field in fields
]


@pytest.mark.parametrize(("place", "field"), FIELDS, ids=str)
async def test_a_field_changed_after_signing(town: Town, matter: Matter, place: str, field: str) -> None:
    kind, offer, status = PLACES[place]
    head, _, signature = right(town, matter, kind).split(".")
    other = right(town, matter, kind, **{field: changed(claims(kind, matter)[field])}).split(".")[1]
    async with town.unchanged():
        refused(await offer(town, matter, f"{head}.{other}.{signature}"), status, "bad_signature")


def changed(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return [*value, "text/html"] if isinstance(value, list) else str(uuid4())


SIGNED = {
    "another account uploads": ("an upload", {"sub": str(uuid4())}, 403, "grant_of_another"),
    "nothing may be so large": ("an upload", {"max_size": 1}, 413, "too_large"),
    "another media type": ("an upload", {"media_types": ["image/png"]}, 415, "media_type_refused"),
    "another account reads": ("a download", {"sub": str(uuid4())}, 403, "grant_of_another"),
    "another object": ("a download", {"object": str(uuid4())}, 403, "grant_for_another_document"),
    "an older grant": ("the arrival of a file", {"grant": str(uuid4())}, 422, "statement_of_another"),
    "another purpose": ("the arrival of a file", {"purpose": "bid_file"}, 422, "statement_of_another"),
    "another row": ("the arrival of a file", {"record": str(uuid4())}, 422, "statement_of_another"),
    "another sender": ("the arrival of a file", {"sub": str(uuid4())}, 422, "statement_of_another"),
    "another md5": ("the arrival of a file", {"md5": "0" * 32}, 422, "fingerprints_differ"),
    "another sha256": ("the arrival of a file", {"sha256": "0" * 64}, 422, "fingerprints_differ"),
    "a statement for a consent": ("a consent", {}, 422, "statement_of_another"),
}


@pytest.mark.parametrize(("place", "field", "status", "code"), SIGNED.values(), ids=SIGNED.keys())
async def test_a_right_token_about_something_else(
    town: Town, matter: Matter, place: str, field: dict[str, Any], status: int, code: str
) -> None:
    kind, offer, _ = PLACES[place]
    token = right(town, matter, kind, **field)
    async with town.unchanged():
        refused(await offer(town, matter, token), status, code)


async def test_a_grant_is_no_use_to_whoever_finds_it(town: Town, matter: Matter) -> None:
    """Through the gateway, with another's session; and without one."""
    grant, stranger = right(town, matter, "upload grant"), firm("orang lain")
    session = {"Authorization": f"Bearer {await town.session(stranger.account)}"}
    for who, status, code in ((session, 403, "grant_of_another"), ({}, 401, "login_required")):
        async with town.unchanged("documents"):
            sent = NAMED | who | {"Lpse-Grant": grant}
            refused(await town.door.put("/api/documents/uploads", content=PDF, headers=sent), status, code)


async def test_a_used_grant_and_a_used_statement(town: Town, matter: Matter) -> None:
    grant = right(town, matter, "upload grant")
    assert (await upload(town, matter, grant)).status_code == 201
    async with town.unchanged():
        problem = refused(await upload(town, matter, grant), 409, "grant_used")
    assert problem["upload"].startswith("/api/documents/uploads/")
    office, file = town.tender, {"name": "tambahan.pdf", "media_type": "application/pdf"}
    granted = await office.do(POKJA[0], f"/tenders/{matter.draft}/documents", file)
    body, path = office.arrived(granted, PDF), f"/tender-documents/{granted['id']}/file"
    await office.do(POKJA[0], path, body)
    async with town.unchanged():
        refused(await office.post(POKJA[0], path, body), 409, "file_arrived")


async def test_a_service_never_takes_an_access_token_for_the_gateway(town: Town, matter: Matter) -> None:
    """Nor hears it through the gateway, whatever header carries it."""
    token = right(town, matter, "service token")
    async with town.unchanged():
        for path in ("/api/registry/internal/tokens", "/api/registry/%69nternal/tokens"):
            sent = {"lpse-service": token, **fresh_key()}
            refused(await town.door.post(path, json={"session": "x" * 43}, headers=sent), 404)
