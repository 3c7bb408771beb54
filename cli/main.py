"""What was typed, to the function that does it."""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from math import inf
from pathlib import Path
from typing import NoReturn, TypeVar

from cli.installation import Installation
from cli.mistakes import Mistake, worded
from services import SERVICES

__all__ = ["carry_out", "main"]

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    asked, rest = parser.parse_known_args(arguments)
    if asked.command == "test" and asked.mutants is None:
        from cli.testing import test

        return test(rest, require=asked.require_backends, long=asked.long)
    if asked.command == "bench":
        _become_bench(rest)
    if rest:
        parser.error(f"unknown: {' '.join(rest)}")
    return carry_out(asked)


def _become_bench(arguments: list[str]) -> NoReturn:
    """A program of its own above this one, which measures the commands as they are."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    os.execve(sys.executable, [sys.executable, "-P", "-m", "bench", *arguments], environment)  # noqa: S606


def carry_out(asked: argparse.Namespace) -> int:
    """Run `asked.run`; what a person did wrong is one sentence on stderr, not a stack trace."""
    from cli.servers import ServerError
    from kit.bus import BusUnavailable
    from kit.clock import Backwards
    from kit.db import is_unavailable

    try:
        return int(asyncio.run(_stoppable(asked)))
    except (Mistake, ServerError, Backwards) as error:
        print(f"lpse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    except Exception as error:
        if not (isinstance(error, BusUnavailable) or is_unavailable(error)):
            raise
        print(
            f"lpse: A server of this system does not answer ({worded(error)}). Is `./lpse up` running?", file=sys.stderr
        )
        return 1


async def _stoppable(asked: argparse.Namespace) -> int:
    """SIGTERM, too, lets go of everything in order."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    done: int = await asked.run(asked)
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lpse", description="OpenLPSE: electronic procurement for a local government."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], Awaitable[int]], help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help)
        made.add_argument(
            "--var", type=Path, default=ROOT / "var", help="directory of the installation (default ./var)"
        )
        made.set_defaults(run=run)
        return made

    up = command("up", _up, "start everything on this machine, until Ctrl-C")
    up.add_argument("--port", type=_port, default=8080)
    up.add_argument("--processes", action="store_true", help="one process per service, the gateway over HTTP")
    up.add_argument(
        "--witnesses", type=_few, default=0, metavar="N", help="with so many witnesses of the log beside it (default 0)"
    )
    _servers(up)
    _plays(command)
    _keeps(command)
    serve = command("serve", _serve, "one service, the gateway or a witness, configured by LPSE_ environment variables")
    serve.add_argument("name", choices=(*SERVICES, "gateway", "witness"))
    serve.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104  a container's own
    serve.add_argument("--port", type=_port, default=8000)
    serve.add_argument("--only", choices=("api", "worker"))
    test = command("test", _mutants, "run every test this machine can run (further arguments go to pytest)")
    test.add_argument("--long", action="store_true", help="the long ones too")
    test.add_argument("--require-backends", action="store_true", help="a backend that cannot be had is a failure")
    missed = "instead, remove one guard after the other: does a test notice each?"
    test.add_argument("--mutants", nargs="*", metavar="NAME", help=missed)
    # its own program knows its arguments, also --help
    commands.add_parser("bench", help="measure, and print ratios: bench NAME [--json]", add_help=False)
    db = command("db", _db, "the databases' schemas")
    db.add_argument("action", choices=("upgrade", "show", "wait", "seed", "revision"))
    db.add_argument("name", nargs="?", choices=("all", *SERVICES, "witness"), default="all")
    db.add_argument("message", nargs="?", help="what a revision changes, in_words_like_this")
    clock = command("clock", _clock, "the training clock")
    clock.add_argument("action", choices=("show", "stop", "set", "next", "run"))
    clock.add_argument("at", nargs="?", type=_instant, help="2026-11-23T10:00:00+07:00")
    code = command("code", _code, "the six digits of an account's second factor now (training instances only)")
    code.add_argument("account", help="as `lpse up` prints it: verifikator, ppk, pokja1, ...")
    events = command("events", _events, "what the services told each other")
    events.add_argument("action", choices=("list", "count", "replay", "resend", "schema"))
    events.add_argument(
        "--from", dest="source", choices=SERVICES, default="registry", help="producer (default registry)"
    )
    events.add_argument(
        "--to", dest="target", choices=SERVICES, default="tender", help="who replays or lacks events (default tender)"
    )
    events.add_argument("--type", dest="pattern", default="*", help="for example 'registry.provider.*' (default all)")
    events.add_argument("--limit", type=_count, default=50, help="how many to list (default 50)")
    events.add_argument("--write", action="store_true", help="write the contracts' schemas instead of comparing them")
    dead = command("dead", _dead, "events that could not be handled")
    dead.add_argument("action", choices=("list", "show", "retry", "discard"))
    dead.add_argument("queue", nargs="?", choices=("", *SERVICES), default="", metavar="SERVICE")
    dead.add_argument("id", nargs="?", default="")
    check = command("check", _check, "is everything there and as it should be?")
    check.add_argument(
        "--deep", action="store_true", help="also whether all that was acknowledged is stored, handled, logged"
    )
    check.add_argument("--sbom", action="store_true", help="print what is installed, as a CycloneDX bill of materials")
    _verifies(command)
    command("adopt", _adopt, "after a restore of the store: find the documents' bytes by their fingerprints")
    return parser


