"""What this process and all it started use of the machine, as Linux counts it."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["cpu_seconds", "pss_mib"]

PROC = Path("/proc")


def cpu_seconds() -> Mapping[str, float]:
    """Used so far, by the program's name."""
    used: defaultdict[str, float] = defaultdict(float)
    for pid in _tree():
        fields = _stat(pid)
        used[_name(pid)] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def pss_mib() -> Mapping[str, float]:
    """Memory, what several share divided among them, by the program's name."""
    used: defaultdict[str, float] = defaultdict(float)
    for pid in _tree():
        lines = (PROC / pid / "smaps_rollup").read_text().splitlines()
        used[_name(pid)] += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return used


def _tree() -> Iterator[str]:
    """This process and its descendants."""
    children: dict[str, list[str]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(entry.name)):
            children.setdefault(fields[1], []).append(entry.name)
    waiting = [str(os.getpid())]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        yield pid


def _stat(pid: str) -> list[str]:
    """The fields after the program's name, which may hold spaces; empty when the process has ended."""
    try:
        return (PROC / pid / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _name(pid: str) -> str:
    return (PROC / pid / "comm").read_text().strip()
