"""A patch that removes one guard, and what it says about itself."""

import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cli.mistakes import Mistake

__all__ = ["Mutant", "git"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`tests` are those that must fail without the guard, as pytest names them."""

    patch: Path
    guard: str
    tests: tuple[str, ...]
    may_hang: bool = False

    @property
    def name(self) -> str:
        return self.patch.stem

    @classmethod
    def read(cls, patch: Path) -> "Mutant":
        words = [line.partition(":") for line in patch.read_text().partition("--- a/")[0].splitlines()]
        said = [(name, text.strip()) for name, _, text in words]
        guard = " ".join(text for name, text in said if name == "Guard")
        tests = tuple(text for name, text in said if name == "Killed-by")
        if not guard or not tests:
            raise Mistake(f"{patch} says above its diff which guard it removes (Guard:) and what sees it (Killed-by:).")
        return cls(patch, guard, tests, ("Killed-by-hanging", "yes") in said)

    def fits(self, tree: Path) -> bool:
        return git(tree, "apply", "--check", str(self.patch)).returncode == 0

    def relies_on(self, failing: Collection[str]) -> bool:
        """Whether one of its tests is among these, whatever the parameters."""
        named = [test.partition("[")[0] for test in self.tests]
        return any(
            found.partition("[")[0] == test or found.startswith(f"{test}::") for found in failing for test in named
        )


def git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=False)