Adds = Callable[[str, Callable[[argparse.Namespace], Awaitable[int]], str], argparse.ArgumentParser]


def _verifies(command: Adds) -> None:
    """What whoever holds a receipt does, on a machine of his own."""
    verify = command(
        "verify", _verify, "a receipt: signature, log, witnesses and, of a PDF, the seal; without any network"
    )
    verify.epilog = "Ends with 0 when all of it holds, 1 when it must not be believed, 2 when a file cannot be read, 3 when it is provisional."
    verify.add_argument("file", type=Path, help="the receipt: its .json, its .pdf, or a tender's dossier (.zip)")
    verify.add_argument(
        "--original",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="a file that was handed in: is the receipt about it? May be repeated",
    )
    verify.add_argument(
        "--record", type=Path, metavar="FILE", help="what was handed in, where the receipt leaves it out"
    )
    verify.add_argument(
        "--trust-root",
        type=Path,
        metavar="FILE",
        help="whom to believe (default: `trust-root` beside the receipt or above it, else the installation's)",
    )
    verify.add_argument("--lang", choices=("id", "en"), default="id", help="language of what is said (default id)")
    verify.add_argument("--json", action="store_true", help="one JSON object on stdout")


def _plays(command: Adds) -> None:
    """What plays on servers of its own."""
    top = command("top", _top, "what waits in each service and what the processes use, here and now")
    top.add_argument("--every", type=_seconds, default=2.0, metavar="SECONDS", help="between two looks (default 2)")
    top.add_argument("--once", action="store_true", help="one look, as also where the output is no terminal")
    demo = command("demo", _demo, "play one whole tender with real files, on its own servers")
    demo.add_argument("--files", type=Path, help="directory whose files the bidders hand in")
    demo.add_argument("--out", type=Path, help="where the evidence goes (default under --var)")
    demo.add_argument("--json", action="store_true", help="one JSON object on stdout at the end")
    demo.add_argument(
        "--witnesses", type=_few, default=2, metavar="N", help="so many witnesses see its log (default 2)"
    )
    _servers(demo)
    _elsewhere(demo)
    rush = command("rush", _rush, "bidders before a deadline while parts of the system are killed and frozen")
    rush.add_argument("--bidders", type=_count, default=10)
    rush.add_argument("--kill", type=float, metavar="RATE", help="faults per second (default 0.5; with --gateway none)")
    rush.add_argument("--seed", type=int, default=1, help="decides who comes when and what is struck (default 1)")
    rush.add_argument("--keep", action="store_true", help="leave its directory, which a bad end always leaves")
    rush.add_argument("--json", action="store_true", help="what it does anyway: one JSON object on stdout")
    _servers(rush)
    _elsewhere(rush)


def _elsewhere(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gateway", metavar="URL", help="play in the training system of --var that runs already, over this address"
    )


