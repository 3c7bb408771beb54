"""How a message looks on the wire, and back.

The AMQP library's own messages (aiormq's): making one of aio-pika's out of each costs as much as decoding it.
Our id travels in a header: the library finds a returned message by its AMQP message id, which must therefore differ
even between two copies of one message that are under way at once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiormq import spec
from aiormq.abc import DeliveredMessage

from kit.bus import Dead, DeadLetter, Delivery, Message

__all__ = ["Outgoing", "again", "burial", "copy", "letter", "open_delivery", "outgoing"]

ID, REASON, DETAIL = "x-lpse-id", "x-lpse-reason", "x-lpse-detail"
ATTEMPTS, FIRST_SEEN = "x-lpse-attempts", "x-lpse-first-seen"
PERSISTENT = 2


class Outgoing(NamedTuple):
    body: bytes
    properties: spec.Basic.Properties


def outgoing(message: Message, first_seen: datetime | None = None, extra: Mapping[str, str] | None = None) -> Outgoing:
    headers = {**message.headers, ID: message.id, **(extra or {})}
    return _outgoing(message.body, headers, message.key, first_seen or datetime.now(UTC))


def _outgoing(body: bytes, headers: dict[str, Any], type_: str | None, first_seen: datetime | None) -> Outgoing:
    return Outgoing(
        body,
        spec.Basic.Properties(headers=headers, message_type=type_, timestamp=first_seen, delivery_mode=PERSISTENT),
    )


def _headers(arrived: DeliveredMessage) -> Mapping[str, Any]:
    return arrived.header.properties.headers or {}


def open_message(arrived: DeliveredMessage) -> Message:
    headers, properties = _headers(arrived), arrived.header.properties
    own = {name: value for name, value in headers.items() if isinstance(value, str) and name[:2] != "x-"}
    id = headers.get(ID) or properties.message_id or ""
    key = properties.message_type or arrived.routing_key or ""
    return Message(id=str(id), key=key, body=arrived.body, headers=own)


def open_delivery(arrived: DeliveredMessage, service: str) -> Delivery:
    return Delivery(open_message(arrived), service, _returned(arrived))


def _returned(arrived: DeliveredMessage) -> int:
    counted = _headers(arrived).get("x-delivery-count") or 0
    return max(int(counted), int(bool(arrived.redelivered)))


def burial(arrived: DeliveredMessage, delivery: Delivery, why: Dead) -> Outgoing:
    """The dead letter of a delivery. Details can be long (a validation report): 2 000 characters say enough."""
    first_seen = arrived.header.properties.timestamp
    extra = {REASON: why.reason, DETAIL: why.detail[:2000], ATTEMPTS: str(delivery.returned + 1)}
    if first_seen:
        extra[FIRST_SEEN] = first_seen.isoformat()
    return outgoing(delivery.message, first_seen, extra)


def letter(arrived: DeliveredMessage, service: str) -> DeadLetter:
    """Read a dead letter: ours says why itself; of one the broker buried, `x-death` tells."""
    headers, message = _headers(arrived), open_message(arrived)
    broker = _death(headers.get("x-death"))
    return DeadLetter(
        id=message.id,
        queue=service,
        key=message.key,
        body=message.body,
        headers=message.headers,
        reason=str(headers.get(REASON) or broker.get("reason") or "unknown"),
        detail=str(headers.get(DETAIL) or ""),
        first_seen=arrived.header.properties.timestamp,
        attempts=int(str(headers.get(ATTEMPTS) or broker.get("count") or 0)),
    )


def _death(header: Any) -> Mapping[str, Any]:
    """The latest entry of `x-death`, which the broker puts first."""
    return header[0] if isinstance(header, list) and header else {}


def again(arrived: DeliveredMessage) -> Outgoing:
    """The message of a dead letter as it was before it died."""
    return outgoing(open_message(arrived), arrived.header.properties.timestamp)


def copy(arrived: DeliveredMessage) -> Outgoing:
    """The dead letter itself, written anew: what it says about its death stays, the broker's count of looks goes."""
    headers = {name: value for name, value in _headers(arrived).items() if name != "x-delivery-count"}
    properties = arrived.header.properties
    return _outgoing(arrived.body, headers, properties.message_type, properties.timestamp)
