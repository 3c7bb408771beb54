"""The operators' handbook: its pages are there and known to its index, and every command in it can be typed."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from cli.main import _parser

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = ROOT / "docs" / "operations"
PAGES = sorted(HANDBOOK.glob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
CODE = re.compile(r"`([^`\n]+)`")
TYPED = re.compile(r"(?:\./|-- )lpse ([^`|&;]+)")
FILLED_IN = {"NAME": "tender", "SERVICE": "tender", "INSTANT": "2026-11-23T10:00:00+07:00"}
"""Capitals stand for what the reader fills in."""
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def test_the_index_names_every_page_and_nothing_else() -> None:
    named = {target for target, _ in LINK.findall((HANDBOOK / "README.md").read_text()) if "/" not in target and target}
    assert named == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for target, heading in LINK.findall(page.read_text()):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        assert not heading or heading in {_anchor(title) for title in HEADING.findall(file.read_text())}, heading


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_it_can_be_typed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = _parser()
    for line in commands(page.read_text()):
        if line.split()[0] in {"test", "bench"}:
            continue  # their arguments are another program's
        words = [FILLED_IN.get(word, word) for word in shlex.split(line, comments=True)]
        try:
            parser.parse_args(words)
        except SystemExit:
            pytest.fail(f"{page.name}: lpse {line}\n{capsys.readouterr().err}")


def commands(text: str) -> list[str]:
    """In blocks and within a line: `./lpse ...` and what is typed in a pod, `-- lpse ...`; also `lpse ...` in back quotes."""
    blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    inline = [code for line in text.splitlines() if not line.startswith("    ") for code in CODE.findall(line)]
    found = [match.strip() for line in [*blocks, *inline] for match in TYPED.findall(line)]
    found += [code.removeprefix("lpse ") for code in inline if code.startswith("lpse ")]
    return [re.sub(r"\s+>.*$", "", command) for command in found if command.strip(". ")]


def test_commands_are_found() -> None:
    text = "Say `./lpse dead list`, or `lpse db wait NAME`.\n\n    kubectl exec deploy/office -- lpse check --deep\n"
    assert commands(text) == ["check --deep", "dead list", "db wait NAME"]


@pytest.mark.parametrize("unit", sorted((ROOT / "deploy" / "systemd").glob("*.service")), ids=lambda unit: unit.name)
def test_units_are_what_systemd_reads(unit: Path, tmp_path: Path) -> None:
    """With the programme where this checkout has it; verified where systemd is installed."""
    text = unit.read_text()
    [start] = re.findall(r"^ExecStart=/opt/openlpse/lpse (.+)$", text, re.MULTILINE)
    _parser().parse_args(shlex.split(start))
    try:
        subprocess.run(["systemd-analyze", "--version"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("systemd-analyze is not installed here")
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/opt/openlpse", str(ROOT)))
    done = subprocess.run(["systemd-analyze", "verify", copy], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
