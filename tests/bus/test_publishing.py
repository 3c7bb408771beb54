import asyncio

from kit.bus import Depth, Message, Topology, Unroutable, matches
from kit.bus.handling import LARGEST
from tests.bus.place import Place, Seen, consuming, messages, until


async def test_every_queue_that_wants_it_gets_it_once(place: Place) -> None:
    topology = place.topology(
        registry={"tender.#"}, tender={"registry.*.verified.v1", "registry.provider.#"}, audit={"#"}
    )
    sent = messages(3)
    seen = {service: Seen() for service in topology.subscriptions}
    async with place.bus(topology) as bus:
        assert await bus.publish(sent) == [None, None, None]
        async with (
            consuming(bus, "tender", seen["tender"]),
            consuming(bus, "audit", seen["audit"]),
            consuming(bus, "registry", seen["registry"]),
        ):
            await seen["tender"].wait(3)
            await seen["audit"].wait(3)
        assert seen["registry"].ids == []
        assert [delivery.message for delivery in seen["tender"].deliveries] == sent, "bytes and headers unchanged"
        assert [delivery.message for delivery in seen["audit"].deliveries] == sent
        assert {delivery.queue for delivery in seen["audit"].deliveries} == {"audit"}


async def test_patterns_mean_the_same_everywhere(place: Place) -> None:
    patterns = {"a": "#", "b": "x.*", "c": "x.#", "d": "*.y.#", "e": "#.z", "f": "x.*.z", "g": "x.#.y.#"}
    keys = ["x", "x.y", "x.y.z", "x.a.b.z", "z", "a.y", "x.a.y.b.y", "q.r.s"]
    topology = place.topology(**{service: {pattern} for service, pattern in patterns.items()})
    sent = [message for key in keys for message in messages(1, key)]
    expected = {service: sum(matches(pattern, key) for key in keys) for service, pattern in patterns.items()}
    async with place.bus(topology) as bus:
        assert await bus.publish(sent) == [None] * len(keys)
        assert {service: depth.ready for service, depth in (await bus.depth(topology)).items()} == expected


async def test_order_of_a_plain_run(place: Place) -> None:
    topology = place.topology(tender={"#"})
    sent = messages(300)
    seen = Seen()
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        assert await bus.publish(sent[:200]) == [None] * 200
        assert await bus.publish(sent[200:]) == [None] * 100
        await seen.wait(300)
    assert seen.ids == [message.id for message in sent]


async def test_what_nobody_wants_is_an_error_of_that_message(place: Place) -> None:
    topology = place.topology(tender={"registry.#"})
    good, lost = messages(1)[0], messages(1, "helpdesk.ticket.opened.v1")[0]
    async with place.bus(topology) as bus:
        outcomes = await bus.publish([good, lost, good, lost])
        assert [type(outcome) for outcome in outcomes] == [type(None), Unroutable, type(None), Unroutable]
        assert (await bus.depth(topology))["tender"].ready == 2
        assert await bus.publish([]) == []


async def test_one_impossible_message_does_not_hold_up_the_others(place: Place) -> None:
    topology = place.topology(tender={"#"})
    good = messages(1)[0]
    heavy = Message("heavy", "a.b", b"0" * (LARGEST + 1), {})
    wordy = Message("wordy", "w" * 256, b"", {})
    async with place.bus(topology) as bus:
        outcomes = await bus.publish([heavy, good, wordy])
        assert [type(outcome) for outcome in outcomes] == [ValueError, type(None), ValueError]
        assert (await bus.depth(topology))["tender"].ready == 1


async def test_declaring_twice_changes_nothing_and_differences_are_told(place: Place) -> None:
    topology = place.topology(tender={"registry.#", "tender.#"}, audit={"#"})
    async with place.bus(topology) as bus:
        await bus.publish(messages(2))
        await bus.declare(topology)
        assert (await bus.depth(topology))["tender"].ready == 2
        assert await bus.differences(topology) == []
        await place.delete_queue(topology.queue("tender"))
        assert [sentence for sentence in await bus.differences(topology) if "tender is missing" in sentence]
        assert set(await bus.depth(topology)) == {"audit"}
        await bus.declare(topology)
        assert await bus.differences(topology) == []


async def test_removing_leaves_nothing(place: Place) -> None:
    topology = place.topology(tender={"#"})
    async with place.bus(topology) as bus:
        await bus.publish(messages(1))
        await bus.remove(topology)
        assert await bus.depth(topology) == {}
        assert await bus.differences(topology)


async def test_instances_on_one_server_do_not_hear_each_other(place: Place) -> None:
    ours, theirs = place.topology(tender={"#"}), place.topology(tender={"#"})
    async with place.bus(ours) as bus, place.bus(theirs) as other:
        assert await bus.publish(messages(1)) == [None]
        assert (await other.depth(theirs))["tender"].ready == 0


async def test_depth_counts_consumers_where_it_can(place: Place) -> None:
    topology = place.topology(tender={"#"})
    seen = Seen()
    async with place.bus(topology) as bus, consuming(bus, "tender", seen):
        await bus.publish(messages(1))
        await seen.wait(1)
        expected = 1 if place.is_rabbitmq else None
        assert (await bus.depth(topology))["tender"].consumers == expected


async def test_a_service_that_wants_nothing_more_is_unbound(embedded: Place) -> None:
    topology = embedded.topology(tender={"registry.#", "helpdesk.#"})
    fewer = Topology(topology.prefix, {"tender": frozenset({"registry.#"})})
    async with embedded.bus(topology) as bus:
        assert await bus.differences(fewer) == [
            f"The queue {topology.queue('tender')} gets helpdesk.#, which nobody wants."
        ]
        await bus.declare(fewer)
        assert isinstance((await bus.publish(messages(1, "helpdesk.ticket.opened.v1")))[0], Unroutable)


async def test_what_another_process_publishes_is_found_soon(embedded: Place) -> None:
    """The wake-up reaches only this process; another one is heard by the sweep."""
    topology = embedded.topology(tender={"#"})
    seen = Seen()
    elsewhere = Place(embedded.server)
    async with embedded.bus(topology) as bus, consuming(bus, "tender", seen):
        async with elsewhere.bus(topology) as other:
            other._dsn = f"{embedded.url}?application_name=elsewhere"  # type: ignore[attr-defined]
            await other.publish(messages(1))
            await until(lambda: len(seen.ids) == 1, 10)
        async with asyncio.timeout(10):  # seen first, acknowledged then
            while (await bus.depth(topology))["tender"] != Depth(0, 0, None):
                await asyncio.sleep(0.02)


async def test_who_brings_up_a_whole_installation_unbinds_what_nobody_wants(rabbitmq: Place) -> None:
    """Any other process only adds: beside it a newer version may want more."""
    wider = rabbitmq.topology(tender={"registry.provider.verified.v1", "helpdesk.ticket.opened.v1"})
    fewer = Topology(wider.prefix, {"tender": frozenset({"registry.provider.verified.v1"})})
    async with rabbitmq.bus(wider), rabbitmq.bus(fewer) as bus:
        assert await bus.publish(messages(1, "helpdesk.ticket.opened.v1")) == [None]
        await bus.declare(Topology(fewer.prefix, fewer.subscriptions, known=wider.subscriptions["tender"]))
        assert isinstance((await bus.publish(messages(1, "helpdesk.ticket.opened.v1")))[0], Unroutable)
        assert await bus.publish(messages(1)) == [None]
