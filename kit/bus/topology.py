"""What the bus is made of, computed from who wants which events. Pure: both backends and `lpse check` read it."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["AGAIN", "BURIED", "Rights", "Topology", "matches"]

BURIED, AGAIN = "dead", "again"
"""The keys at a service's own exchange: to its dead letters, and from them back into its queue."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a broker's user may, as RabbitMQ's regular expressions over names; `topics` over the keys it publishes."""

    configure: str
    write: str
    read: str
    topics: str


@dataclass(frozen=True, slots=True)
class Topology:
    """`prefix` is the instance's; `subscriptions` maps a service to the patterns of the event types it wants.

    A queue's arguments can never be changed on RabbitMQ, so they hold only what correctness needs. Limits are enforced
    by the consumer; a policy may add lengths.

    `known`: types that queues are unbound from where nothing wants them any more. On RabbitMQ only who brings up a whole
    installation gives them: a process that starts while others run a newer version must not unbind what those want.
    """

    prefix: str
    subscriptions: Mapping[str, frozenset[str]]
    known: frozenset[str] = frozenset()

    @property
    def events(self) -> str:
        """The durable topic exchange every event is published to."""
        return f"{self.prefix}.events"

    @property
    def dead(self) -> str:
        """The durable direct exchange through which the broker itself buries; the routing key is the service."""
        return f"{self.prefix}.dead"

    def letters(self, service: str) -> str:
        """The durable direct exchange through which the service buries and takes back, and no other: one that all wrote to
        would let each of them speak to any, under any name."""
        return f"{self.prefix}.{service}.letters"

    def queue(self, service: str) -> str:
        return f"{self.prefix}.{service}"

    def dead_queue(self, service: str) -> str:
        return f"{self.prefix}.{service}.dead"

    def rights(self, service: str) -> Rights:
        """All that a service needs where somebody else declares: no other queue, no other's events, no default exchange."""
        return Rights(
            configure="^$",
            write=_one_of(self.events, self.letters(service)),
            read=_one_of(self.queue(service), self.dead_queue(service)),
            topics=rf"^{service}\.",
        )

    def office(self) -> Rights:
        """All that an operator's commands need: to see every queue, and to tend every service's dead letters.

        `write` on a queue or an exchange shows it (newer brokers hide what one has no right to) and, without topics and
        without the default exchange, fills none; no service's own queue is read.
        """
        places = [name for service in self.subscriptions for name in (self.queue(service), self.letters(service))]
        return Rights(
            configure="^$",
            write=_one_of(self.events, self.dead, *places),
            read=_one_of(*(self.dead_queue(service) for service in self.subscriptions)),
            topics="^$",
        )

    def retired(self, service: str) -> frozenset[str]:
        return self.known - self.subscriptions[service]

    def arguments(self, service: str) -> dict[str, str]:
        """A message the broker itself gives up is not lost on the way: at-least-once demands reject-publish."""
        return {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": self.dead,
            "x-dead-letter-routing-key": service,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }

    def dead_arguments(self) -> dict[str, str]:
        return {"x-queue-type": "quorum"}


def _one_of(*names: str) -> str:
    return f"^({'|'.join(name.replace('.', '[.]') for name in names)})$"


def matches(pattern: str, key: str) -> bool:
    """AMQP topic rules: words between dots, `*` is exactly one word, `#` is any number of words, also none."""
    return _match(pattern.split("."), key.split("."))


def _match(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return _match(rest, words) or (bool(words) and _match(pattern, words[1:]))
    return bool(words) and head in {"*", words[0]} and _match(rest, words[1:])
