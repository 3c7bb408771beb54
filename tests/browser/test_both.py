"""Two implementations of one check, in two languages and three programs: of every file they find the same, in the same words."""

import base64
import json
import random
import zlib
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.async_api import Browser

from cli import bundle
from integrity import dsse, receipts
from integrity.canonical import MAX_INTEGER, NotCanonical, canonical, parse
from integrity.ed25519 import SignatureError
from integrity.ed25519 import verify as verify_signature
from integrity.entries import OPENING_TYPE, commitment
from integrity.receipts import Original, Report, verify
from integrity.trust import TrustError, TrustRoot
from tests.integrity.an_lpse import FILE, AnLpse, fields
from tests.integrity.test_canonical import values
from tests.integrity.test_ed25519 import Case, edges
from tests.integrity.test_receipts import FINAL, LPSE, WRONG, flips

Asked = dict[str, list[Any]]
OTHERS = (None, True, 0, -1, "", "blind", [], ["tender"], {}, {"pub": 1}, {"__proto__": {}})
"""What stands in the place of something else."""
ORIGINALS = (
    Original.of([FILE]),
    Original.of([b"another"]),
    Original("0" * 32, Original.of([FILE]).sha256),
    Original(Original.of([FILE]).md5, "0" * 64),
)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def swapped(value: Any) -> Iterator[Any]:
    """The value with each of its parts left out, or something else in its place."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for name, item in items:
        for inner in (*swapped(item), *OTHERS):
            changed = deepcopy(value)
            changed[name] = inner
            yield changed
        changed = deepcopy(value)
        del changed[name]
        yield changed


def resigned(said: dict[str, Any]) -> dict[str, Any]:
    return dsse.sign(canonical(said), receipts.PAYLOAD_TYPE, LPSE.signing["tender"], "kt")


def committed(entry: dict[str, Any], opening: Any) -> dict[str, Any]:
    """An entry that commits to this opening, whatever it is; once blind, once public."""
    c = commitment(OPENING_TYPE, bytes.fromhex(entry["r"]), canonical(opening)).hex()
    leaf = {**fields(entry["entry"]), "c": c}
    if isinstance(opening, dict) and opening.get("body") == {"pub": 1}:
        leaf = {"at": opening["at"], "kind": opening["kind"], "priv": c, "pub": {"record_sha256": "0" * 64}, "v": 1}
    return {**entry, "opening": opening, "entry": canonical(leaf).decode()}


def altered(data: bytes, times: int) -> Iterator[bytes]:
    """Bytes changed, left out and doubled at random, and always the same."""
    chance = random.Random(7)
    for _ in range(times):
        at, much = chance.randrange(len(data)), chance.choice((1, 1, 1, 40))
        yield (
            data[:at]
            + chance.choice((b"", bytes([chance.randrange(256)]), data[at : at + much] * 2))
            + data[at + much :]
        )


@cache
def files() -> list[tuple[bytes, list[Original]]]:
    public = LPSE.final(
        receipt=LPSE.receipt(of="registration", owner="registry"), kind="provider.registered", src="registry"
    )
    payload = parse(dsse.unverified(fields(FINAL)["receipt"], receipts.PAYLOAD_TYPE))
    one = fields(FINAL)
    said = [
        FINAL,
        public,
        LPSE.provisional(),
        LPSE.final(shown=False),
        b" \n" + FINAL + b"\r\x0b\x0c\t",
        FINAL + b"\xc2\x85",
    ]
    said += [data for _, data in flips(FINAL)]
    said += [data for data, _ in WRONG]
    said += altered(FINAL, 400)
    said += [canonical(file) for file in swapped(one)]
    said += [canonical({**one, "receipt": resigned(other)}) for other in swapped(payload)]
    said += [canonical({**one, "entry": committed(one["entry"], other)}) for other in swapped(one["entry"]["opening"])]
    leaf = fields(one["entry"]["entry"])
    said += [
        canonical({**one, "entry": one["entry"] | {"entry": canonical(other).decode()}}) for other in swapped(leaf)
    ]
    for at in (
        "1969-12-31T23:59:59.999Z",
        "2026-02-30T00:00:00.000Z",
        "0000-01-01T00:00:00.000Z",
        "2026-11-23T24:00:00.000Z",
    ):
        said.append(LPSE.final(receipt=LPSE.receipt(received_at=at)))
    said += [FINAL.replace(b"1795402800", number) for number in (b"0", b"253402300799", b"253402300800")]
    said += [LPSE.final(index=index, size=size) for size in (1, 2, 3, 4, 7, 8, 9) for index in range(size)]
    return [(data, []) for data in said] + [(FINAL, [one]) for one in ORIGINALS] + [(FINAL, list(ORIGINALS))]


@cache
def reports() -> list[Report]:
    """What Python finds of each file."""
    root = TrustRoot.parse(roots()[0])
    return [verify(data, root, had) for data, had in files()]


@cache
def roots() -> list[bytes]:
    file = LPSE.root_file()
    heading, said, *rest = file.decode().split("\n")
    swaps = [f"{heading}\n{canonical(other).decode()}" for other in swapped(json.loads(said))]
    return [
        file,
        AnLpse("uji2").root_file(),
        *(data for _, data in flips(file)),
        *altered(file, 200),
        *("\n".join([other, *rest]).encode() for other in swaps),
        *(str(TrustRoot.parse(file).signed({})).encode() for _ in range(1)),
        file[: file.rindex("\N{EM DASH}".encode())],
        file.replace(b"\n\n", b"\n\n\n"),
        b"",
    ]


@cache
def signatures() -> list[Case]:
    return list(edges())


def pdf(*contents: bytes, squeezed: bool = True, length: str = "{}", named: bytes = b"/EmbeddedFile") -> bytes:
    """Objects as PDF writers write them, of which only the attachments matter here."""
    said = b"%PDF-1.7\n1 0 obj\n<< /Names << /EmbeddedFiles 2 0 R >> >>\nendobj\n"
    for number, content in enumerate(contents, 3):
        data = zlib.compress(content) if squeezed else content
        how = b"/Filter /FlateDecode " if squeezed else b""
        size = length.format(len(data)).encode()
        said += b"%d 0 obj\n<< /Length %b\n/Type %b %b>>\nstream\n%b\nendstream\nendobj\n" % (
            number,
            size,
            named,
            how,
            data,
        )
    return said + b"trailer << /Root 1 0 R >>\n%%EOF\n"


PDFS = [
    (pdf(FINAL), FINAL),
    (pdf(FINAL, squeezed=False), FINAL),
    (pdf(FINAL, length="9 0 R"), FINAL),
    (pdf(b"something else", FINAL), FINAL),
    (pdf(FINAL, FINAL), None),
    (pdf(b"something else"), None),
    (pdf(bytes(64 << 20)), None),
    (pdf(FINAL, named=b"/XObject"), None),
    (pdf(FINAL, length="7"), None),
    (pdf(), None),
]


def everything() -> Asked:
    return {
        "roots": [b64(data) for data in roots()],
        "files": [
            {"root": 0, "data": b64(data), "originals": [plain(one) for one in given]} for data, given in files()
        ],
        "signatures": [[b64(one.public), b64(one.signature), b64(one.message)] for one in signatures()],
        "values": [],
        "pdfs": [b64(data) for data, _ in PDFS],
    }


def plain(original: Original) -> dict[str, str]:
    return {"md5": original.md5, "sha256": original.sha256}


def compare(answers: dict[str, Any]) -> None:
    """With what Python finds."""
    for (data, _), report, found in zip(files(), reports(), answers["files"], strict=True):
        checks = [{"layer": c.layer, "state": c.state, "word": c.word, "places": dict(c.places)} for c in report.checks]
        told = {"receipt": report.receipt, "verdict": report.verdict, "checks": checks}
        for one in (told, found):  # how a key's name is written that is no text is each language's own way
            one["checks"] = [c | {"places": {}} if c["word"] == "key_unknown" else c for c in one["checks"]]
        assert found == told, data
    for data, found in zip(roots(), answers["roots"], strict=True):
        assert found == fingerprint(data), data
    for one, found in zip(signatures(), answers["signatures"], strict=True):
        assert found == holds(one.public, one.signature, one.message), one
    assert answers["pdfs"] == [content and content.decode() for _, content in PDFS]


def fingerprint(data: bytes) -> str | None:
    try:
        return TrustRoot.parse(data).fingerprint
    except TrustError:
        return None


def holds(*signed: bytes) -> bool:
    try:
        verify_signature(*signed)
    except SignatureError:
        return False
    return True


def built(place: Path, *flags: str) -> None:
    done = bundle.node(
        Path("node_modules/esbuild/bin/esbuild"), "test/answers.ts", "--bundle", *flags, f"--outfile={place}"
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def node(scripts: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Asks Node: one process for all that is asked at once."""
    folder = tmp_path_factory.mktemp("answers")
    built(folder / "answers.mjs", "--platform=node", "--format=esm")
    program = folder / "ask.mjs"
    program.write_text(
        'import { readFileSync } from "node:fs";\nimport { answers } from "./answers.mjs";\n'
        'console.log(JSON.stringify(await answers(JSON.parse(readFileSync(process.argv[2], "utf8")))));\n'
    )

    def ask(asked: Asked) -> dict[str, Any]:
        question = folder / "question.json"
        question.write_text(json.dumps(asked))
        done = bundle.node(program, question)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return ask


