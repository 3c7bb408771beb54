"""What a process and all it started use of the machine."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

import psutil

__all__ = ["cpu_seconds", "pss_mib"]


def cpu_seconds(root: int | None = None) -> Mapping[str, float]:
    """Used so far, by the program's name, also by those that have ended; of this process where none is named."""
    used: defaultdict[str, float] = defaultdict(float)
    for process in _tree(root):
        with suppress(psutil.NoSuchProcess):
            used[process.name()] += sum(process.cpu_times()[:4])
    return used


def pss_mib(root: int | None = None) -> Mapping[str, float]:
    """Memory, what several share divided among them, by the program's name."""
    used: defaultdict[str, float] = defaultdict(float)
    for process in _tree(root):
        with suppress(psutil.NoSuchProcess):
            used[process.name()] += process.memory_full_info().pss / 2**20
    return used


def _tree(root: int | None) -> list[psutil.Process]:
    process = psutil.Process(root)
    return [process, *process.children(recursive=True)]
