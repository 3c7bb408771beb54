"""The bus: bytes with a routing key, handed to every queue that asked for them, at least once.

It knows nothing of what an event means. It promises no order after a redelivery, a delay or a limit, and that a
message may come twice; the inbox makes one effect of it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kit.bus.topology import Topology, matches

__all__ = [
    "Bus",
    "BusUnavailable",
    "Dead",
    "DeadLetter",
    "Delivery",
    "Depth",
    "Handler",
    "Message",
    "Refused",
    "Retry",
    "Topology",
    "Unavailable",
    "Unroutable",
    "matches",
]


@dataclass(frozen=True, slots=True)
class Message:
    """`key` is the routing key, which is the event's type. Names of headers that begin with `x-` are the bus's own."""

    id: str
    key: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """`returned`: how often the bus is known to have handed this message out before.

    RabbitMQ also counts what was no attempt (a restart of the consumer or of the broker), so no limit should rest on
    it alone.
    """

    message: Message
    queue: str
    returned: int


class Retry(Exception):
    """Raised by a handler: hand it out again, no sooner than `after` seconds (RabbitMQ: at most 5)."""

    def __init__(self, after: float) -> None:
        super().__init__(f"again after {after:g} s")
        self.after = after


class Dead(Exception):
    """Raised by a handler: to the dead letters at once, with the reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Unavailable(Exception):
    """Raised by a handler: our own side cannot work now (its database is away).

    The message is kept and tried again with back-off, no other is taken, and nothing is counted.
    """


class BusUnavailable(ConnectionError):
    """The broker is away or did not answer in time: nothing is known against the message, publish it again."""


class Unroutable(LookupError):
    """No queue wants this routing key."""


class Refused(Exception):
    """The broker answered and does not take this message, for instance because a queue is full."""


Handler = Callable[[Delivery], Awaitable[None]]
"""Returning means done. Any exception but the three above is a defect of the handler: logged, and `Retry(5)`."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`first_seen` is when the bus first took the message, to the second; `attempts` counts deliveries."""

    id: str
    queue: str
    key: str
    body: bytes
    headers: Mapping[str, str]
    reason: str
    detail: str
    first_seen: datetime | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Depth:
    """`consumers` is None where the backend does not know."""

    ready: int
    dead: int
    consumers: int | None


class Bus(Protocol):
    """`queue` is always the short name of a service. `declare` also tells the bus which topology it works on.

    All but `publish` and `consume` raise `BusUnavailable` when the broker is away.
    """

    name: str
    """"embedded", or "rabbitmq 3.10.8" once the broker was reached."""

    async def start(self) -> None:
        """A broker that is away is said in the log and raises nothing: it is found later."""
        ...

    async def close(self) -> None: ...

    async def declare(self, topology: Topology) -> None:
        """Idempotent. When it raises `BusUnavailable` the topology is remembered and declared at the next connection."""
        ...

    async def publish(self, messages: Sequence[Message]) -> list[Exception | None]:
        """One outcome per message, in order; None: the broker holds it durably and a queue has it.

        `Unroutable` and `Refused` speak about that message, `BusUnavailable` about the broker. Never raises for them.
        After `BusUnavailable` the message may have arrived all the same.
        """
        ...

    async def consume(self, queue: str, handler: Handler, *, prefetch: int = 32) -> None:
        """Run until cancelled, one handler call at a time, in order; a message waiting for its `Retry` holds up no other.

        Survives whatever happens to the broker. A cancellation lets the message in hand be finished (10 s at most) and
        returns the others.
        """
        ...

    async def depth(self, topology: Topology) -> dict[str, Depth]:
        """Messages per service; a service whose queue does not exist is left out."""
        ...

    async def dead(self, queue: str, limit: int = 100) -> list[DeadLetter]: ...

    async def retry_dead(self, queue: str, id: str) -> bool:
        """Put one dead letter back into this queue only; False when there is none with this id."""
        ...

    async def discard_dead(self, queue: str, id: str) -> bool: ...

    async def differences(self, topology: Topology) -> list[str]:
        """Sentences about what is missing or different; none means as declared."""
        ...

    async def remove(self, topology: Topology) -> None:
        """Delete the queues, with what they hold, and the exchanges."""
        ...
