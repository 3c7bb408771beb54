"""How the services hang together, without any server: what the bus is declared from and the wiring tests read."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from contracts import CATALOGUE
from kit.bus import Topology
from kit.inbox import Reaction
from services import SERVICES

__all__ = ["reactions", "subscriptions", "topology"]

ALL = frozenset({"#"})


def subscriptions() -> dict[str, frozenset[str]]:
    """The routing keys each service's queue is bound to."""
    return {service: _wants(service) for service in SERVICES}


def topology(prefix: str, *, whole: bool = False) -> Topology:
    """`whole`: every process runs this version, so what its reactions no longer want may be unbound."""
    return Topology(prefix, subscriptions(), known=frozenset(CATALOGUE) if whole else frozenset())


def reactions(service: str) -> Sequence[Reaction]:
    """To single types of events; audit, which takes everything, has none."""
    module = _module(service)
    return getattr(module, "REACTIONS", ())


def _wants(service: str) -> frozenset[str]:
    if hasattr(_module(service), "EVERYTHING"):
        return ALL
    return frozenset(reaction.event.TYPE for reaction in reactions(service))


def _module(service: str) -> ModuleType | None:
    name = f"services.{service}.reactions"
    return None if find_spec(name) is None else import_module(name)
