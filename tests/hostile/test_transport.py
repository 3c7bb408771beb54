"""What comes over a bare connection: read in one way or refused, and never answered twice."""

from uuid import uuid4

import pytest

from tests.hostile.town import Town, refused

HOST = b"Host: 127.0.0.1"
GET = b"GET /api/tender/consent-text HTTP/1.1"
POST = b"POST /api/helpdesk/tickets HTTP/1.1"
JSON = (b"Content-Type: application/json", b"Idempotency-Key: abcdefgh-1")
TICKET = b'{"category":"umum","subject":"x","text":"y"}'
SMUGGLED = b"GET /api/tender/pact-text HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def request(line: bytes, *lines: bytes, body: bytes = b"", host: bytes | None = HOST) -> bytes:
    head = [line, b"Connection: close", *([host] if host else []), *lines, b"", b""]
    return b"\r\n".join(head) + body


def posted(*lines: bytes, body: bytes = b"12345") -> bytes:
    return request(POST, *JSON, *lines, body=body)


def target(text: bytes, method: bytes = b"GET", *lines: bytes, body: bytes = b"") -> bytes:
    return request(method + b" " + text + b" HTTP/1.1", *lines, body=body)


def trade(path: bytes) -> bytes:
    return target(path, b"POST", *JSON, b"Lpse-Service: x", b"Content-Length: 2", body=b"{}")


