"""How a message looks on the wire, and back.

Our id travels in a header: the library finds a returned message by its AMQP message id, which must therefore differ
even between two copies of one message that are under way at once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, HeadersType

from kit.bus import Dead, DeadLetter, Delivery, Message

__all__ = ["again", "burial", "copy", "letter", "open_delivery", "outgoing"]

ID, REASON, DETAIL = "x-lpse-id", "x-lpse-reason", "x-lpse-detail"
ATTEMPTS, FIRST_SEEN = "x-lpse-attempts", "x-lpse-first-seen"


def outgoing(
    message: Message, first_seen: datetime | None = None, extra: Mapping[str, str] | None = None
) -> aio_pika.Message:
    headers: HeadersType = {**message.headers, ID: message.id, **(extra or {})}
    return aio_pika.Message(
        message.body,
        headers=headers,
        type=message.key,
        timestamp=first_seen or datetime.now(UTC),
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


def open_message(incoming: AbstractIncomingMessage) -> Message:
    own = {name: value for name, value in incoming.headers.items() if isinstance(value, str) and name[:2] != "x-"}
    id = incoming.headers.get(ID) or incoming.message_id or ""
    return Message(id=str(id), key=incoming.type or incoming.routing_key or "", body=incoming.body, headers=own)


def open_delivery(incoming: AbstractIncomingMessage, service: str) -> Delivery:
    return Delivery(open_message(incoming), service, _returned(incoming))


def _returned(incoming: AbstractIncomingMessage) -> int:
    counted: Any = incoming.headers.get("x-delivery-count") or 0
    return max(int(counted), int(bool(incoming.redelivered)))


def burial(incoming: AbstractIncomingMessage, delivery: Delivery, why: Dead) -> aio_pika.Message:
    """The dead letter of a delivery. Details can be long (a validation report): 2 000 characters say enough."""
    first_seen = incoming.timestamp
    extra = {REASON: why.reason, DETAIL: why.detail[:2000], ATTEMPTS: str(delivery.returned + 1)}
    if first_seen:
        extra[FIRST_SEEN] = first_seen.isoformat()
    return outgoing(delivery.message, first_seen, extra)


def letter(incoming: AbstractIncomingMessage, service: str) -> DeadLetter:
    """Read a dead letter: ours says why itself; of one the broker buried, `x-death` tells."""
    headers, message = incoming.headers, open_message(incoming)
    broker = _death(headers.get("x-death"))
    return DeadLetter(
        id=message.id,
        queue=service,
        key=message.key,
        body=message.body,
        headers=message.headers,
        reason=str(headers.get(REASON) or broker.get("reason") or "unknown"),
        detail=str(headers.get(DETAIL) or ""),
        first_seen=incoming.timestamp,
        attempts=int(str(headers.get(ATTEMPTS) or broker.get("count") or 0)),
    )


def _death(header: Any) -> Mapping[str, Any]:
    """The latest entry of `x-death`, which the broker puts first."""
    return header[0] if isinstance(header, list) and header else {}


def again(incoming: AbstractIncomingMessage) -> aio_pika.Message:
    """The message of a dead letter as it was before it died."""
    return outgoing(open_message(incoming), incoming.timestamp)


def copy(incoming: AbstractIncomingMessage) -> aio_pika.Message:
    """The dead letter itself, written anew: what it says about its death stays, the broker's count of looks goes."""
    headers = {name: value for name, value in incoming.headers.items() if name != "x-delivery-count"}
    return aio_pika.Message(
        incoming.body,
        headers=headers,
        type=incoming.type,
        timestamp=incoming.timestamp,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
