"""What reaches a service, and what of its answer reaches the client."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from gateway.headers import raw_path
from kit.problems import Problem
from kit.telemetry import RECENT
from tests.gateway.conftest import Portal
from tests.gateway.standins import Answers, Echo


async def test_method_path_query_and_body_arrive_as_they_were_sent(portal: Portal) -> None:
    async with portal() as http:
        told = (await http.post("/api/tender/a/b%20c?x=1&x=%26", content=b'{"a": 1}')).json()
    assert told["method"] == "POST"
    assert (told["path"], told["raw_path"]) == ("/a/b c", "/a/b%20c")
    assert told["query"] == "x=1&x=%26"
    assert told["body"] == '{"a": 1}'
    assert told["headers"]["content-length"] == "8"


async def test_only_named_headers_reach_a_service(portal: Portal) -> None:
    passed = {
        "accept-language": "id",
        "content-type": "application/json",
        "content-disposition": "attachment; filename*=UTF-8''a%20b.pdf",
        "idempotency-key": "k-1",
        "lpse-grant": "g",
        "range": "bytes=0-1",
        "if-none-match": '"1"',
    }
    stopped = {
        "lpse-service": "forged",
        "x-forwarded-for": "10.0.0.1",
        "forwarded": "for=1",
        "x-account": "1",
        "te": "trailers",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=1",
        "cookie": "other=1",
    }
    async with portal() as http:
        told = (await http.post("/api/tender/x", headers=passed | stopped, content=b"{}")).json()["headers"]
    assert {name: told.get(name) for name in passed} == passed
    assert told.keys() <= passed.keys() | {"host", "accept", "user-agent", "content-length", "traceparent"}
    assert told["host"] == "gateway"


async def test_the_trace_is_ours_and_goes_on_in_the_service(portal: Portal) -> None:
    outside = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    RECENT.clear()
    async with portal() as http:
        told = (await http.get("/api/tender/x", headers={"traceparent": outside})).json()["headers"]
    spans = [span for span in RECENT if span.resource.attributes["service.name"] == "gateway"]
    assert len(spans) == 1
    context = spans[0].context
    assert context is not None
    assert spans[0].parent is None
    assert told["traceparent"].startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")
    assert (spans[0].attributes or {})["lpse.upstream"] == "tender"


async def test_what_a_service_says_about_itself_stays_inside(portal: Portal) -> None:
    async with portal() as http:
        answer = await http.get("/api/tender/x")
    for name in ("server", "x-powered-by", "set-cookie", "access-control-allow-origin"):
        assert name not in answer.headers
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_an_address_inside_becomes_one_of_the_portal(portal: Portal) -> None:
    async with portal() as http:
        answer = await http.get("/api/tender/moved")
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/tender/elsewhere?a=1")


@pytest.mark.parametrize(
    "path",
    [
        "/api/nobody/x",
        "/api/",
        "/api/tender/internal/tokens",
        "/api/tender/%69nternal",
        "/api/tender/Internal/x",
        "/api/tender/health/ready",
        "/api/tender/openapi.json",
        "/%61pi/tender/x",
        "/nothing",
    ],
)
async def test_what_is_not_public_is_not_there(portal: Portal, echo: Echo, path: str) -> None:
    async with portal() as http:
        answer = await http.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert echo.seen == []


@pytest.mark.parametrize(
    "path",
    [
        b"/api/tender/../registry/internal/tokens",
        b"/api/tender/%2e%2e/x",
        b"/api/tender/.%2E/x",
        b"/api/./tender",
        b"/api/tender/a%2fb",
        b"/api/tender/a%5Cb",
        b"/api//tender",
        b"/api/tender//internal/x",
        b"/api/tender/a\\b",
        b"/api/tender/%00",
        b"/api/tender/%0d%0aset-cookie:x",
        b"/api/tender/%252e%252e",
        b"/api/tender/a b",
        b"/api/tender/%ff",
        b"/api/tender/\xc3\xa9",
        b"api/tender",
        b"/api/tender/%7f",
    ],
)
def test_a_path_that_two_readers_read_differently_is_refused(path: bytes) -> None:
    with pytest.raises(Problem) as refused:
        raw_path({"raw_path": path, "path": "/"})
    assert (refused.value.status, refused.value.code) == (400, "path_refused")


@pytest.mark.parametrize(
    "path", [b"/", b"/api/tender/a.b", b"/api/tender/..a", b"/a/%C3%A9", b"/a/b%20c", b"/a/~b;c=d"]
)
def test_a_plain_path_passes(path: bytes) -> None:
    assert raw_path({"raw_path": path, "path": "/"}) == path


async def test_a_trick_gets_400_at_the_door(portal: Portal, echo: Echo) -> None:
    async with portal() as http:
        answer = await http.get("/api/tender/a%2fb")
    assert (answer.status_code, answer.json()["code"]) == (400, "path_refused")
    assert echo.seen == []


async def test_a_body_above_the_limit_is_refused_when_declared_and_when_counted(portal: Portal, echo: Echo) -> None:
    async def chunks(many: int) -> AsyncIterator[bytes]:
        for _ in range(many):
            yield bytes(100)

    async with portal(limits={"body_bytes": 1024, "anonymous_body_bytes": 1024}) as http:
        declared = await http.post("/api/tender/x", content=bytes(1025))
        counted = await http.post("/api/tender/x", content=chunks(11))
        assert echo.seen == []
        assert (await http.post("/api/tender/x", content=bytes(1024))).status_code == 200
        assert (await http.post("/api/tender/x", content=chunks(10))).status_code == 200
    for refused in (declared, counted):
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


async def test_other_hosts_and_huge_headers_are_refused(portal: Portal) -> None:
    async with portal() as http:
        foreign = await http.get("/", headers={"host": "evil.test"})
        probe = await http.get("/health/live", headers={"host": "10.1.2.3:8080"})
        large = await http.get("/", headers={"x-a": "a" * 17_000})
        many = await http.get("/", headers={f"x-{number}": "a" for number in range(70)})
    assert (foreign.status_code, foreign.json()["code"]) == (400, "host_unknown")
    assert probe.status_code == 200
    assert [large.status_code, many.status_code] == [431, 431]


async def test_the_public_log_has_its_own_address(portal: Portal) -> None:
    audit = Answers({"/log/1/checkpoint": {"size": 0}})
    async with portal(audit=audit) as http:
        answer = await http.get("/log/1/checkpoint?a=1")
    assert answer.json() == {"size": 0}
    assert audit.asked == ["/log/1/checkpoint?a=1"]


@pytest.mark.parametrize(("scheme", "expected"), [("https", True), ("http", False)])
async def test_strict_transport_is_for_a_portal_over_tls(portal: Portal, scheme: str, expected: bool) -> None:
    async with portal(base_url="https://portal.test", public_url=f"{scheme}://portal.test") as http:
        answer = await http.get("/api/openapi.json", headers={"host": "portal.test"})
    assert ("strict-transport-security" in answer.headers) is expected


async def test_one_slow_request_does_not_hold_up_another(portal: Portal) -> None:
    release = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await Answers({"/x": {}})(scope, receive, send)

    async with portal(helpdesk=slow) as http:
        waiting = asyncio.create_task(http.get("/api/helpdesk/x"))
        await asyncio.sleep(0.05)
        assert (await http.get("/api/tender/x")).status_code == 200
        assert not waiting.done()
        release.set()
        assert (await waiting).status_code == 200
