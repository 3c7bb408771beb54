"""The runner itself, on a tree of three files: it tells a guard that is watched from one that is not."""

import subprocess
from pathlib import Path

import pytest

from cli.mistakes import Mistake
from cli.mutants import Mutant, Outcome, everything, judge

DOOR = """\
import time


def enter(age: int) -> bool:
    if age < 0:
        raise ValueError(age)
    if age < 18:
        return False
    return True


def wait(seconds: float) -> None:
    time.sleep(min(seconds, 0.01))
"""
TESTS = """\
import pytest

from door import enter, wait


@pytest.fixture
def grown() -> int:
    assert enter(18)
    return 18


def test_a_child() -> None:
    assert not enter(17)


def test_a_guest(grown: int) -> None:
    assert enter(grown)


def test_waiting() -> None:
    wait(3600)
"""
HEADER = "Guard: {guard}\nKilled-by: tests/test_door.py::{test}\n{more}\n"
CHILD = "@@ -7,3 +7,1 @@\n-    if age < 18:\n-        return False\n     return True\n"
NEGATIVE = "@@ -4,4 +4,2 @@\n def enter(age: int) -> bool:\n-    if age < 0:\n-        raise ValueError(age)\n     if age < 18:\n"
NOBODY = "@@ -9,1 +9,1 @@\n-    return True\n+    return False\n"
NO_SYNTAX = "@@ -9,1 +9,1 @@\n-    return True\n+    return (\n"
FOR_EVER = "@@ -13,1 +13,1 @@\n-    time.sleep(min(seconds, 0.01))\n+    time.sleep(seconds)\n"
STALE = "@@ -9,1 +9,1 @@\n-    return perhaps\n+    return True\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "house"
    (tree / "tests" / "mutants").mkdir(parents=True)
    (tree / "door.py").write_text(DOOR)
    (tree / "tests" / "test_door.py").write_text(TESTS)
    (tree / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    return tree


def mutant(tree: Path, name: str, hunk: str, test: str = "test_a_child", more: str = "") -> Mutant:
    patch = tree / "tests" / "mutants" / f"{name}.patch"
    header = HEADER.format(guard=f"the guard {name}", test=test, more=more)
    patch.write_text(f"{header}--- a/door.py\n+++ b/door.py\n{hunk}")
    return Mutant.read(patch)


async def test_a_guard_that_is_missed(tree: Path) -> None:
    verdict = await judge(mutant(tree, "child", CHILD), tree)
    assert (verdict.outcome, verdict.why) == (Outcome.KILLED, "by tests/test_door.py::test_a_child")
    assert (tree / "door.py").read_text() == DOOR


async def test_a_guard_that_nobody_misses(tree: Path) -> None:
    verdict = await judge(mutant(tree, "negative", NEGATIVE), tree)
    assert verdict.outcome is Outcome.SURVIVED
    assert "the guard negative" in verdict.why


@pytest.mark.parametrize(
    ("hunk", "test"), [(NO_SYNTAX, "test_a_child"), (CHILD, "test_nowhere"), (NOBODY, "test_a_guest"), (STALE, "test_a_child")],
    ids=["cannot be imported", "no such test", "cannot be set up", "does not apply"],
)  # fmt: skip
async def test_what_says_nothing_about_the_guard_is_no_kill(tree: Path, hunk: str, test: str) -> None:
    assert (await judge(mutant(tree, "broken", hunk, test), tree)).outcome is Outcome.BROKEN


@pytest.mark.parametrize(
    ("more", "outcome"), [("", Outcome.BROKEN), ("Killed-by-hanging: yes\n", Outcome.KILLED)], ids=["unsaid", "said"]
)
async def test_hanging_kills_where_the_patch_says_so(tree: Path, more: str, outcome: Outcome) -> None:
    verdict = await judge(mutant(tree, "for_ever", FOR_EVER, "test_waiting", more), tree, seconds=3)
    assert verdict.outcome is outcome


async def test_all_must_be_killed(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mutant(tree, "child", CHILD)
    mutant(tree, "negative", NEGATIVE)
    mutant(tree, "stale", STALE)
    assert await everything(tree, []) == 1
    told = capsys.readouterr().out
    assert "does not apply: tests/mutants/stale.patch" in told
    assert "SURVIVED negative" in told
    assert told.endswith("1/3 mutants killed\n")
    assert await everything(tree, ["child"]) == 0


async def test_a_test_that_fails_anyway_kills_nothing(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "tests" / "test_door.py").write_text(TESTS.replace("not enter(17)", "enter(17)"))
    mutant(tree, "child", CHILD)
    assert await everything(tree, []) == 1
    told = capsys.readouterr().out
    assert "fails without any mutant: tests/test_door.py::test_a_child" in told
    assert told.endswith("0/1 mutants killed\n")


async def test_mistakes_are_told(tree: Path) -> None:
    mutant(tree, "child", CHILD)
    with pytest.raises(Mistake, match="no mutant other"):
        await everything(tree, ["other"])
    (tree / "tests" / "test_door.py").write_text("import nothing_known\n")
    with pytest.raises(Mistake, match="cannot be run without any mutant"):
        await everything(tree, [])
    (tree / "tests" / "mutants" / "child.patch").write_text("--- a/door.py\n")
    with pytest.raises(Mistake, match="which guard"):
        await everything(tree, [])
