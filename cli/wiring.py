"""How the services hang together, without any server: what the bus is declared from and the wiring tests read."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from kit.bus import Topology
from kit.inbox import Reaction
from services import SERVICES

__all__ = ["subscriptions", "topology"]

ALL = frozenset({"#"})


def subscriptions() -> dict[str, frozenset[str]]:
    """The routing keys each service's queue is bound to."""
    return {service: _wants(service) for service in SERVICES}


def topology(prefix: str) -> Topology:
    return Topology(prefix, subscriptions())


def _wants(service: str) -> frozenset[str]:
    if find_spec(f"services.{service}.reactions") is None:
        return frozenset()
    module: ModuleType = import_module(f"services.{service}.reactions")
    if hasattr(module, "EVERYTHING"):
        return ALL
    reactions: Sequence[Reaction] = module.REACTIONS
    return frozenset(reaction.event.TYPE for reaction in reactions)
