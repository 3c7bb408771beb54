"""HTTP/1.1 as our servers speak it: what two readers could take apart differently is refused, in words, and hung up on."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kit.http import KEPT_SECONDS, PROBLEM, encode_problem
from kit.problems import Problem

__all__ = ["Plain"]

VERSIONS: Final = {"1.0", "1.1"}
LETTING_GO: Final = KEPT_SECONDS + 0.5
"""Seconds that an idle connection is still kept by a server that stops."""


class Plain(HttpToolsProtocol):
    """The parser refuses two lengths, bare line ends and the like; here is what it lets through."""

    _whole_head = False

    def on_message_begin(self) -> None:
        self._whole_head = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field after the body (a trailer) is none of the head's, which somebody before us may have cleaned."""
        if self._whole_head:
            return
        if name.lower() == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise ValueError("a body is chunked or has a length")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Raising here is what the parser calls a malformed message.

        A target with a host in it could name another than `Host`; after an upgrade the body would never be read.
        """
        self._whole_head = True
        if not self.url.startswith(b"/") or b"#" in self.url:
            raise ValueError("a request target is a path")
        if self.parser.get_http_version() not in VERSIONS or self.parser.should_upgrade():
            raise ValueError("HTTP/1.1 without upgrade is spoken here")
        super().on_headers_complete()

    def shutdown(self) -> None:
        """The server stops, and says so with every answer that begins from now on (cli/serving.py).

        A request may be on its way on a connection that is idle here: closed at once, it would be lost. So it is kept
        until no client of ours begins another on it.
        """
        self.timeout_keep_alive = LETTING_GO  # type: ignore[assignment]  # any number will do
        if self.cycle is None or self.cycle.response_complete:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(LETTING_GO, self.timeout_keep_alive_handler)
        elif not self.cycle.response_started:
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the parser does not know more
        if self._begun():
            self.transport.close()
            return
        content = encode_problem(_MALFORMED)
        lines = ["HTTP/1.1 400 Bad Request", f"content-type: {PROBLEM}", f"content-length: {len(content)}"]
        lines += ["cache-control: no-store", "x-content-type-options: nosniff", "connection: close", "", ""]
        self.transport.write("\r\n".join(lines).encode() + content)
        self.transport.close()

    def _begun(self) -> bool:
        """Whether an answer is under way on this connection: a second head in the middle of it would be read as its body."""
        cycle: Any = self.cycle
        return cycle is not None and cycle.response_started and not cycle.response_complete


_MALFORMED: Final = Problem(
    "malformed_message",
    "This is no HTTP/1.1 request that can be read in one way only.",
    remedy="Use a current HTTP client, with a path as the request's target, one Host, one length and no upgrade.",
)
