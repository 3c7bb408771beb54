"""Which bus an address means."""

from kit.bus import Bus
from kit.bus.embedded import EmbeddedBus
from kit.bus.rabbit import RabbitBus

__all__ = ["open_bus"]


def open_bus(url: str, *, application: str) -> Bus:
    """`amqp(s)://...` is RabbitMQ, `postgresql://...` the bus in a PostgreSQL database."""
    scheme = url.partition("://")[0]
    if scheme in {"amqp", "amqps"}:
        return RabbitBus(url, client=application)
    if scheme == "postgresql":
        return EmbeddedBus(url)
    raise ValueError(f"{scheme}:// is no bus: give amqp://... (RabbitMQ) or postgresql://... (embedded)")
