"""Rules and dashboards look at what the code tells, and whoever is woken finds a page that says what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit import telemetry
from services import SERVICES

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "docs" / "operations"
INSTRUMENT = re.compile(
    r'(create_counter|create_observable_up_down_counter|[gG]auge|seconds)\(\s*(?:meter, )?"([a-z.]+)"(.*)'
)
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = json.loads((ROOT / "deploy" / "monitoring" / "dashboard.json").read_text())["panels"]
EXPRESSIONS: dict[str, str] = {rule["alert"]: rule["expr"] for rule in ALERTS} | {
    f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]
}


def emitted() -> Iterator[str]:
    """The names under which a Prometheus keeps what the code tells by OTLP."""
    for folder in ("kit", "gateway", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for found in INSTRUMENT.finditer(path.read_text()):
                kind, name = found[1], found[2].replace(".", "_")
                if kind == "seconds":
                    yield from (f"{name}_seconds_{part}" for part in ("bucket", "count", "sum"))
                elif kind == "create_counter":
                    yield f"{name}_total"
                else:
                    yield f"{name}_seconds" if 'unit="s"' in found[3] else name


def looked_at(expression: str) -> set[str]:
    """The series, without labels and what stands in quotes."""
    bare = re.sub(r"\{[^}]*\}|by \([^)]*\)", "", re.sub(r'"[^"]*"', "", expression))
    return set(re.findall(r"\b(?:lpse|http|db)_[a-z_]+", bare))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_looked_at_is_told(name: str) -> None:
    found = looked_at(EXPRESSIONS[name])
    assert found
    assert found <= set(emitted())


def test_what_is_told_is_looked_at() -> None:
    seen = set().union(*map(looked_at, EXPRESSIONS.values()))
    assert {name for name in emitted() if not name.endswith(("_bucket", "_count", "_sum"))} <= seen


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_a_last_word_counts_until_the_next_may_come_and_raises_nothing_alone(rule: dict[str, Any]) -> None:
    for found in re.findall(r"last_over_time\([^\[]*\[(\w+)\]", rule["expr"]):
        assert 2 * telemetry.EVERY < seconds(found) < seconds(rule["for"])


def seconds(told: str) -> int:
    return int(told[:-1]) * {"s": 1, "m": 60}[told[-1]]


def test_a_gauge_is_asked_for_its_last_word() -> None:
    """An instant's value is five minutes old where its replica is gone."""
    gauges = {name for name in emitted() if not name.endswith(("_bucket", "_count", "_sum", "_total"))}
    for name, expression in EXPRESSIONS.items():
        asked = re.findall(r"(\w+)\((\w+)(?:\{[^}]*\})?\[", expression)
        assert {series for _, series in asked} >= looked_at(expression) & gauges, name


def test_rules_do_what_they_say(promtool: str) -> None:
    command = [promtool, "test", "rules", str(Path(__file__).with_name("alerts_test.yaml"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def promtool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The machine's own, or taken out of Debian's package, which is not installed: it would start a server."""
    found = shutil.which("promtool") or unpacked(tmp_path_factory.mktemp("prometheus"))
    if found is None:
        message = "promtool cannot be had: run `apt-get install prometheus`"
        if request.config.getoption("--require-backends"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def unpacked(folder: Path) -> str | None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    download = ["apt-get", "download", "-q", "prometheus"]
    for command in (download, ["apt-get", "update", "-q"], download):
        subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", str(package), str(folder)], timeout=60, check=True)
            return str(folder / "usr" / "bin" / "promtool")
    return None


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_picked_out_exists(name: str) -> None:
    expression = EXPRESSIONS[name]
    jobs = re.findall(r'job="lpse/(\w+)"', expression)
    assert set(jobs) | set(re.findall(r'service="(\w+)"', expression)) <= {*SERVICES, "gateway"}
    for route in re.findall(r'http_route="([^"]+)"', expression):
        sources = (ROOT / "services" / jobs[0]).rglob("*.py")
        assert any(f'"{route}"' in path.read_text() for path in sources)


def test_every_service_is_missed_when_it_is_silent() -> None:
    assert set(re.findall(r'service="(\w+)"', EXPRESSIONS["ServiceSilent"])) == set(SERVICES)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_its_page(rule: dict[str, Any]) -> None:
    page = re.sub(r"(?<!^)(?=[A-Z])", "-", rule["alert"]).lower() + ".md"
    assert rule["annotations"]["runbook"] == f"docs/operations/{page}"
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert (HANDBOOK / page).read_text().startswith(f"# {rule['alert']}\n")
    assert f"[{rule['alert']}]({page})" in (HANDBOOK / "README.md").read_text()


def test_the_handbook_asks_for_the_lock_that_the_relay_takes() -> None:
    from kit.outbox import RELAY_LOCK

    assert f"l.objid = {RELAY_LOCK} " in (HANDBOOK / "relay-without-leader.md").read_text()
