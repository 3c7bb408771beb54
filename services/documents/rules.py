"""What may be uploaded under a grant, and which bytes of an object were asked for. Pure."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from kit.problems import Problem, Reason, RuleViolation

__all__ = ["LONGEST_NAME", "Span", "declared_size", "file_name", "media_type", "span"]

LONGEST_NAME = 200
FORM = "Send `Content-Disposition: attachment; filename*=UTF-8''` followed by the percent-encoded name."
_NAME = re.compile(r"""(?:^|;)\s*filename\*\s*=\s*UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)\s*(?:;|$)""", re.IGNORECASE)
_RANGE = re.compile(r"bytes=(?:(\d{1,19})-(\d{1,19})?|-(\d{1,19}))", re.ASCII)
_HIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Characters that reverse how a name is shown: `fdp.exe` can be made to read `exe.pdf`."""


def declared_size(content_length: str | None, *, largest: int) -> int:
    """The size an upload declares, when the grant allows it: decided before a byte of the body is read."""
    if content_length is None:
        raise Problem(
            "length_required",
            "An upload says beforehand how many bytes it has.",
            remedy="Send the file with a Content-Length header, not chunked.",
            status=411,
        )
    if not re.fullmatch("[0-9]{1,19}", content_length):
        raise Problem("length_invalid", "Content-Length is a number of bytes.", remedy="Send the file's exact size.")
    size = int(content_length)
    if size > largest:
        raise Problem(
            "too_large",
            "The file has {size} bytes; this grant allows {largest}.",
            remedy="Split the document, or reduce the resolution of its scans.",
            status=413,
            size=size,
            largest=largest,
        )
    return size


def media_type(content_type: str | None, *, allowed: Collection[str]) -> str:
    """The type without its parameters, in small letters (types have no others), when the grant allows it.

    `*/*` in a grant allows every type.
    """
    given = (content_type or "").partition(";")[0].strip().lower()
    if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,63}/[a-z0-9!#$&^_.+-]{1,127}", given) and (
        {given, "*/*"} & {type_.lower() for type_ in allowed}
    ):
        return given
    raise Problem(
        "media_type_refused",
        "A file of type {given} cannot be handed in here; allowed is {allowed}.",
        remedy="Send one of these types and name it in the Content-Type header.",
        status=415,
        given=given or "(none)",
        allowed=", ".join(sorted(allowed)),
    )


def file_name(disposition: str | None) -> str:
    """The name a file shall have, exactly as its sender wrote it (RFC 6266, RFC 8187)."""
    found = _NAME.search(disposition or "")
    if found is None:
        raise Problem("name_missing", "An upload carries the file's name.", remedy=FORM)
    try:
        name = unquote_to_bytes(found[1]).decode()
    except UnicodeDecodeError:
        raise Problem("name_unreadable", "The file's name is not valid UTF-8.", remedy=FORM) from None
    if re.search(r"%(?![0-9A-Fa-f]{2})", found[1]):
        raise Problem("name_unreadable", "The file's name is not percent-encoded rightly.", remedy=FORM)
    _require_sound(name)
    return name


def _require_sound(name: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME:
        sentence = "a name has 1 to {most} characters, this has {length}"
        why = Reason("name_length", sentence, most=LONGEST_NAME, length=len(name))
    elif name != name.strip() or name in {".", ".."}:
        why = Reason("name_blank", "a name does not begin or end with a space and is more than dots")
    elif "/" in name or "\\" in name:
        why = Reason("name_path", "a name holds no / and no \\")
    elif any(unicodedata.category(char) in _HIDDEN or unicodedata.bidirectional(char) in _TURNING for char in name):
        why = Reason("name_hidden", "a name holds no control characters")
    else:
        return
    raise RuleViolation(
        "name_refused",
        "The file cannot have this name: {why}.",
        article="Perwali Mojokerto 21/2011 Pasal 14(2)-(4)",
        remedy="Rename the file and send it again.",
        why=why,
    )


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an object of `size` bytes; the whole when `partial` is False."""

    first: int
    length: int
    size: int
    partial: bool

    @property
    def content_range(self) -> str:
        return f"bytes {self.first}-{self.first + self.length - 1}/{self.size}"


def span(range_header: str | None, if_range: str | None, *, etag: str, size: int) -> Span:
    """What a Range header asks for (RFC 9110 section 14): one range; of several, or of another version, the whole."""
    asked = _RANGE.fullmatch((range_header or "").replace(" ", ""))
    if asked is None or (if_range is not None and if_range != etag):
        return Span(0, size, size, partial=False)
    begin, end, suffix = asked.groups()
    first = max(0, size - int(suffix)) if suffix is not None else int(begin)
    last = min(size - 1, int(end)) if end is not None else size - 1
    if end is not None and int(end) < int(begin):
        return Span(0, size, size, partial=False)  # malformed: the header is to be ignored
    if first >= size or suffix == "0":
        raise Problem(
            "range_unsatisfiable",
            "The document has {size} bytes; there are none at the place asked for.",
            remedy="Ask for a range that begins inside the document.",
            status=416,
            size=size,
        )
    return Span(first, last - first + 1, size, partial=True)