def _keeps(command: Adds) -> None:
    """What outlives the machine."""
    keys = command("keys", _keys, "the services' signing keys, and that of a witness")
    keys.add_argument("action", choices=("create", "list", "renew", "retire", "witness", "ceremony"))
    keys.add_argument(
        "what",
        nargs="?",
        default="",
        help="the directory to create, the owner to renew, the key to retire, the file for a witness's new key, "
        "or the directory with the three offices' media",
    )
    keys.add_argument("--name", default="", help="witness: how others know it, as inspektorat.example/witness")
    keys.add_argument(
        "--official",
        metavar="FILE",
        type=Path,
        help="ceremony: also the first official of production, who is asked for",
    )
    keys.add_argument(
        "--instance",
        default="",
        help="create, ceremony: the LPSE's LPSE_INSTANCE, whose name the seal bears (default: the installation's)",
    )
    keys.add_argument("--policy", type=Path, metavar="FILE", help="ceremony: the witnesses, as in LPSE_LOG_POLICY")
    keys.add_argument("--keys", type=Path, metavar="DIR", help="not the installation's, but what `keys create` made")
    keys.add_argument("--training", action="store_true", help="create: also the accounts of a training instance")
    keys.add_argument("--stolen", action="store_true", help="retire: believe nothing that was ever signed with it")
    kept = command("backup", _backup, "copy everything that cannot be made anew, while the system runs")
    kept.add_argument(
        "directory", type=Path, help="a new directory for the copy; keep it as secret as the installation"
    )
    back = command("restore", _restore, "make a new installation from a backup")
    back.add_argument("directory", type=Path, help="what `lpse backup` made")
    _servers(back)


N = TypeVar("N", int, float)


def _between(kind: Callable[[str], N], least: float, most: float, sentence: str) -> Callable[[str], N]:
    def read(text: str) -> N:
        with suppress(ValueError):
            number = kind(text)
            if least <= number <= most:
                return number
        raise argparse.ArgumentTypeError(sentence)

    return read


_port = _between(int, 1, 65535, "a port is a number from 1 to 65535")
_count = _between(int, 1, inf, "a number from 1 on")
_few = _between(int, 0, 9, "from none to nine")
_seconds = _between(float, 0.2, 3600, "from 0.2 seconds to an hour")


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("an instant is written 2026-11-23T10:00:00+07:00") from None


def _servers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bus", help="amqp://user:password@host:port of a RabbitMQ (default: embedded)")
    parser.add_argument("--database", help="postgresql://admin:password@host:port/postgres (default: embedded)")
    parser.add_argument("--objects", help="http://key:secret@host:port of an S3 store (default: embedded)")


async def _up(asked: argparse.Namespace) -> int:
    from cli.system import Options
    from cli.up import up

    servers = {"bus": asked.bus, "database": asked.database, "objects": asked.objects}
    options = Options(var=asked.var.absolute(), port=asked.port, witnesses=asked.witnesses, **servers)
    await up(options, processes=asked.processes)
    return 0


async def _demo(asked: argparse.Namespace) -> int:
    from cli.demo import demo

    return await demo(asked)


async def _rush(asked: argparse.Namespace) -> int:
    from cli.rush import rush

    return await rush(asked)


async def _top(asked: argparse.Namespace) -> int:
    from cli.top import top

    await top(Installation.read(asked.var.absolute()), every=asked.every, once=asked.once)
    return 0


async def _serve(asked: argparse.Namespace) -> int:
    from cli.serve import serve

    await serve(asked.name, host=asked.host, port=asked.port, only=asked.only)
    return 0


async def _mutants(asked: argparse.Namespace) -> int:
    from cli.mutants import everything

    return await everything(ROOT, asked.mutants)


