"""What every request must look like before anything else looks at it, and what every answer carries."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.types import Message, Scope

from kit.limits import Limits
from kit.problems import Problem
from kit.settings import GatewaySettings

__all__ = [
    "Hosts",
    "RawHeaders",
    "decorate",
    "raw_path",
    "refuse_ambiguous",
    "refuse_oversized",
    "security_headers",
    "to_service",
]

RawHeaders = Sequence[tuple[bytes, bytes]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

TO_SERVICE = frozenset(
    {b"accept", b"accept-language", b"content-type", b"content-length", b"content-disposition", b"content-encoding"}
    | {b"idempotency-key", b"lpse-grant", b"lpse-tracking", b"range", b"if-none-match", b"user-agent"}
)
ONCE = frozenset(
    {b"host", b"authorization", b"content-type", b"content-length", b"content-disposition", b"content-encoding"}
    | {b"idempotency-key", b"lpse-grant", b"lpse-tracking", b"range", b"origin", b"expect"}
)
"""What has one meaning only where it stands once: of two, a proxy may believe the first and a service the last."""
NOT_FROM_SERVICE = frozenset(
    {b"server", b"x-powered-by", b"set-cookie", b"date", b"via", b"alt-svc", b"traceparent", b"tracestate"}
    | {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"location"}
)

# A slash, backslash, percent sign or control character that only shows once decoded means two things to two readers.
TRICKS = re.compile(rb"[\x00-\x20\x7f-\xff\\]|//|%(?:2f|5c|25|[01][0-9a-f]|7f)", re.IGNORECASE)

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Scripts are files of this portal; `wasm-unsafe-eval` lets them compile WebAssembly (fingerprints), not text."""
DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"


class Hosts:
    """The names this portal answers to. A request under another name is a mistake or an attack on caches and links."""

    def __init__(self, settings: GatewaySettings) -> None:
        url = urlsplit(settings.public_url)
        self.scheme = url.scheme
        self._names = {url.netloc.rpartition("@")[2].lower().partition(":")[0] if "[" not in url.netloc else "[::1]"}
        if settings.profile == "latihan":
            self._names |= LOOPBACK

    def refuse_foreign(self, headers: Headers) -> None:
        host = headers.get("host", "")
        name = re.sub(r":\d+$", "", host.lower())
        if name not in self._names:
            raise Problem(
                "host_unknown",
                "This portal does not answer to the name {host}.",
                remedy="Use the address the LPSE has published.",
                host=host[:100],
            )

    def is_ours(self, origin: str, headers: Headers) -> bool:
        """Whether an Origin is the page this very request was sent to."""
        return origin.lower() == f"{self.scheme}://{headers.get('host', '').lower()}"


def raw_path(scope: Scope) -> bytes:
    """The path as it was sent. 400 for what a proxy and a service could read differently."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if TRICKS.search(raw) or not raw.startswith(b"/") or _has_dots(raw):
        raise Problem(
            "path_refused",
            "This path has a form that is not accepted.",
            remedy="Write it plainly: no empty or dot segments, no encoded slash, no backslash, no control character.",
        )
    return raw


def _has_dots(raw: bytes) -> bool:
    try:
        segments = unquote(raw.decode("ascii"), errors="strict").split("/")
    except UnicodeDecodeError:
        return True
    return not {".", ".."}.isdisjoint(segments)


def refuse_ambiguous(headers: RawHeaders) -> None:
    named = [name for name, _ in headers if name in ONCE]
    if len(named) > len(set(named)):
        twice = next(name for name in named if named.count(name) > 1).decode()
        raise Problem(
            "header_twice",
            "The header {name} stands twice in this request.",
            remedy="Send it once.",
            name=twice,
        )
    if any(name == b"expect" and value.strip().lower() != b"100-continue" for name, value in headers):
        raise Problem("expectation_refused", "Only 100-continue can be expected.", status=417, remedy="Leave it out.")


def refuse_oversized(scope: Scope, limits: Limits) -> None:
    target, headers = scope.get("raw_path") or b"", scope["headers"]
    if len(target) + len(scope["query_string"]) > limits.target_bytes:
        raise Problem(
            "target_too_long",
            "An address here has at most {size} bytes.",
            status=414,
            remedy="Ask for less at once.",
            size=limits.target_bytes,
        )
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > limits.head_lines or size > limits.head_bytes:
        raise Problem(
            "headers_too_large",
            "A request has at most {count} header lines with {size} bytes together.",
            status=431,
            remedy="Delete this site's cookies, or send less.",
            count=limits.head_lines,
            size=limits.head_bytes,
        )


def to_service(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """What a service may see of a request: a list of what is allowed, so that nothing slips through unnamed."""
    return [(name, value) for name, value in headers if name in TO_SERVICE]


def from_service(message: Message, prefix: str) -> Message:
    """An answer's start without what is nobody's business; an address in the service becomes one of the portal."""
    headers = [(name.lower(), value) for name, value in message.get("headers", ())]
    kept = [pair for pair in headers if pair[0] not in NOT_FROM_SERVICE and not pair[0].startswith(b"access-control-")]
    kept += [(b"location", _relocated(value, prefix)) for name, value in headers if name == b"location"]
    return {**message, "headers": kept}


def _relocated(location: bytes, prefix: str) -> bytes:
    parts = urlsplit(location.decode("latin-1"))
    query = f"?{parts.query}" if parts.query else ""
    return f"{prefix}{parts.path}{query}".encode("latin-1")


def security_headers(*, secure: bool, page: bool) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-security-policy", (PAGE_POLICY if page else DATA_POLICY).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer" if not page else b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    ]
    return [*headers, (b"strict-transport-security", b"max-age=31536000")] if secure else headers


def decorate(message: Message, ours: Iterable[tuple[bytes, bytes]]) -> Message:
    """Ours replace what the answer said; `Cache-Control` is only added where nothing is said."""
    ours = list(ours)
    names = {name for name, _ in ours}
    headers = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in names]
    if not any(name.lower() == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    return {**message, "headers": headers + ours}
