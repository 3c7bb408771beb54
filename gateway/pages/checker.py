"""What checks a receipt in the reader's own browser: in the portal, and as one file that works without us and without a network."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from gateway.pages import formats
from gateway.pages.language import LANGUAGES, load
from gateway.pages.page import Page
from gateway.pages.render import HERE, STATIC, scripts
from gateway.pages.visit import Visit

__all__ = ["PAGES", "standalone"]

NAME: Final = "periksa.html"


def standalone(trust_root: bytes | None) -> bytes:
    """The page, with this root of trust built in. Its script comes from the bundle: without one it says what to do by hand."""
    style, script = (STATIC / "lpse.css").read_text(), _script()
    policy = (
        f"default-src 'none'; script-src {_hash(script)} 'wasm-unsafe-eval'; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template(NAME).render(
        t=load(LANGUAGES[0]),
        languages=LANGUAGES,
        policy=policy,
        style=style,
        script=script,
        **_facts(trust_root, LANGUAGES),
    )
    return page.encode()


def _facts(trust_root: bytes | None, languages: tuple[str, ...]) -> dict[str, Any]:
    """`says`: the words of gateway/browser/src/check.ts."""
    return {
        "trust_root": (trust_root or b"").decode(),
        "says": {language: _words(language) for language in languages},
    }


@cache
def _words(language: str) -> dict[str, str]:
    said = {key: word for key, word in load(language).words.items() if key.startswith(("check.", "checks."))}
    return said | formats.wib_words(language)


def _script() -> str:
    address = scripts()["checker"]
    return (STATIC / Path(address).relative_to("/static")).read_text() if address else ""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def _trust_root(visit: Visit) -> bytes | None:
    return await visit.public_file("audit", "/trust-root")


async def show(visit: Visit) -> Mapping[str, Any]:
    return _facts(await _trust_root(visit), (visit.t.language,))


async def show_standalone(visit: Visit) -> Response:
    """To be kept: what is opened here would be as much the portal's word as any other page, and is not let run its script."""
    content = standalone(await _trust_root(visit))
    return HTMLResponse(content, headers={"content-disposition": f'attachment; filename="{NAME}"'})


PAGES: Final = (Page("/periksa", "check.html", show), Page(f"/{NAME}", NAME, show_standalone))
