"""Indonesian first, English second: catalogues of short keys, read once at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel.messages.pofile import read_po
from markupsafe import Markup, escape
from starlette.requests import Request

__all__ = ["COOKIE", "LANGUAGES", "Catalogue", "chosen", "load"]

LANGUAGES: Final = ("id", "en")
COOKIE: Final = "lpse_lang"
FOLDER: Final = Path(__file__).parents[1] / "locale"


@dataclass(frozen=True)
class Catalogue:
    """The words of one language. Every key there is stands in both catalogues; a test compares them."""

    language: str
    words: Mapping[str, str]

    def __call__(self, key: str, **places: Any) -> str:
        """Where a place is markup, so is what comes of it; the words and the other places are escaped then."""
        word = self.words[key]
        if any(isinstance(place, Markup) for place in places.values()):
            word = escape(word)
        return word.format(**places)

    def of(self, group: str, code: str, otherwise: str | None = None) -> str:
        """The word for a code that a service sent; its own name or the code for one newer than this catalogue."""
        return self.words.get(f"{group}.{code}") or otherwise or code.replace("_", " ")

    def group(self, name: str) -> dict[str, str]:
        """All codes of a group with their words, in the catalogue's order."""
        return {key.removeprefix(f"{name}."): word for key, word in self.words.items() if key.startswith(f"{name}.")}


@cache
def load(language: str) -> Catalogue:
    """One file per part of the portal; a key stands in one of them. To read them takes longer than all else of a start."""
    words: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.po")):
        with path.open("rb") as file:
            found = {
                str(message.id): str(message.string)
                for message in read_po(file, locale=language, abort_invalid=True)
                if message.id
            }
        if twice := words.keys() & found.keys():
            raise ValueError(f"{path}: {', '.join(sorted(twice))} stand in another catalogue too")
        words |= found
    return Catalogue(language, words)


def chosen(request: Request) -> str:
    """`?lang=` (which is then remembered), else the cookie, else what the browser prefers, else Indonesian."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE), *_preferred(request)):
        if wish in LANGUAGES:
            return wish
    return LANGUAGES[0]


def _preferred(request: Request) -> list[str]:
    weighted = []
    for part in request.headers.get("accept-language", "").split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            weighted.append((-float(quality or 1), tag[:2].lower()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(weighted, key=lambda pair: pair[0])]
