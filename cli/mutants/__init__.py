"""`lpse test --mutants`: does a test notice when a guard is gone?

Each `tests/mutants/*.patch` removes one guard. Above the diff it says in words which (`Guard:`) and names the tests that
must fail without it (`Killed-by:`, as pytest names them; a line each). The patch is applied to a copy of the tree, the
tests run there, and the mutant is killed when one of them fails: not when they cannot be collected or set up, which
says nothing about the guard. A mutant that makes its tests hang is killed by that if it says so (`Killed-by-hanging: yes`).
"""

import asyncio
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.mistakes import Mistake
from cli.mutants.patch import Mutant, git
from cli.mutants.trial import Outcome, Verdict, judge, pytest

__all__ = ["Mutant", "Outcome", "Verdict", "everything", "judge"]

FOLDER = Path("tests/mutants")
UNPATCHED_SECONDS = 900.0
AT_ONCE = 2


async def everything(root: Path, names: Sequence[str]) -> int:
    """Try the mutants of this tree, or those of these names; the exit code."""
    mutants = _chosen(root / FOLDER, names)
    with TemporaryDirectory(prefix="lpse-mutants-") as home:
        tree = Path(home) / "tree"
        _snapshot(root, tree)
        fitting = [mutant for mutant in mutants if mutant.fits(tree)]
        for mutant in mutants:
            if mutant not in fitting:
                print(f"does not apply: {mutant.patch.relative_to(root)}: remove the guard by hand and write it anew")
        failing = await _failing(tree, fitting)
        verdicts = await _judged(tree, [mutant for mutant in fitting if not mutant.relies_on(failing)])
    killed = sum(verdict.outcome is Outcome.KILLED for verdict in verdicts)
    print(f"{killed}/{len(mutants)} mutants killed")
    return 0 if killed == len(mutants) else 1


def _chosen(folder: Path, names: Sequence[str]) -> list[Mutant]:
    found = {patch.stem: patch for patch in sorted(folder.glob("*.patch"))}
    if unknown := sorted(set(names) - found.keys()):
        raise Mistake(f"There is no mutant {', '.join(unknown)} in {folder}.")
    return [Mutant.read(found[name]) for name in (names or found)]


def _snapshot(root: Path, tree: Path) -> None:
    """The tree as it stands, with what is not committed yet and without what git ignores."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        raise Mistake(f"Mutants are made from a checkout: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, tree / name)


async def _failing(tree: Path, mutants: Iterable[Mutant]) -> set[str]:
    """The named tests that fail with every guard in place: they kill nothing. The modules they compile spare the copies
    that work."""
    files: dict[str, list[str]] = {}
    for test in dict.fromkeys(test for mutant in mutants for test in mutant.tests):
        files.setdefault(test.partition("::")[0], []).append(test)
    shares = [[test for file in list(files)[at::AT_ONCE] for test in files[file]] for at in range(AT_ONCE)]
    print(f"{sum(map(len, shares))} named tests without any mutant ...", flush=True)
    runs = await asyncio.gather(*(pytest(tree, share, UNPATCHED_SECONDS) for share in shares if share))
    failing: set[str] = set()
    for run in runs:
        found = set(run.summary("FAILED ", "ERROR "))
        if run.code != 0 and not (run.code == 1 and found):
            raise Mistake(f"The named tests cannot be run without any mutant:\n{run.tail()}")
        failing |= found
    for test in sorted(failing):
        print(f"fails without any mutant: {test}", flush=True)
    return failing


async def _judged(tree: Path, mutants: Sequence[Mutant]) -> list[Verdict]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(mutant: Mutant) -> Verdict:
        async with places:
            verdict = await judge(mutant, tree)
        print(f"{verdict.outcome.value:<8} {mutant.name:<40} {verdict.seconds:5.1f} s  {verdict.why}", flush=True)
        return verdict

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(mutant)) for mutant in mutants]
    return [task.result() for task in tasks]
