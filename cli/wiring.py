"""How the services hang together, without any server: what the generated documents and the wiring tests read."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from kit.inbox import Reaction
from services import SERVICES

__all__ = ["reactions", "subscriptions"]


def reactions(service: str) -> Sequence[Reaction]:
    """None for a service that reacts to nothing (documents, registry) or to everything (audit)."""
    if find_spec(f"services.{service}.reactions") is None:
        return ()
    found: Sequence[Reaction] = getattr(import_module(f"services.{service}.reactions"), "REACTIONS", ())
    return found


def subscriptions() -> dict[str, frozenset[str]]:
    """The event types each service reacts to by name (audit, which takes everything, by none)."""
    return {service: frozenset(reaction.event.TYPE for reaction in reactions(service)) for service in SERVICES}
