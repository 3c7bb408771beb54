"""A service that fails or hangs is left alone for a while, and costs the others nothing."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from cli.serving import listening
from cli.system import spare_port
from gateway.breaker import Breaker, Guarded, Unavailable
from gateway.upstream import Http, InProcess, Upstream
from tests.gateway.conftest import Portal
from tests.gateway.standins import Answers


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def test_five_failures_open_it_and_one_probe_closes_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(4):
        breaker.failed()
    assert breaker.wait() == 0
    breaker.failed()
    assert breaker.wait() == 1
    clock.now += 1
    assert breaker.wait() == 0
    assert breaker.wait() > 0, "only one probe at a time"
    breaker.succeeded()
    assert [breaker.wait(), breaker.wait()] == [0, 0]


def test_a_failed_probe_opens_it_again_and_an_undecided_one_lets_the_next_try(breaker: Breaker, clock: Clock) -> None:
    for _ in range(5):
        breaker.failed()
    clock.now += 1
    assert breaker.wait() == 0
    breaker.failed()
    assert breaker.wait() == 1
    clock.now += 1
    assert breaker.wait() == 0
    breaker.undecided()
    assert breaker.wait() == 0


def test_failures_that_are_few_or_old_do_not_open_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(20):
        breaker.succeeded()
    for _ in range(20):
        breaker.failed()
    assert breaker.wait() == 0
    clock.now += 11
    for _ in range(4):
        breaker.failed()
    assert breaker.wait() == 0


class Service:
    """Fails in the way it is told to."""

    how = "well"
    calls = 0

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.calls += 1
        if self.how == "raises":
            raise RuntimeError("boom")
        if self.how == "hangs":
            await asyncio.Event().wait()
        if self.how == "silent":
            return
        length = b"100" if self.how == "breaks off" else b"2"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"{}", "more_body": self.how == "breaks off"})
        if self.how == "breaks off":
            raise RuntimeError("boom in the middle")
        if self.how == "after":
            raise RuntimeError("what a framework raises again once it has answered")


@pytest.mark.parametrize(("how", "status"), [("raises", 502), ("silent", 502), ("well", 200), ("after", 200)])
async def test_how_a_service_fails_and_what_the_client_hears(portal: Portal, how: str, status: int) -> None:
    service = Service()
    service.how = how
    async with portal(helpdesk=service) as http:
        answer = await http.get("/api/helpdesk/x")
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert "Idempotency-Key" in answer.json()["remedy"]


async def test_a_failing_service_is_not_asked_any_more_and_comes_back(portal: Portal, clock: Clock) -> None:
    service = Service()
    guarded = Guarded("helpdesk", InProcess(service), breaker=Breaker(clock))
    async with portal(helpdesk=guarded) as http:
        service.how = "raises"
        statuses = [(await http.get("/api/helpdesk/x")).status_code for _ in range(8)]
        assert statuses == [502] * 5 + [503] * 3
        assert service.calls == 5
        assert (await http.get("/api/tender/x")).status_code == 200
        service.how, clock.now = "well", clock.now + 1
        assert [(await http.get("/api/helpdesk/x")).status_code for _ in range(3)] == [200] * 3


async def test_a_service_that_hangs_is_given_up_and_cancelled() -> None:
    service = Service()
    service.how = "hangs"
    guarded = Guarded("helpdesk", InProcess(service))
    with pytest.raises(Unavailable) as refused:
        await guarded.forward({}, _nothing, _drop, 0.05)
    assert (refused.value.code, refused.value.status) == ("upstream_slow", 504)


async def test_while_the_client_is_slow_the_service_is_not() -> None:
    async def slow_client() -> Message:
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await Service()(scope, receive, send)

    sent: list[Message] = []

    async def keep(message: Message) -> None:
        sent.append(message)

    await Guarded("helpdesk", InProcess(reads)).forward({}, slow_client, keep, 0.05)
    assert sent[0]["status"] == 200


async def test_no_more_than_so_many_at_once() -> None:
    service = Service()
    service.how = "hangs"
    guarded = Guarded("helpdesk", InProcess(service), at_once=2)
    running = [asyncio.create_task(guarded.forward({}, _nothing, _drop)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await guarded.forward({}, _nothing, _drop)
    assert (refused.value.code, refused.value.extra["retry_after"]) == ("upstream_busy", 1)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    service.how = "well"
    await guarded.forward({}, _nothing, _drop)


async def test_what_cannot_be_reached_is_503(portal: Portal) -> None:
    async with portal(helpdesk=Http(f"http://127.0.0.1:{spare_port()}")) as http:
        answer = await http.get("/api/helpdesk/x")
    assert (answer.status_code, answer.json()["code"]) == (503, "upstream_unreachable")
    assert answer.json()["params"] == {"service": "helpdesk"}


@pytest.mark.parametrize("kind", ["in_process", "http"])
async def test_an_answer_that_breaks_off_is_never_taken_for_whole(kind: str, capfd: Any) -> None:
    service = Service()
    service.how = "breaks off"
    async with listening(service, host="127.0.0.1", port=0) as port:
        inner: Upstream = InProcess(service) if kind == "in_process" else Http(f"http://127.0.0.1:{port}")
        guarded = Guarded("helpdesk", inner)
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        scope = {"method": "GET", "raw_path": b"/", "query_string": b"", "headers": []}
        with pytest.raises(Exception, match=r"boom|Broken|closed|incomplete"):
            await guarded.forward(scope, _nothing, keep)
        await guarded.aclose()
    assert sent[0]["status"] == 200
    assert all(message.get("more_body", True) for message in sent[1:])


async def test_a_small_question_is_answered_whole_and_its_refusals_are_told() -> None:
    answers = Answers({"/a": {"b": 1}, "/c": (404, {"code": "not_found"})})
    guarded = Guarded("tender", InProcess(answers))
    assert (await guarded.fetch("GET", "/a", query="x=1")).json() == {"b": 1}
    assert answers.asked == ["/a?x=1"]
    refused = await guarded.fetch("GET", "/c")
    assert (refused.status, refused.ok) == (404, False)


async def _nothing() -> Message:
    return await asyncio.Future()


async def _drop(message: Message) -> None:
    pass
