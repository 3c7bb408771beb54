"""No page says a word that is not in the catalogues: templates hold no text of their own."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from jinja2 import Environment

from gateway.pages.render import HERE

TEMPLATES: Final = sorted((HERE / "templates").rglob("*.html"))
NAMES: Final = re.compile(r"\b(OpenLPSE|MD5|SHA-256|JSON|WIB)\b")
CODE: Final = {"code", "pre", "kbd", "samp"}
SAID: Final = {"alt", "aria-label", "aria-description", "content", "data-label", "label", "placeholder", "title"}
"""Attributes that people read or hear."""
LETTER: Final = re.compile(r"[^\W\d_]")
ATTRIBUTE: Final = re.compile(r"\b[a-z-]+=\"[^\"]*\"")
"""What a macro writes into somebody else's tag."""
JINJA: Final = Environment(autoescape=True)


def markup(template: str) -> str:
    """What a template writes itself: without expressions, statements and comments, each of which leaves a blank."""
    return "".join(
        value if kind == "data" else " " if kind in {"variable_end", "block_end", "comment_end"} else ""
        for _, kind, value in JINJA.lex(template)
    )


class Words(HTMLParser):
    def __init__(self, template: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(markup(template))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag != "meta" or ("name", "description") in attrs:
            self.found += [value for name, value in attrs if name in SAID and value and self.bare(value)]

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not CODE & set(self.open) and self.bare(data):
            self.found.append(" ".join(data.split()))

    @staticmethod
    def bare(text: str) -> bool:
        return LETTER.search(ATTRIBUTE.sub("", NAMES.sub("", text))) is not None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(HERE / "templates")))
def test_a_template_has_no_bare_word(path: Path) -> None:
    assert Words(path.read_text()).found == []


def test_there_are_templates() -> None:
    assert {"parts.html", "frame.html", "error.html"} <= {path.name for path in TEMPLATES}


@pytest.mark.parametrize(
    "template",
    [
        "<p>Harga</p>",
        "<p>{{ t('x') }} Harga</p>",
        "{% if x %}Ya{% endif %}",
        '<input placeholder="Nama">',
        '<img alt="{{ x }} logo">',
        "<td data-label=Harga></td>",
        "<p>&copy; OpenLPSE Mojokerto</p>",
        "<code>x</code> lalu",
        "{% block title %}Masuk{% endblock %}",
    ],
)
def test_a_bare_word_is_found(template: str) -> None:
    assert Words(template).found


@pytest.mark.parametrize(
    "template",
    [
        "<p class='lead'>{{ t('x') }}: 12.5 &rarr; {{ y }}</p>",
        "{# Harga #}<p>{% set a = 'Harga' %}</p>",
        "OpenLPSE <b>SHA-256</b>",
        "<pre>curl {{ x }} | sha256sum</pre>",
        '<meta name="viewport" content="width=device-width">',
    ],
)
def test_what_is_no_bare_word_is_left_alone(template: str) -> None:
    assert not Words(template).found


UNIT: Final = re.compile(r"\b[a-z]+\.skpd\b")
"""A work unit's code, as the services call it."""


def test_a_work_unit_is_named_or_its_code_said_to_be_one() -> None:
    said = [
        expression.strip()
        for path in TEMPLATES
        for expression in re.findall(r"\{\{(.*?)\}\}", re.sub(r't\("[^"]*"\)', "", path.read_text()))
        if UNIT.search(expression)
    ]
    assert len(said) > 5
    unsaid = {expression for expression in said if not re.search(r'coded\("skpd"|unit_named\(', expression)}
    assert unsaid == {"wanted.skpd", "tender.skpd | urlencode"}, "a hidden field and an address"
