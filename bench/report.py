"""What a bench found out: the same object for a person and for a program."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

__all__ = ["Figure", "Report", "say"]

Figure = float | int | str


@dataclass(frozen=True, slots=True)
class Report:
    """`target` names the figures that must reach something, and what; the others are information."""

    bench: str
    figures: Mapping[str, Figure]
    target: Mapping[str, str]
    reached: bool

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    def as_table(self) -> str:
        width = max(map(len, self.figures))
        lines = [f"{name:<{width}}  {_readable(self.figures[name]):>12}  {self._aim(name)}" for name in self.figures]
        verdict = "reached" if self.reached else "NOT reached"
        return "\n".join([f"{self.bench}: {verdict}", *(line.rstrip() for line in lines)])

    def _aim(self, name: str) -> str:
        return f"must be {self.target[name]}" if name in self.target else ""


def _readable(figure: Figure) -> str:
    return f"{figure:,.4g}" if isinstance(figure, float) else f"{figure:,}" if isinstance(figure, int) else figure


def say(sentence: str) -> None:
    """Progress, for whoever waits."""
    print(sentence, file=sys.stderr, flush=True)
