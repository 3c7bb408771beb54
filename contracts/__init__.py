"""Events by producer, and the few words all services share: the only business vocabulary that crosses a border.

`CATALOGUE` holds every event there is. What it says is frozen as JSON Schema in `contracts/schemas/` and as
`contracts/asyncapi.yaml`; a test fails when they drift.
"""

from types import ModuleType

from contracts import audit, documents, helpdesk, registry, tender
from kit.envelope import Event

__all__ = ["CATALOGUE", "PRODUCERS"]

PRODUCERS: dict[str, ModuleType] = {
    "registry": registry,
    "tender": tender,
    "documents": documents,
    "helpdesk": helpdesk,
    "audit": audit,
}


def _events(producer: str, module: ModuleType) -> list[type[Event]]:
    found = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Event)]
    return [event for event in found if getattr(event, "TYPE", "").startswith(f"{producer}.")]


CATALOGUE: dict[str, type[Event]] = {
    event.TYPE: event for producer, module in PRODUCERS.items() for event in _events(producer, module)
}
