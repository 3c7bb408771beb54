"""Services in processes of their own that begin as copies of one which has loaded the program: to load it anew would take each
two seconds of processor before it does anything. What is started again later is still the version that began.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Thread

from cli.servers.process import Child, Process, for_owner

__all__ = ["Copy", "load"]

_ORIGINALS = multiprocessing.get_context("forkserver")
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def load(modules: Sequence[str]) -> None:
    """What the original loads, before the first copy is made of it."""
    _ORIGINALS.set_forkserver_preload(list(modules))


class Copy(Process):
    """`command` is what `lpse` is asked for."""

    async def _born(self, command: Sequence[str | Path], env: Mapping[str, str] | None) -> Child:
        environment = dict(os.environ if env is None else env)
        arguments = (self.name, list(map(str, command)), environment, self.cwd, self.log, self.farewell)
        copy = _ORIGINALS.Process(target=_become, args=arguments, name=self.name, daemon=True)
        await asyncio.to_thread(copy.start)  # the first waits until the original has loaded all
        return _Copied(copy)


class _Copied:
    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int:
        self._process.join()
        return self._process.exitcode or 0

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


def _become(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    farewell: signal.Signals,
) -> None:
    """In the copy: a process like those of `Process`, with an environment, a directory, a session and a log of its own; `ps`
    and `top` show whose it is.
    """
    if parent := multiprocessing.parent_process():  # who wanted us; to the kernel, our parent is the original
        Thread(target=_end_with, args=(parent.sentinel, farewell), daemon=True).start()
    kernel = ctypes.CDLL(None)
    kernel.prctl(_PR_SET_PDEATHSIG, farewell)
    kernel.prctl(_PR_SET_NAME, f"lpse {name}".encode())
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    output = for_owner(str(log), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    from cli.main import main

    sys.exit(main(list(command)))


def _end_with(parent: int, farewell: signal.Signals) -> None:
    wait([parent])
    os.kill(os.getpid(), farewell)
