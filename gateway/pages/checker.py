"""What checks a receipt in the reader's own browser: in the portal, and as one file that works without us and without a network."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.responses import HTMLResponse, Response

from gateway.pages import formats
from gateway.pages.language import LANGUAGES, Catalogue, load
from gateway.pages.page import Page
from gateway.pages.render import HERE, STATIC, scripts
from gateway.pages.visit import Visit

__all__ = ["PAGES", "standalone"]

NAME: Final = "periksa.html"


def standalone(trust_root: bytes | None) -> bytes:
    """The page, with this root of trust built in. Its script comes from the bundle: without one it says what to do by hand."""
    template, spoken = _parts()
    style, script = (STATIC / "lpse.css").read_text(), _script()
    policy = (
        f"default-src 'none'; script-src {_hash(script)} 'wasm-unsafe-eval'; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    page = template.render(
        t=spoken[0], languages=LANGUAGES, policy=policy, style=style, script=script, **_facts(trust_root, spoken)
    )
    return page.encode()


@cache
def _parts() -> tuple[Template, Sequence[Catalogue]]:
    """What takes a moment to read."""
    environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(NAME), [load(language) for language in LANGUAGES]


def _facts(trust_root: bytes | None, spoken: Sequence[Catalogue]) -> dict[str, Any]:
    """`says`: the words of gateway/browser/src/check.ts, by language."""
    return {"trust_root": (trust_root or b"").decode(errors="replace"), "says": {t.language: _words(t) for t in spoken}}


def _words(t: Catalogue) -> dict[str, str]:
    said = {key: word for key, word in t.words.items() if key.startswith(("check.", "checks."))}
    return said | formats.wib_words(t.language)


def _script() -> str:
    address = scripts()["checker"]
    return (STATIC / Path(address).relative_to("/static")).read_text() if address else ""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def show(visit: Visit) -> Mapping[str, Any]:
    return _facts(await visit.public_file("audit", "/trust-root"), [visit.t])


async def show_standalone(visit: Visit) -> Response:
    """To be kept: opened here it would be no more than /periksa, and the portal's policy lets no script run that stands in a page."""
    content = await asyncio.to_thread(standalone, await visit.public_file("audit", "/trust-root"))
    return HTMLResponse(content, headers={"content-disposition": f'attachment; filename="{NAME}"'})


PAGES: Final = (Page("/periksa", "check.html", show), Page(f"/{NAME}", NAME, show_standalone))
