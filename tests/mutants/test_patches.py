"""Every patch of `lpse test --mutants` fits the tree as it is, and says what it removes and what must notice."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))
LEAST = 40


def test_there_are_enough() -> None:
    assert len(PATCHES) >= LEAST


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_patch_fits_and_says_what_it_is(patch: Path) -> None:
    mutant = Mutant.read(patch)
    assert len(mutant.guard.split()) >= 4, "the guard is told in a sentence"
    assert len(re.findall(r"^--- a/", patch.read_text(), re.MULTILINE)) == 1, "one file"
    assert mutant.fits(ROOT), "remove the guard by hand and write the patch anew (see README.md here)"
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(), f"there is no test {test}"


def test_no_patch_breaks_more_than_its_guard(tmp_path: Path) -> None:
    """A name that is not there any more would fail every test, whoever is on guard."""
    for patch in PATCHES:
        changed = re.findall(r"^--- a/(.+)$", patch.read_text(), re.MULTILINE)[0]
        there = tmp_path / patch.stem / changed
        there.parent.mkdir(parents=True)
        shutil.copy2(ROOT / changed, there)
        subprocess.run(["git", "apply", str(patch)], cwd=tmp_path / patch.stem, check=True)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet", "--target-version=py311"]
    found = subprocess.run(
        [*ruff, "--select=F821,F823,E9", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
