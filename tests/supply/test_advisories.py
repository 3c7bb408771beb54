"""No package with a known vulnerability: `pip-audit` over both lock files, `npm audit` over every package-lock.json.

A source of advisories is believed once it has flagged a version known to be vulnerable. Where none answers, the audit of
the real lock files is skipped with the reason, or fails when LPSE_REQUIRE_ADVISORIES is set (a build that publishes). That
both audits find what a source knows is proved everywhere, with a source on this machine that knows of one package each.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cli.bundle import NPM, node
from tests.supply.conftest import LOCKS, ROOT

OLD = "jinja2==2.10 \\\n    --hash=sha256:74c935a1b8bb9a3947c50a54766a969d4846290e1e788ea44c1392163723c3bd\n"
OLD_PACKAGES = {"": {"dependencies": {"lodash": "4.17.4"}}, "node_modules/lodash": {"version": "4.17.4"}}
SOURCES = (("pypi",), ("osv",))


@dataclass(frozen=True)
class Audit:
    vulnerable: frozenset[str]
    unaudited: frozenset[str]
    """pip-audit ends well when it was told nothing at all about a package: that is no news, and no good news."""


def python_audit(lock: Path, *source: str) -> Audit:
    service, *options = source
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner=off"]
    command += ["--format=json", f"--vulnerability-service={service}", *options, "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return Audit(frozenset(), frozenset({done.stderr.strip().splitlines()[-1][:200]}))
    return Audit(
        frozenset(f"{one['name']} {one['version']}: {v['id']}" for one in told for v in one.get("vulns", [])),
        frozenset(one["name"] for one in told if "skip_reason" in one),
    )


def npm_audit(folder: Path, *options: str) -> Audit:
    done = node(NPM, "audit", "--json", "--package-lock-only", *options, cwd=folder)
    told = json.loads(done.stdout or "{}")
    if "vulnerabilities" not in told:
        return Audit(frozenset(), frozenset({str(told.get("message", done.stderr))[:200]}))
    return Audit(frozenset(told["vulnerabilities"]), frozenset())


@pytest.fixture
def old_python(tmp_path: Path) -> Path:
    lock = tmp_path / "old.lock"
    lock.write_text(OLD)
    return lock


@pytest.fixture
def old_npm(tmp_path: Path) -> Path:
    (tmp_path / "package.json").write_text(json.dumps({"name": "old", "dependencies": {"lodash": "4.17.4"}}))
    (tmp_path / "package-lock.json").write_text(
        json.dumps({"name": "old", "lockfileVersion": 3, "packages": OLD_PACKAGES})
    )
    return tmp_path


def no_source(what: str, said: frozenset[str]) -> None:
    why = f"no source of advisories about {what} answers here, so that nothing was audited: {'; '.join(sorted(said))}"
    if os.environ.get("LPSE_REQUIRE_ADVISORIES"):
        pytest.fail(why)
    pytest.skip(why)


async def test_no_locked_python_package_is_known_to_be_vulnerable(old_python: Path) -> None:
    tried = [(source, await asyncio.to_thread(python_audit, old_python, *source)) for source in SOURCES]
    believed = [source for source, canary in tried if canary.vulnerable]
    if not believed:
        no_source("Python packages", frozenset().union(*(canary.unaudited for _, canary in tried)))
    for lock in LOCKS:
        found = await asyncio.to_thread(python_audit, ROOT / lock, *believed[0])
        assert found == Audit(frozenset(), frozenset()), lock


async def test_no_locked_package_of_the_browser_is_known_to_be_vulnerable(old_npm: Path) -> None:
    listed = await asyncio.to_thread(
        subprocess.check_output,
        ["git", "ls-files", "-co", "--exclude-standard", "*package-lock.json"],
        cwd=ROOT,
        text=True,
    )
    assert listed
    canary = await asyncio.to_thread(npm_audit, old_npm)
    if not canary.vulnerable:
        no_source("npm packages", canary.unaudited)
    for lock in listed.splitlines():
        assert await asyncio.to_thread(npm_audit, (ROOT / lock).parent) == Audit(frozenset(), frozenset()), lock


class Source(BaseHTTPRequestHandler):
    """Advisories about jinja2 (as OSV tells them) and lodash (as npm's registry does), and about nothing else."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"]))
        answer: Any = {}
        if self.path == "/v1/query" and (b'"jinja2"' in asked and b'"2.10"' in asked):
            affected = {"package": {"ecosystem": "PyPI", "name": "jinja2"}, "versions": ["2.10"]}
            answer = {"vulns": [{"id": "TEST-1", "details": "x", "affected": [affected]}]}
        elif self.path.endswith("/advisories/bulk"):
            answer = {
                "lodash": [{"id": 1, "url": "", "title": "x", "severity": "high", "vulnerable_versions": "<4.17.5"}]
            }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def source() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Source) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_vulnerable_python_package_is_found(old_python: Path, source: str) -> None:
    told = ("osv", f"--osv-url={source}/v1/query")
    assert python_audit(old_python, *told) == Audit(frozenset({"jinja2 2.10: TEST-1"}), frozenset())
    assert python_audit(ROOT / LOCKS[0], *told) == Audit(frozenset(), frozenset()), "it knows nothing of today's"


def test_what_nobody_could_be_asked_about_is_not_taken_for_safe(old_python: Path) -> None:
    nowhere = python_audit(old_python, "osv", "--osv-url=http://127.0.0.1:1/v1/query")
    assert nowhere.vulnerable == frozenset()
    assert nowhere.unaudited


def test_a_vulnerable_package_of_the_browser_is_found(old_npm: Path, source: str) -> None:
    assert npm_audit(old_npm, f"--registry={source}").vulnerable == {"lodash"}
    assert npm_audit(old_npm, "--registry=http://127.0.0.1:1", "--fetch-retries=0").unaudited
