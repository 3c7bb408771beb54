"""What is installed is what the lock files say, to the byte; and may be used under our licence."""

import json
import os
import re
import subprocess
import sys
from base64 import b64decode
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cli.sbom import licence, pins, sbom
from tests.supply.conftest import LOCKS, ROOT, locked

ALLOWED = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "PSF-2.0", "PostgreSQL", "Unlicense",
    "MPL-2.0",  # its own files stay under it, ours do not
    "LGPL-2.1-or-later",  # python-stdnum: imported as it is, and anyone may put another version in its place
}  # fmt: skip
"""Go together with Apache-2.0 where a package is used as it comes."""
TOOLS_OF_THE_ENVIRONMENT = {"pip", "setuptools"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_nothing_names_a_host(lock: str) -> None:
    found = locked(lock)
    assert len(found) > 50
    assert [pin.name for pin in found.values() if not pin.hashes] == []
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host| @ ", text)


def test_the_test_lock_holds_all_of_the_lock_with_the_same_bytes() -> None:
    running, testing = (locked(lock) for lock in LOCKS)
    differing = [
        name
        for name, pin in running.items()
        if name not in testing or (testing[name].version, testing[name].hashes) != (pin.version, pin.hashes)
    ]
    assert differing == []


def test_a_line_that_is_no_pin_is_refused() -> None:
    with pytest.raises(ValueError, match="no line of a lock file"):
        pins("fastapi>=0.1\n")


def test_the_environment_is_exactly_what_is_locked() -> None:
    """The suite runs on what `./lpse test` installed: another version would prove nothing about this one."""
    wanted = {name: pin.version for name, pin in locked("requirements-test.lock").items()}
    here = {_normal(found.name): found.version for found in distributions()}
    differing = {name: (version, here.get(name)) for name, version in wanted.items() if here.get(name) != version}
    assert differing == {}
    assert here.keys() - wanted.keys() <= TOOLS_OF_THE_ENVIRONMENT


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_licence_of_what_runs_is_allowed() -> None:
    licences = {name: licence(distribution(name).metadata) for name in locked("requirements.lock")}
    assert {name: words for name, words in licences.items() if not allowed(words)} == {}


def allowed(expression: str) -> bool:
    """Every part of it: one of a choice would do, but then the choice must be made and written down here."""
    return set(re.split(r" (?:AND|OR) ", expression)) <= ALLOWED


def test_another_licence_is_not_allowed() -> None:
    assert not allowed("AGPL-3.0-only")
    assert not allowed("MIT AND GPL-3.0-or-later")
    assert not allowed("LGPL")
    assert allowed("Apache-2.0 OR BSD-3-Clause")


def test_the_bill_of_materials_is_one_and_tells_all_of_it() -> None:
    text = sbom()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    parts = {part["name"]: part for part in bill["components"]}
    running = locked("requirements.lock")
    browser = {name: told for name, told in npm_packages().items() if not told.get("dev")}
    assert parts.keys() == running.keys() | browser.keys() | {"postgresql", "seaweedfs", "nodejs"}
    for name, pin in running.items():
        part = parts[name]
        assert (part["version"], part["purl"]) == (pin.version, f"pkg:pypi/{name}@{pin.version}")
        assert {digest["content"] for digest in part["hashes"]} == set(pin.hashes)
        assert part["licenses"]
    for name, told in browser.items():
        part = parts[name]
        assert part["purl"] == f"pkg:npm/{name.replace('@', '%40')}@{told['version']}"
        digest = b64decode(told["integrity"].removeprefix("sha512-")).hex()
        assert part["hashes"] == [{"alg": "SHA-512", "content": digest}]
        assert part["licenses"]
    graph = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    root = bill["metadata"]["component"]["bom-ref"]
    assert reached(graph, root) == {part["bom-ref"] for part in parts.values()}


def npm_packages() -> dict[str, dict[str, Any]]:
    lock = json.loads((ROOT / "gateway" / "browser" / "package-lock.json").read_text())
    return {path.removeprefix("node_modules/"): told for path, told in lock["packages"].items() if path}


def test_every_package_of_the_browser_has_a_hash_an_allowed_licence_and_no_host() -> None:
    found = npm_packages()
    assert {"hash-wasm", "esbuild", "typescript", "axe-core"} <= found.keys()
    assert [name for name, told in found.items() if not told["integrity"].startswith("sha512-")] == []
    assert [name for name, told in found.items() if not allowed(told["license"])] == []
    lock = (ROOT / "gateway" / "browser" / "package-lock.json").read_text()
    assert not re.search(r'"resolved"|://', lock)


def reached(graph: dict[str, list[str]], start: str) -> set[str]:
    """Everything that somebody needs; a part that nobody needs would have no business here."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        if (ref := waiting.pop()) not in found:
            found.add(ref)
            waiting += graph.get(ref, [])
    return found


def test_the_command_prints_it_without_a_running_system(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "cli", "check", "--sbom", "--var", str(tmp_path / "none")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["bomFormat"] == "CycloneDX"
