"""Everything that an overlay could be without: each object, each probe and each reference to a Secret, one at a time."""

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cached_property
from typing import Any, NamedTuple

from tests.deploy.manifests import Manifests, Workload

__all__ = ["Removal", "removals"]


class Still(Manifests):
    """That nobody changes any more: what policies ask again and again is looked up once."""

    def __init__(self, objects: Iterable[dict[str, Any]], overlay: str) -> None:
        super().__init__(objects, overlay)
        self._kinds: dict[str, dict[str, dict[str, Any]]] = {}

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        if kind not in self._kinds:
            self._kinds[kind] = super().of(kind)
        return self._kinds[kind]

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        return super().workloads

    @cached_property
    def ours(self) -> dict[str, Workload]:
        return super().ours


class Removal(NamedTuple):
    """`changed` is what is left of the object that something was taken out of."""

    what: str
    left: Manifests
    changed: list[dict[str, Any]]


Path = tuple[str | int, ...]

REFERENCE = re.compile(r"probe|secret", re.IGNORECASE)
"""Fields that are probes or lead to a Secret. What stands in a list goes as a whole: a variable, a volume."""


def removals(manifests: Manifests) -> Iterator[Removal]:
    for place, one in enumerate(manifests.objects):
        before, after = manifests.objects[:place], manifests.objects[place + 1 :]
        name = f"{one['kind']} {one['metadata']['name']}"
        yield Removal(name, Still([*before, *after], manifests.overlay), [])
        for path in dict.fromkeys(_references(one.get("spec", {}), ("spec",))):
            rest = _without(one, path)
            left = Still([*before, rest, *after], manifests.overlay)
            yield Removal(f"{name} {'.'.join(map(str, path))}", left, [rest])


def _references(node: Any, path: Path) -> Iterator[Path]:
    if isinstance(node, dict):
        for key, value in node.items():
            if REFERENCE.search(key):
                yield _whole((*path, key))
            else:
                yield from _references(value, (*path, key))
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _references(value, (*path, place))


def _whole(path: Path) -> Path:
    """Up to the item of a list that the field is the content of."""
    last = max((place for place, step in enumerate(path) if isinstance(step, int)), default=None)
    return path if last is None or path[last - 1] in {"containers", "initContainers"} else path[: last + 1]


def _without(one: dict[str, Any], path: Path) -> dict[str, Any]:
    left = deepcopy(one)
    node: Any = left
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return left
