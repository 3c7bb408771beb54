"""The five services. `SERVICES` is the only list of them; each is built by `services/<name>/app.py build(settings)`."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # the list alone is asked for by commands that shall answer at once
    from kit.service import Service
    from kit.settings import Settings

__all__ = ["SERVICES", "build"]

SERVICES: tuple[str, ...] = ("registry", "tender", "documents", "helpdesk", "audit")


def build(name: str, settings: "Settings") -> "Service":
    """Wire one service. Imported only when asked for: a process that serves one service loads one."""
    if name not in SERVICES:
        raise LookupError(f"there is no service {name}: one of {', '.join(SERVICES)}")
    make = cast("Callable[[Settings], Service]", import_module(f"services.{name}.app").build)
    return make(settings)