def test_there_is_enough_to_compare() -> None:
    said = reports()
    words = {f"{check.layer}:{check.word}" for report in said for check in report.checks}
    assert {report.verdict for report in said} == {"good", "partly", "bad"}
    assert len(said) > 1400
    assert len(words) >= 24, sorted(words)
    assert len(signatures()) > 914
    assert len({holds(one.public, one.signature, one.message) for one in signatures()}) == 2


def test_node_finds_what_python_finds(node: Any) -> None:
    compare(node(everything()))


async def test_chromium_finds_what_python_finds(scripts: None, chromium: Browser, tmp_path: Path) -> None:
    built(tmp_path / "answers.js", "--format=iife", "--global-name=both")
    page = await chromium.new_page()
    (tmp_path / "empty.html").write_text("<!doctype html><title>-</title>")
    await page.goto((tmp_path / "empty.html").as_uri())
    await page.add_script_tag(path=tmp_path / "answers.js")
    compare(json.loads(await page.evaluate("async (asked) => JSON.stringify(await both.answers(asked))", everything())))
    await page.close()


spellings = st.sampled_from(
    [{}, {"indent": 1}, {"separators": (", ", ":")}, {"ensure_ascii": True}, {"sort_keys": True}]
)
numbers = st.integers(-MAX_INTEGER * 3, MAX_INTEGER * 3) | st.floats() | st.sampled_from([-0.0, 1e3, 10**17, 10**300])
halves = st.text(st.characters(categories=["Cs", "L", "Cc"]), max_size=3)
anything = st.recursive(
    values | numbers | halves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(halves, inner, max_size=3)
)


def spelled(value: Any, style: dict[str, Any]) -> bytes:
    text = json.dumps(value, **{"ensure_ascii": False, "separators": (",", ":"), **style})
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.builds(spelled, anything, spellings) | st.binary(max_size=6), min_size=100, max_size=200))
def test_canonical_json_is_the_same_in_both(node: Any, said: list[bytes]) -> None:
    nested = [b"[" * deep + b"]" * deep for deep in (64, 65, 66, 5000)]
    odd = [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'"\\ud83d\\ude00"',
        b'"\\ud800"',
        b"\xef\xbb\xbf1",
        b"-0",
        b"01",
        b"1.0",
        b"NaN",
    ]
    asked = [*said, *nested, *odd, b'{"__proto__":1}', b'{"10":1,"9":2}', b'"\\u001F"', b'"\\u001f"', b'"\x7f"']
    answers = node({"roots": [], "files": [], "signatures": [], "pdfs": [], "values": [b64(one) for one in asked]})
    for one, found in zip(asked, answers["values"], strict=True):
        assert found == (one.decode() if is_canonical(one) else None), one


def is_canonical(data: bytes) -> bool:
    try:
        parse(data)
    except NotCanonical:
        return False
    return True
