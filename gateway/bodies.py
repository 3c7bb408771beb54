"""How a request's body arrives: small ones whole before any service is troubled, files in a steady stream."""

import asyncio
from typing import Any

from starlette.types import Message, Receive

from kit.limits import Limits
from kit.problems import Problem

__all__ = ["Steady", "read_body"]


async def read_body(receive: Receive, declared: str | None, most: int, seconds: float) -> bytes | None:
    """A small body, whole: a slow sender holds no place of a service.

    None when the client left. 413 as soon as the length is known or counted to be above `most`; 408 after `seconds`.
    """
    if declared is not None and declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > most:
                    raise _too_large(most)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Problem("body_slow", "The request did not arrive in time.", status=408, remedy="Send it again.") from None


class Steady:
    """A file's sender: 408 when he is all but silent for a while, or takes longer than any line needs.

    Only the time in which he is waited for counts: when the store is slow, he is not to blame.
    """

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + limits.upload_seconds
        self._waited = self._received = 0.0
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        while (message := await self._next()) is None:
            self._judge()
        self._received += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        self._judge()
        return message

    async def _next(self) -> Message | None:
        began = self._loop.time()
        try:
            async with asyncio.timeout(self._limits.upload_window - self._waited):
                return await self._receive()
        except TimeoutError:
            return None
        finally:
            self._waited += self._loop.time() - began

    def _judge(self) -> None:
        if self._whole:
            return
        if self._loop.time() > self._ends:
            raise _slow(
                "upload_unfinished",
                "The file was not whole after {seconds} seconds.",
                seconds=round(self._limits.upload_seconds),
            )
        if self._waited < self._limits.upload_window:
            return
        if self._received < self._limits.upload_rate * self._limits.upload_window:
            raise _slow(
                "upload_slow", "Less than {rate} bytes a second came for a while.", rate=self._limits.upload_rate
            )
        self._waited = self._received = 0.0


def _slow(code: str, detail: str, **params: Any) -> Problem:
    remedy = "Send the file again with the same grant, when the line is better."
    return Problem(code, detail, status=408, remedy=remedy, **params)


def _too_large(most: int) -> Problem:
    return Problem(
        "body_too_large",
        "A request here has at most {most} bytes.",
        status=413,
        remedy="Files go to /api/documents/uploads with a grant.",
        most=most,
    )
