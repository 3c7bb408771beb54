import pytest

from kit.bus import Topology, matches


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("registry.provider.verified.v1", "registry.provider.verified.v1", True),
        ("registry.provider.verified.v1", "registry.provider.verified.v2", False),
        ("registry.*.verified.v1", "registry.provider.verified.v1", True),
        ("registry.*.v1", "registry.provider.verified.v1", False),
        ("registry.*", "registry", False),
        ("registry.#", "registry", True),
        ("registry.#", "registry.provider.verified.v1", True),
        ("registry.#", "registryx.provider", False),
        ("#", "anything.at.all", True),
        ("#.v1", "v1", True),
        ("#.v1", "a.b.v1", True),
        ("#.v1", "a.b.v2", False),
        ("a.#.b.#.c", "a.b.c", True),
        ("a.#.b.#.c", "a.x.b.y.z.c", True),
        ("a.#.b.#.c", "a.x.c", False),
        ("*.#.*", "a", False),
        ("*.#.*", "a.b", True),
    ],
)
def test_patterns_follow_amqp(pattern: str, key: str, expected: bool) -> None:
    assert matches(pattern, key) is expected


def test_names_carry_the_prefix_so_that_instances_share_a_broker() -> None:
    topology = Topology("kota", {"tender": frozenset({"registry.#"})})
    assert topology.events == "kota.events"
    assert topology.dead == "kota.dead"
    assert topology.queue("tender") == "kota.tender"
    assert topology.dead_queue("tender") == "kota.tender.dead"
    assert topology.letters("tender") == "kota.tender.letters"


def test_arguments_hold_only_what_can_stay_for_ever() -> None:
    topology = Topology("kota", {"tender": frozenset({"registry.#"})})
    assert topology.arguments("tender") == {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "kota.dead",
        "x-dead-letter-routing-key": "tender",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    assert topology.dead_arguments() == {"x-queue-type": "quorum"}
