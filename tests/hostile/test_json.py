"""Bodies that are no JSON, JSON that two readers read differently, and values no field may hold."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.hostile.town import BIDDER, Matter, Town, fresh_key, refused
from tests.services.tender.office import PPK, package_body

JSON = {"Content-Type": "application/json"}
TICKET = {"category": "umum", "subject": "Pertanyaan", "text": "Isi"}
WHOLE = json.dumps(TICKET).encode()


def ticket(**changes: str) -> bytes:
    """The ticket with a member written exactly as given."""
    members = {name: json.dumps(value) for name, value in TICKET.items()} | changes
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()


BODIES: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "nothing": (b"", JSON, 422, "invalid_request"),
    "spaces": (b"   ", JSON, 422, "body_unreadable"),
    "cut off": (WHOLE[:-1], JSON, 422, "body_unreadable"),
    "two documents": (WHOLE + WHOLE, JSON, 422, "body_unreadable"),
    "single quotes": (b"{'category':'umum'}", JSON, 422, "body_unreadable"),
    "comma at the end": (WHOLE[:-1] + b",}", JSON, 422, "body_unreadable"),
    "comment": (b"/* */" + WHOLE, JSON, 422, "body_unreadable"),
    "array": (b"[" + WHOLE + b"]", JSON, 422, "invalid_request"),
    "text": (b'"umum"', JSON, 422, "invalid_request"),
    "number": (b"1", JSON, 422, "invalid_request"),
    "null": (b"null", JSON, 422, "invalid_request"),
    "60 000 brackets": (b"[" * 60_000, JSON, 422, "body_unreadable"),
    "33 levels": (ticket(contact="[" * 33 + "]" * 33), JSON, 422, "body_unreadable"),
    "900 levels": (ticket(contact='{"a":' * 900 + "1" + "}" * 900), JSON, 422, "body_unreadable"),
    "a name twice": (WHOLE[:-1] + b',"text":"lain"}', JSON, 422, "body_unreadable"),
    "a name twice, once escaped": (WHOLE[:-1] + b',"te\\u0078t":"lain"}', JSON, 422, "body_unreadable"),
    "a name twice below": (ticket(contact='{"a":1,"a":2}'), JSON, 422, "body_unreadable"),
    "NaN": (ticket(contact="NaN"), JSON, 422, "body_unreadable"),
    "Infinity": (ticket(contact="Infinity"), JSON, 422, "body_unreadable"),
    "-Infinity": (ticket(contact="-Infinity"), JSON, 422, "body_unreadable"),
    "1e999": (ticket(contact="1e999"), JSON, 422, "body_unreadable"),
    "5 000 digits": (ticket(contact="1" * 5_000), JSON, 422, "body_unreadable"),
    "a number for a text": (ticket(text="1"), JSON, 422, "invalid_request"),
    "an object for a text": (ticket(text="{}"), JSON, 422, "invalid_request"),
    "true for a text": (ticket(text="true"), JSON, 422, "invalid_request"),
    "null for a text": (ticket(text="null"), JSON, 422, "invalid_request"),
    "unknown field": (ticket(status='"closed"'), JSON, 422, "invalid_request"),
    "__proto__": (ticket(__proto__="{}"), JSON, 422, "invalid_request"),
    "NUL": (ticket(text='"a\\u0000b"'), JSON, 422, "body_unreadable"),
    "escape": (ticket(text='"\\u001b[31m"'), JSON, 422, "body_unreadable"),
    "raw control character": (ticket(text='"a\x01b"'), JSON, 422, "body_unreadable"),
    "raw line end": (ticket(text='"a\nb"'), JSON, 422, "body_unreadable"),
    "half a surrogate pair": (ticket(text='"\\ud800"'), JSON, 422, "body_unreadable"),
    "surrogates in the wrong order": (ticket(text='"\\udc00\\ud800"'), JSON, 422, "body_unreadable"),
    "right-to-left override": (ticket(subject='"\\u202efdp.exe"'), JSON, 422, "body_unreadable"),
    "control character in a name": (WHOLE[:-1] + b',"\\u0007":1}', JSON, 422, "body_unreadable"),
    "byte order mark": (b"\xef\xbb\xbf" + WHOLE, JSON, 422, "body_unreadable"),
    "UTF-16": (WHOLE.decode().encode("utf-16"), JSON, 422, "body_unreadable"),
    "Latin-1": ('{"category":"umum","subject":"é","text":"x"}'.encode("latin-1"), JSON, 422, "body_unreadable"),
    "overlong UTF-8": (WHOLE.replace(b"Isi", b"\xc0\xaf"), JSON, 422, "body_unreadable"),
    "said to be UTF-16": (WHOLE, {"Content-Type": "application/json; charset=utf-16"}, 415, "json_expected"),
    "said to be UTF-7": (WHOLE, {"Content-Type": "application/json; charset=utf-7"}, 415, "json_expected"),
    "said to be text": (WHOLE, {"Content-Type": "text/plain"}, 415, "json_expected"),
    "said to be a form": (
        b"category=umum",
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "json_expected",
    ),
    "said to be parts": (WHOLE, {"Content-Type": "multipart/form-data; boundary=x"}, 415, "json_expected"),
    "said to be XML": (b"<a/>", {"Content-Type": "application/xml"}, 415, "json_expected"),
    "said to be nothing": (WHOLE, {}, 415, "json_expected"),
    "5 MB": (b'{"text":"' + b"a" * 5_000_000 + b'"}', JSON, 413, "body_too_large"),
}


@pytest.mark.parametrize("way", ["straight", "door"])
@pytest.mark.parametrize(("body", "headers", "status", "code"), BODIES.values(), ids=BODIES.keys())
async def test_a_body(town: Town, way: str, body: bytes, headers: dict[str, str], status: int, code: str) -> None:
    client, path = (
        (town.straight["helpdesk"], "/tickets") if way == "straight" else (town.door, "/api/helpdesk/tickets")
    )
    async with town.unchanged("helpdesk"):
        refused(await client.post(path, content=body, headers=headers | fresh_key()), status, code)


async def test_the_body_all_of_them_are_made_from_is_taken(town: Town) -> None:
    answer = await town.door.post("/api/helpdesk/tickets", content=WHOLE, headers=JSON | fresh_key())
    assert answer.status_code == 201, answer.text


LOGINS = ("cut off", "array", "a name twice", "NaN", "60 000 brackets", "half a surrogate pair", "null", "nothing")


@pytest.mark.parametrize("name", LOGINS)
@pytest.mark.parametrize("path", ["/session", "/api/registry/sessions"])
async def test_a_login(town: Town, path: str, name: str) -> None:
    async with town.unchanged("registry"):
        refused(await town.door.post(path, content=BODIES[name][0], headers=JSON), {413, 422})


AMOUNTS = {
    "a fraction": 1.5,
    "true": True,
    "a list": ["1"],
    "an empty text": "",
    "text": "seratus",
    "minus": "-1.00",
    "minus zero": "-0.00",
    "minus zero as a number": -0.0,
    "plus": "+1.00",
    "an exponent": "1E5",
    "a huge exponent": "1E+999999999",
    "a tiny exponent": "1E-999999999",
    "zero with a huge exponent": "0E+999999999",
    "NaN": "NaN",
    "sNaN": "sNaN",
    "Infinity": "Infinity",
    "five decimals": "1.00005",
    "21 digits": "1" * 21,
    "a thousand digits": "1" * 1000,
    "spaces": " 1.00 ",
    "underscores": "1_000.00",
    "a comma": "1.000,00",
    "digits of another script": "١٢٣",
    "hex": "0x10",
}


@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=AMOUNTS.keys())
@pytest.mark.parametrize("field", ["pagu", "unit_price", "quantity"])
async def test_an_amount(town: Town, field: str, amount: Any) -> None:
    body = package_body()
    (body if field == "pagu" else body["hps_rows"][0])[field] = amount
    async with town.unchanged("tender"):
        refused(await town.tender.post(PPK, "/packages", body), 422)


NUMBERS = {
    "a float": 2026.5,
    "a text": "dua",
    "beyond 32 bits": 2**40,
    "beyond 64 bits": 2**70,
    "negative": -1,
    "null": None,
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS.keys())
async def test_a_whole_number(town: Town, number: Any) -> None:
    async with town.unchanged("tender"):
        refused(await town.tender.post(PPK, "/packages", package_body(year=number)), 422, "invalid_request")


IDS = ["1", "x" * 500, "00000000-0000-0000-0000-00000000000g", "{}", "%20", "'; drop table bid; --", "null"]


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize(
    ("service", "path"), [("tender", "/bids/{}"), ("tender", "/tenders/{}"), ("helpdesk", "/tickets/{}")]
)
async def test_an_identifier_that_is_none(town: Town, service: str, path: str, id: str) -> None:
    answer = await town.straight[service].get(path.format(id), headers=town.bearer(BIDDER))
    refused(answer, {404, 422})


QUERIES = {
    "limit 0": "limit=0",
    "limit 101": "limit=101",
    "limit of 30 digits": "limit=" + "9" * 30,
    "limit NaN": "limit=NaN",
    "cursor of nothing": "cursor=",
    "cursor of nonsense": "cursor=%25%25%25",
    "cursor of another list": "cursor=WyJhIl0=",
    "cursor of deep JSON": "cursor=" + "W1tb" * 100,
    "year of 30 digits": "year=" + "9" * 30,
    "a search of 300 letters": "q=" + "a" * 300,
    "NUL": "category=a%00b",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
async def test_a_query(town: Town, query: str) -> None:
    refused(await town.straight["tender"].get(f"/public/tenders?{query}"), {400, 422})


KEYS = {
    "missing": None,
    "empty": "",
    "seven characters": "1234567",
    "201 characters": "x" * 201,
    "with a space": "abcd efgh",
    "a tab": "abcd\tefgh",
    "not ASCII": "kunci-é-kunci",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
async def test_an_idempotency_key(town: Town, key: str | None) -> None:
    headers = [(b"content-type", b"application/json")] + (
        [(b"idempotency-key", key.encode("latin-1"))] if key is not None else []
    )
    async with town.unchanged("helpdesk"):
        answer = await town.straight["helpdesk"].post("/tickets", content=WHOLE, headers=headers)
        refused(answer, 400, "idempotency_key_missing" if key is None else "idempotency_key_invalid")


async def test_a_key_with_another_body_is_refused_and_with_the_same_repeats_the_answer(
    town: Town, matter: Matter
) -> None:
    """Also after its effect was overtaken: the bid it drafted has long been one of several."""
    key, path = str(uuid4()), f"/tenders/{matter.tender.id}/bids"
    first = await town.tender.do(BIDDER, path, key=key)
    await town.tender.do(BIDDER, path)
    async with town.unchanged("tender"):
        again = await town.tender.post(BIDDER, path, key=key)
        assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
        refused(await town.tender.post(BIDDER, path, {"a": 1}, key=key), 409, "idempotency_key_reused")
