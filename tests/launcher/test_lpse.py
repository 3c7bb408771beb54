"""The one command in a checkout of its own, with lock files that need no network."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

LPSE = Path(__file__).parents[2] / "lpse"
CLI = "import os, sys\nprint(sys.argv[1:], sys.prefix, os.environ['PYTHONPATH'])\n"
MISSING = f"nothing-of-this-name==1.0 --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def checkout() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield make_checkout(Path(place) / "checkout")


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    """A checkout that several tests use one after the other, since making its environment takes seconds."""
    with tempfile.TemporaryDirectory() as place:
        yield make_checkout(Path(place) / "checkout")


def make_checkout(root: Path) -> Path:
    (root / "cli").mkdir(parents=True)
    shutil.copy(LPSE, root / "lpse")
    (root / "cli/__init__.py").touch()
    (root / "cli/__main__.py").write_text(CLI)
    (root / "requirements.lock").write_text("# nothing\n")
    (root / "requirements-test.lock").write_text("# nothing for tests\n")
    return root


def make_wheel(place: Path) -> str:
    """Write the wheel of a package that holds nothing else than its version, and return its hash."""
    wheel = place / "tiny-1.0-py3-none-any.whl"
    record = "tiny.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\ntiny-1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(wheel, "w") as parts:
        parts.writestr("tiny.py", "version = '1.0'\n")
        parts.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        parts.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        parts.writestr("tiny-1.0.dist-info/RECORD", record)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def command(checkout: Path, *words: str) -> list[str]:
    return [sys.executable, str(checkout / "lpse"), *words]


def lpse(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": "/elsewhere", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout)}
    order = command(checkout, *words)
    return subprocess.run(order, cwd="/", capture_output=True, text=True, check=False, env=environment)


def test_the_first_use_installs_and_the_second_is_quiet(checkout: Path) -> None:
    first = lpse(checkout, "up", "--port", "1")
    assert first.stdout == f"['up', '--port', '1'] {checkout / '.venv'} {checkout}\n"
    assert "packages of requirements.lock" in first.stderr
    assert "requirements-test.lock" not in first.stderr
    second = lpse(checkout, "up")
    assert (second.returncode, second.stderr) == (0, "")


def test_it_is_found_through_a_link(used: Path) -> None:
    link = used.parent / "somewhere"
    link.symlink_to(used / "lpse")
    called = subprocess.run([sys.executable, link], cwd="/", capture_output=True, text=True, check=True)
    assert str(used / ".venv") in called.stdout


@pytest.mark.parametrize("word", ["test", "bench"])
def test_developer_commands_install_their_packages_too(used: Path, word: str) -> None:
    (used / "requirements-test.lock").write_text(f"# what {word} needs\n")
    assert "packages of requirements-test.lock" in lpse(used, word).stderr
    assert not lpse(used, word).stderr


def test_a_changed_lock_is_installed_and_a_failure_says_what_pip_said(used: Path) -> None:
    (used / "requirements.lock").write_text(MISSING)
    for _ in range(2):  # a failed installation is not taken for a finished one
        failed = lpse(used, "up")
        assert failed.returncode == 1
        assert "No matching distribution found for nothing-of-this-name==1.0" in failed.stderr
        assert not failed.stdout
    (used / "requirements.lock").write_text("# nothing again\n")
    assert "packages of requirements.lock" in lpse(used, "up").stderr


def test_only_packages_with_the_locked_hash_are_installed(used: Path) -> None:
    right = make_wheel(used)
    lock = used / "requirements.lock"
    for refused in ("tiny==1.0\n", f"tiny==1.0 --hash=sha256:{'0' * 64}\n"):
        lock.write_text(refused)
        assert "hash" in lpse(used, "up").stderr.lower().split("last words", 1)[1]
        assert not list((used / ".venv").rglob("tiny.py"))
    lock.write_text(f"tiny==1.0 --hash=sha256:{right}\n")
    assert lpse(used, "up").returncode == 0
    assert list((used / ".venv").rglob("tiny.py"))
    lock.write_text("# nothing any more\n")
    assert "Removing what is not needed any more: tiny" in lpse(used, "up").stderr
    assert not list((used / ".venv").rglob("tiny.py"))


def test_a_broken_environment_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to("/nothing/here")
    assert lpse(checkout, "up").stdout.startswith("['up']")


def test_an_environment_made_in_another_way_is_kept(used: Path) -> None:
    lpse(used, "up")
    mine = used / ".venv" / "mine"
    mine.touch()
    for record in (used / ".venv").glob("installed-*"):
        shutil.rmtree(record)
    assert "packages of requirements.lock" in lpse(used, "up").stderr
    assert mine.exists()


def test_two_first_uses_at_once_install_once(checkout: Path) -> None:
    both = [
        subprocess.Popen(command(checkout, "up"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sum("Making" in stderr for _, stderr in outputs) == 1


def test_a_checkout_of_somebody_else_is_named(checkout: Path) -> None:
    as_other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    checkout.parent.chmod(0o755)
    checkout.chmod(0o555)
    interpreter = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    refused = subprocess.run(
        [*as_other, interpreter, str(checkout / "lpse"), "up"], cwd="/", capture_output=True, text=True, check=False
    )
    checkout.chmod(0o755)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"{checkout} belongs to {checkout.owner()} and cannot be written to" in refused.stderr