MALFORMED = {
    "length and chunks": posted(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunks and length": posted(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
    "two lengths": posted(b"Content-Length: 5", b"Content-Length: 6"),
    "two equal lengths": posted(b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": posted(b"Content-Length: 5, 5"),
    "length with a plus": posted(b"Content-Length: +5"),
    "negative length": posted(b"Content-Length: -5"),
    "length beyond 64 bits": posted(b"Content-Length: 99999999999999999999999999"),
    "length in hex": posted(b"Content-Length: 0x5"),
    "folded transfer-encoding": posted(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "unknown transfer-encoding": posted(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "compressed transfer-encoding": posted(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked, identity": posted(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED),
    "transfer-encoding twice": posted(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "space before the colon": posted(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunk size that is none": posted(b"Transfer-Encoding: chunked", body=b"zz\r\n\r\n" + SMUGGLED),
    "bare line feeds": b"GET /api/tender/consent-text HTTP/1.1\nHost: 127.0.0.1\n\n",
    "bare line feed in a header": request(GET, b"X-A: b\nLpse-Service: y"),
    "bare return in a header": request(GET, b"X-A: b\rLpse-Service: y"),
    "NUL in a header": request(GET, b"X-A: a\x00b"),
    "NUL in a name": request(GET, b"X-\x00A: ab"),
    "folded header": request(GET, b"X-A: a\r\n b"),
    "header without a colon": request(GET, b"X-A"),
    "header without a name": request(GET, b": a"),
    "raw bytes in the path": target(b"/api/tender/\xff\xfe"),
    "raw bytes in the query": target(b"/api/tender/public/tenders?q=\xff\xfe"),
    "path of 100 kB": target(b"/api/tender/" + b"a" * 100_000),
    "fragment": target(b"/api/tender/consent-text#/internal"),
    "asterisk": target(b"*", b"OPTIONS"),
    "absolute target of ours": target(b"http://127.0.0.1/api/tender/consent-text"),
    "absolute target elsewhere": target(b"http://evil.example/api/tender/consent-text"),
    "CONNECT": target(b"127.0.0.1:22", b"CONNECT"),
    "CONNECT with a path": target(b"/api/tender/consent-text", b"CONNECT"),
    "unknown method": target(b"/api/tender/consent-text", b"FOO"),
    "method in small letters": target(b"/api/tender/consent-text", b"get"),
    "upgrade to h2c": request(GET, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMA"),
    "upgrade to websocket": request(
        GET, b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: eA=="
    ),
    "upgrade of a write": posted(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 5"),
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /api/tender/consent-text\r\n\r\n",
    "HTTP/1.2": request(b"GET /api/tender/consent-text HTTP/1.2"),
    "HTTP/2.0 in text": request(b"GET /api/tender/consent-text HTTP/2.0"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_two_readers_read_differently_is_refused_and_hung_up_on(town: Town, raw: bytes) -> None:
    async with town.unchanged("helpdesk"):
        answers = await town.send(raw)
    assert len(answers) == 1
    refused(answers[0], 400, "malformed_message")


AT_THE_DOOR: dict[str, tuple[bytes, int, str]] = {
    "dot segments": (target(b"/api/tender/../registry/internal/tokens"), 400, "path_refused"),
    "encoded dots": (target(b"/api/tender/%2e%2e/registry/internal/tokens"), 400, "path_refused"),
    "encoded slash": (target(b"/api/registry%2finternal/tokens"), 400, "path_refused"),
    "empty segment": (target(b"//api/registry/internal/tokens"), 400, "path_refused"),
    "backslash": (target(b"/api/registry\\internal/tokens"), 400, "path_refused"),
    "dots after health": (target(b"/health/../api/registry/internal/tokens"), 400, "path_refused"),
    "dots after static": (target(b"/static/..%2f..%2fetc/passwd"), 400, "path_refused"),
    "encoded bytes that are no UTF-8": (target(b"/api/tender/%ff%fe"), 400, "path_refused"),
    "internal": (trade(b"/api/registry/internal/tokens"), 404, "not_found"),
    "INTERNAL": (trade(b"/api/registry/INTERNAL/tokens"), 404, "not_found"),
    "%69nternal": (trade(b"/api/registry/%69nternal/tokens"), 404, "not_found"),
    "internal/": (trade(b"/api/registry/internal/tokens/"), 404, "not_found"),
    "internal;param": (trade(b"/api/registry/internal;x/tokens"), 404, "http_404"),
    "internal%20": (trade(b"/api/registry/internal%20/tokens"), 404, "http_404"),
    "internal in wide letters": (trade(b"/api/registry/%EF%BD%89nternal/tokens"), 404, "http_404"),
    "internal under the log": (trade(b"/log/1/internal/tokens"), 404, "http_404"),
    "service with a parameter": (trade(b"/api/registry;x/internal/tokens"), 404, "not_found"),
    "path of 10 kB": (target(b"/api/tender/" + b"a" * 10_000), 414, "target_too_long"),
    "query of 60 kB": (target(b"/api/tender/public/tenders?q=" + b"a" * 60_000), 414, "target_too_long"),
    "NUL in the query": (target(b"/api/tender/public/tenders?q=a%00b"), 422, "value_out_of_range"),
    "TRACE": (target(b"/api/tender/consent-text", b"TRACE"), 405, "http_405"),
    "PROPFIND": (target(b"/api/tender/consent-text", b"PROPFIND"), 405, "http_405"),
    "foreign host": (request(GET, host=b"Host: evil.example"), 400, "host_unknown"),
    "no host": (request(GET, host=None), 400, "host_unknown"),
    "no host in HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", 400, "host_unknown"),
    "empty host": (request(GET, host=b"Host:"), 400, "host_unknown"),
    "host with a user": (request(GET, host=b"Host: a@127.0.0.1"), 400, "host_unknown"),
    "host with a path": (request(GET, host=b"Host: 127.0.0.1/x"), 400, "host_unknown"),
    "host with braces": (request(GET, host=b"Host: {detail}{0}"), 400, "host_unknown"),
    "two hosts": (request(GET, b"Host: evil.example"), 400, "header_twice"),
    "two sessions": (request(GET, b"Authorization: Bearer a", b"Authorization: Bearer b"), 400, "header_twice"),
    "two content types": (posted(b"Content-Type: text/plain", b"Content-Length: 5"), 400, "header_twice"),
    "two keys": (posted(b"Idempotency-Key: abcdefgh-2", b"Content-Length: 5"), 400, "header_twice"),
    "expectation": (posted(b"Expect: 200-ok", b"Content-Length: 5"), 417, "expectation_refused"),
    "gzip": (posted(b"Content-Encoding: gzip", b"Content-Length: 5"), 415, "encoding_refused"),
    "deflate": (posted(b"Content-Encoding: deflate", b"Content-Length: 5"), 415, "encoding_refused"),
    "br": (posted(b"Content-Encoding: br", b"Content-Length: 5"), 415, "encoding_refused"),
    "a terabyte declared": (posted(b"Content-Length: 1000000000000"), 413, "body_too_large"),
    "1000 headers": (request(GET, *[b"X-%d: a" % number for number in range(1000)]), 431, "headers_too_large"),
    "header of 200 kB": (request(GET, b"X-A: " + b"a" * 200_000), 431, "headers_too_large"),
    "key in raw bytes": (
        request(POST, b"Content-Type: application/json", b"Idempotency-Key: " + b"\xff" * 9, b"Content-Length: 44",
                body=TICKET), 400, "idempotency_key_invalid",
    ),
    "grant in raw bytes": (
        request(b"GET /api/documents/objects/00000000-0000-0000-0000-000000000000 HTTP/1.1", b"Lpse-Grant: \xff\xff"),
        403, "malformed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "status", "code"), AT_THE_DOOR.values(), ids=AT_THE_DOOR.keys())
async def test_what_is_well_formed_and_not_for_us_is_refused(town: Town, raw: bytes, status: int, code: str) -> None:
    async with town.unchanged("helpdesk", "registry"):
        [answer] = await town.send(raw)
    refused(answer, status, code)


IGNORED = {
    "a service's token": b"Lpse-Service: x",
    "a forwarded address": b"X-Forwarded-For: 10.0.0.1",
    "forwarded": b"Forwarded: for=10.0.0.1;host=evil.example;proto=https",
    "another host behind": b"X-Forwarded-Host: evil.example",
    "another path behind": b"X-Original-URL: /internal/tokens",
    "a method override": b"X-HTTP-Method-Override: DELETE",
    "hop-by-hop headers to drop": b"Proxy-Connection: host, authorization",
}


@pytest.mark.parametrize("line", IGNORED.values(), ids=IGNORED.keys())
async def test_what_an_outsider_says_about_himself_is_not_heard(town: Town, line: bytes) -> None:
    plain, said = await town.send(request(GET)), await town.send(request(GET, line))
    assert [(answer.status, answer.body) for answer in said] == [(answer.status, answer.body) for answer in plain]
    assert plain[0].status == 200


async def test_a_trailer_is_no_header(town: Town) -> None:
    session = await town.session(uuid4())
    body = b"0\r\nAuthorization: Bearer " + session.encode() + b"\r\n\r\n"
    [answer] = await town.send(
        request(b"DELETE /api/registry/sessions/current HTTP/1.1", JSON[1], b"Transfer-Encoding: chunked", body=body)
    )
    refused(answer, 401, "login_required")


async def test_pipelined_requests_are_answered_in_order_and_each_once(town: Town) -> None:
    one = b"\r\n".join([GET, HOST, b"", b""])
    bad = b"\r\n".join([b"GET /api/tender/%2e%2e/x HTTP/1.1", HOST, b"", b""])
    answers = await town.send(one + bad + one + request(GET))
    assert [answer.status for answer in answers] == [200, 400, 200, 200]


async def test_http_1_0_is_answered_and_ended(town: Town) -> None:
    [answer] = await town.send(b"GET /api/tender/consent-text HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    assert answer.status == 200