async def _db(asked: argparse.Namespace) -> int:
    from cli import databases

    if asked.action in {"revision", "wait"} and asked.name == "all":
        raise Mistake(f"`db {asked.action}` is for one service: lpse db {asked.action} tender")
    if asked.action == "revision":
        if not re.fullmatch(r"[a-z][a-z0-9_]+", asked.message or ""):
            raise Mistake("Say what changes, in small letters: lpse db revision tender lot_numbers")
        from cli.servers import Postgres

        async with Postgres(asked.var.absolute() / "revision") as server:
            await databases.revise(server.dsn, asked.name, asked.message)
        return 0
    if asked.action == "show":
        return 0 if await databases.show(Installation.read(asked.var.absolute()), asked.name) else 1
    if asked.action == "seed":
        await databases.seed(asked.name, os.environ)
        return 0
    addresses = databases.addresses(asked.name, asked.var.absolute(), os.environ)
    if asked.action == "upgrade":
        await databases.upgrade(addresses, patient=asked.name != "all" and "LPSE_DATABASE" in os.environ)
    else:
        await databases.wait(asked.name, addresses[asked.name])
    return 0


async def _keys(asked: argparse.Namespace) -> int:
    from cli import keyring

    if asked.action != "list" and not asked.what:
        needed = {
            "create": "a new directory",
            "renew": "an owner",
            "retire": "a key",
            "witness": "a new file",
            "ceremony": "a directory",
        }[asked.action]
        raise Mistake(f"`keys {asked.action}` needs {needed}; see `lpse keys list`.")
    if asked.action == "create":
        print("\n".join(keyring.create(Path(asked.what), training=asked.training, instance=asked.instance)))
        return 0
    if asked.action == "witness":
        from cli.witnesses import make_key

        print(make_key(Path(asked.what), asked.name))
        return 0
    if asked.action == "ceremony":
        print("\n".join(_held(asked)))
        return 0
    home, instance = asked.keys, asked.instance
    if home is None:
        installation = Installation.read(asked.var.absolute())
        home = keyring.home_of(installation, private=asked.action != "list")
        instance = instance or installation.instance
    if asked.action == "list":
        print("\n".join(keyring.listing(home)))
    elif asked.action == "renew":
        print("\n".join(keyring.renew(home, asked.what, instance)))
    else:
        keyring.retire(home, asked.what, stolen=asked.stolen)
        print(f"{asked.what} signs nothing from now on; its owner uses the newest that is left")
    return 0


def _held(asked: argparse.Namespace) -> list[str]:
    from cli import keyring
    from cli.ceremony import ceremony

    home, instance, policy = asked.keys, asked.instance, asked.policy
    if home is None:
        installation = Installation.read(asked.var.absolute())
        home = keyring.home_of(installation, private=True)
        instance, policy = instance or installation.instance, policy or installation.log_policy
    if not instance:
        raise Mistake("`keys ceremony` needs --instance: what LPSE_INSTANCE of this LPSE says.")
    done = ceremony(Path(asked.what), home, instance, policy)
    if asked.official:
        _ask_for_official(asked.official)
    return [
        f"{done.file} is version {done.root.version} of the root of trust of {done.root.instance}",
        f"signed by {', '.join(done.signers) or 'the same as before: nothing has changed'}",
        f"fingerprint: {done.root.fingerprint}",
    ]


def _ask_for_official(file: Path) -> None:
    """Who he is, by which decree; what is not typed but made is in the file alone."""
    from cli import accounts

    questions = {
        "user_id": "User ID of the Admin PPE",
        "name": "Name",
        "email": "E-mail",
        "letter_number": "Number of the decree",
        "issuer": "Issued by",
        "valid_from": "Valid from (2026-01-01T00:00:00+07:00)",
        "valid_to": "Valid until, excluded (2027-01-01T00:00:00+07:00)",
    }
    print("The first official of this installation:", file=sys.stderr)
    said = {}
    for field, question in questions.items():
        print(f"  {question}: ", end="", file=sys.stderr, flush=True)
        said[field] = sys.stdin.readline().strip()
    accounts.draft_first(file, said)
    print(
        f"{file} holds his password and second factor: give it to him alone, and destroy it after `lpse db seed`",
        file=sys.stderr,
    )


