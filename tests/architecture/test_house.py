"""The house keeps its own rules: imports, types, style, names, wiring."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.system import PARTS
from cli.wiring import subscriptions
from contracts import CATALOGUE
from contracts.for_the_record import FOR_THE_RECORD
from kit import letters
from kit.limits import Limits
from kit.settings import GatewaySettings, Settings
from services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
EVERY_SERVICE = ("__init__", "app", "api", "schemas", "queries", "rules", "models")
"""Beside these: commands, reactions, jobs and events where there are any, under these names and no others."""


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_imports_point_down() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_style() -> None:
    run("ruff", "check", "--quiet", ".")


def test_format() -> None:
    run("ruff", "format", "--quiet", "--check", ".")


def test_types() -> None:
    run("mypy")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    folder = ROOT / "services" / service
    missing = [name for name in EVERY_SERVICE if not (folder / f"{name}.py").exists() and not (folder / name).is_dir()]
    assert missing == []
    assert (folder / "migrations").is_dir()


@pytest.mark.parametrize("service", SERVICES)
def test_routes_reactions_jobs_and_events_have_one_place(service: str) -> None:
    """Where a service has such a thing it lies in the file of that name (DESIGN section 2)."""
    places = {"api": "@router.", "reactions": "Reaction(", "events": "Emission("}
    for place, sign in places.items():
        for path in (ROOT / "services" / service).rglob("*.py"):
            inside = path.relative_to(ROOT / "services" / service).parts[0].removesuffix(".py")
            assert inside == place or sign not in path.read_text(), f"{path} holds {sign}"


def test_no_file_is_named_after_nothing() -> None:
    nothing = {"utils.py", "helpers.py", "common.py", "base.py", "service.py", "misc.py"}
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [path for path in tracked.stdout.split() if Path(path).name in nothing and path != "kit/service.py"]
    assert found == []


def test_every_event_has_a_consumer_or_stands_for_the_record() -> None:
    consumed = frozenset().union(*subscriptions().values()) - {"#"}
    assert consumed <= set(CATALOGUE), "a reaction to an event that nobody emits"
    assert consumed.isdisjoint(FOR_THE_RECORD), "an event for the record has a consumer all the same"
    assert consumed | set(FOR_THE_RECORD) == set(CATALOGUE)


def test_every_event_is_emitted_by_its_producer() -> None:
    for type_, event in CATALOGUE.items():
        if event.__module__ == letters.__name__:
            continue  # of every service, about its own dead letters (tests/services/helpdesk/test_operations.py)
        producer = type_.split(".")[0]
        sources = (ROOT / "services" / producer).glob("events*")
        text = "".join(
            path.read_text() for source in sources for path in ([source] if source.is_file() else source.rglob("*.py"))
        )
        assert re.search(rf"\b{event.__name__}\b", text), f"{producer} never builds {event.__name__}"


def test_every_service_is_part_of_the_system() -> None:
    assert {part.name for part in PARTS} == {*SERVICES, "gateway"}


def test_every_setting_is_explained_to_operators() -> None:
    text = (ROOT / "docs" / "operations" / "README.md").read_text()
    names = {f"LPSE_{name.upper()}" for settings in (Settings, GatewaySettings) for name in settings.model_fields}
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_every_limit_stands_with_its_default_in_the_handbook() -> None:
    text = (ROOT / "docs" / "operations" / "README.md").read_text()
    rows = {
        name: f"| `{name}` | {field.default} | {field.description} |" for name, field in Limits.model_fields.items()
    }
    assert [name for name, row in rows.items() if row not in text] == []


def test_lock_files_name_versions_and_hashes_and_no_host() -> None:
    for name in ("requirements.lock", "requirements-test.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text.replace("# via", "")
        pins = [line for line in text.splitlines() if line and line[0] not in " #"]
        assert pins
        assert all("==" in pin and pin.endswith("\\") for pin in pins)


def test_the_test_lock_agrees_with_the_lock() -> None:
    pins = {line for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    assert pins <= set((ROOT / "requirements-test.lock").read_text().splitlines())