async def _clock(asked: argparse.Namespace) -> int:
    from cli import clocks

    installation = Installation.read(asked.var.absolute())
    if asked.action == "show":
        print("\n".join(await clocks.show(installation)))
        return 0
    if asked.action == "set" and asked.at is None:
        raise Mistake("`clock set` needs an instant: lpse clock set 2026-11-23T10:00:00+07:00")
    if asked.at is not None and asked.at.tzinfo is None:
        raise Mistake("The instant needs its zone: 2026-11-23T10:00:00+07:00")
    at, borders = asked.at, list[str]()
    if asked.action == "next":
        async with installation.reading("tender") as db:
            at, borders = await clocks.next_border(db)
    print(clocks.wib(await clocks.move(installation, "set" if borders else asked.action, at)), *borders, sep="\n")
    return 0


async def _code(asked: argparse.Namespace) -> int:
    from cli.codes import code

    print(code(Installation.read(asked.var.absolute()), asked.account))
    return 0


async def _backup(asked: argparse.Namespace) -> int:
    from cli.backup import backup

    made = await backup(Installation.read(asked.var.absolute()), asked.directory.absolute())
    print(f"{asked.directory.absolute()} holds {made}")
    return 0


async def _restore(asked: argparse.Namespace) -> int:
    from cli.restore import restore
    from cli.system import Options
    from cli.up import say

    var = asked.var.absolute()
    servers = {"bus": asked.bus, "database": asked.database, "objects": asked.objects}
    made = await restore(asked.directory.absolute(), Options(var=var, **servers), say)
    print(
        f"{var} holds {made}\nStart it with `./lpse up --var {var}`, then see that `./lpse check --deep` finds nothing."
    )
    return 0


async def _events(asked: argparse.Namespace) -> int:
    from cli import events

    if asked.action == "schema":
        from cli.schemas import drift

        changed = drift(write=asked.write)
        print("\n".join(changed) or "the committed schemas are what the contracts say")
        return 0 if asked.write or not changed else 1
    installation = Installation.read(asked.var.absolute())
    if asked.action == "list":
        print("\n".join(await events.listing(installation, asked.source, asked.pattern, asked.limit)))
    elif asked.action == "count":
        found = await events.count(installation)
        print(json.dumps({"emitted": found.emitted, "handled": found.handled, "waiting": list(found.waiting)}))
    elif asked.action == "resend":
        print(f"{await events.resent(installation, asked.target)} events that {asked.target} lacks are published again")
    else:
        done = await events.replayed(installation, asked.source, asked.target, asked.pattern)
        print(f"{done} events of {asked.source} applied anew in {asked.target}")
    return 0


async def _dead(asked: argparse.Namespace) -> int:
    from cli import dead

    installation = Installation.read(asked.var.absolute())
    if asked.action == "list":
        found = await dead.letters(installation)
        if not found:
            print("no dead letters")
        for letter in found:
            print(
                f"{letter.queue:<10} {letter.id} {letter.key} {letter.reason} attempts={letter.attempts} {letter.detail}"
            )
        return 0
    if not (asked.queue and asked.id):
        raise Mistake(f"`dead {asked.action}` needs the service and the event's id: lpse dead {asked.action} tender ID")
    if asked.action == "show":
        text = await dead.shown(installation, asked.queue, asked.id)
        print(text or "")
        done = text is not None
    else:
        done = await (dead.retry if asked.action == "retry" else dead.discard)(installation, asked.queue, asked.id)
    if not done:
        raise Mistake(f"There is no dead letter {asked.id} of {asked.queue}; see `lpse dead list`.")
    return 0


async def _check(asked: argparse.Namespace) -> int:
    if asked.sbom:
        from cli.sbom import sbom

        print(sbom())
        return 0
    from cli.check import check

    found = await check(Installation.read(asked.var.absolute()), deep=asked.deep, serving=True)
    print("\n".join(found) or "everything is there and as it should be")
    return 1 if found else 0


async def _verify(asked: argparse.Namespace) -> int:
    from cli.verify import verify

    try:
        return await asyncio.to_thread(verify, asked)
    except Mistake as error:
        print(f"lpse: {error}", file=sys.stderr)
        return 2


async def _adopt(asked: argparse.Namespace) -> int:
    from cli.adoption import adopt

    done = await adopt(Installation.read(asked.var.absolute()))
    print(f"{done.documents} documents are read from now on where the store has them")
    for id in done.missing:
        print(f"the bytes of the document {id} are nowhere in the store")
    return 1 if done.missing else 0
