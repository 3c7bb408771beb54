"""Dossiers: all that an LPSE has of one tender, for an auditor, in one archive that is checked without any network.

The archive is a plain zip without compression, so that nothing in it is larger than it looks:

- `facts.json`                what was announced, asked, closed, evaluated, decided and objected to, signed as receipts are (DSSE)
- `bids/<code>.json`          the receipt of each bid that was decided on, with its record where it was opened
- `files/<id>`                the documents, those of bids as their receipts have them
- `log/<index>.json`          each entry of the public log about this tender, with what opens it and its place at its source
- `log/<index>.tlog-proof`    that it is in the log, under the one checkpoint of `log/checkpoint`; `log/policy` says whose it is
- `trust-root`                whose word counts, as the LPSE published it: compare it with the one you trust
- `dossier.json`              `dossier/v1`, the list of all of these with size, MD5 and SHA-256; the last one

Nobody signs the list. Whoever rewrites it and a part still fails at what the part itself was signed or logged with.
"""

import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from . import dsse, receipts
from .canonical import NotCanonical, canonical, parse
from .checkpoint import Checkpoint
from .ed25519 import SignatureError
from .entries import Opening, Place, parse_entry, verify_opening, verify_place
from .merkle import ProofError, leaf_hash, verify_inclusion
from .note import Note, NoteError
from .policy import Policy, PolicyError
from .proof import Proof
from .receipts import Check, Original, ReceiptError, Report
from .trust import TrustError, TrustRoot

TYPE: Final = "dossier/v1"
FACTS_TYPE: Final = "dossier-facts/v1"
FACTS_PAYLOAD_TYPE: Final = "application/vnd.lpse.dossier-facts+json"
ENTRY_TYPE: Final = "dossier-entry/v1"
INDEX: Final = "dossier.json"
FACTS: Final = "facts.json"
CHECKPOINT: Final = "log/checkpoint"
POLICY: Final = "log/policy"
TRUST_ROOT: Final = "trust-root"

SIGNER: Final = "tender"
"""The service that speaks for a tender."""
LARGEST: Final = 64 << 20
"""Bytes of a part that is read as a whole."""
MOST: Final = 200_000
"""Parts of one dossier."""
CHUNK: Final = 1 << 20
DECIDED: Final = frozenset({"bid.submitted", "bid.refused"})
"""Entries of which a bidder has a receipt."""

_NAME: Final = re.compile(r"(?:(?:bids|files|log)/)?[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_ENTRY: Final = re.compile(r"log/(0|[1-9][0-9]{0,18})\.json")
_ENTRY_FIELDS: Final = {"type", "index", "entry", "opening", "r", "seq", "place_r"}
_MEMBER_FIELDS: Final = {"name", "size", "md5", "sha256"}
_INDEX_FIELDS: Final = {"type", "host", "tender", "mandate", "made_at", "members"}
_UNREADABLE: Final = (BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error)
"""What `zipfile` raises for what is no sound archive."""


@dataclass(frozen=True, slots=True)
class Member:
    """A part as the list names it."""

    name: str
    size: int
    md5: str
    sha256: str


def index(*, host: str, tender: str, mandate: str, made_at: str, members: Sequence[Member]) -> bytes:
    """The list, as it stands in the archive."""
    listed = [{name: getattr(one, name) for name in sorted(_MEMBER_FIELDS)} for one in members]
    said = {"type": TYPE, "host": host, "tender": tender, "mandate": mandate, "made_at": made_at, "members": listed}
    return canonical(said)


def entry(shown: Mapping[str, Any]) -> bytes:
    """An entry's part, of what has these fields and may have more."""
    return canonical({"type": ENTRY_TYPE, **{name: shown[name] for name in sorted(_ENTRY_FIELDS - {"type"})}})


def facts_of(statement: object) -> dict[str, Any]:
    """What the facts say, believed or not. Raises ReceiptError."""
    try:
        said = parse(dsse.unverified(statement, FACTS_PAYLOAD_TYPE))
    except (SignatureError, NotCanonical) as error:
        raise ReceiptError(str(error)) from error
    if not isinstance(said, dict) or said.get("type") != FACTS_TYPE:
        raise ReceiptError(f"not {FACTS_TYPE}")
    return said


def verify(path: Path, root: TrustRoot) -> Report:
    """Every part of a dossier by itself and against the others, by what the root of trust says. Raises nothing.

    `receipt` of the report is the list of the parts, and None where there is none.
    """
    try:
        with ZipFile(path) as archive:
            found = _Archive.of(archive, path.stat().st_size)
            listed = _listed(found)
            return Report(listed, tuple(_Dossier(found, listed, root).checks()))
    except _Refused as refused:
        return Report(None, (refused.check,))
    except _UNREADABLE:
        return Report(None, (_failed("none"),))


class _Refused(Exception):
    def __init__(self, word: str, **places: str) -> None:
        super().__init__(word)
        self.check = _failed(word, **places)


def _failed(word: str, **places: str) -> Check:
    return Check("dossier", "failed", f"dossier_{word}", places)


def _other(word: str) -> Check:
    """What the LPSE says of itself is not what is trusted here, which alone counts."""
    return Check("dossier", "missing", f"dossier_{word}")


def _fine(word: str, **places: object) -> Check:
    return Check("dossier", "ok", f"dossier_{word}", {name: str(value) for name, value in places.items()})


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive whose parts may be read: plain names, each once, none compressed, and together no larger than the file."""

    zip: ZipFile
    parts: Mapping[str, ZipInfo]

    @classmethod
    def of(cls, archive: ZipFile, size: int) -> "_Archive":
        infos = archive.infolist()
        if len(infos) > MOST:
            raise _Refused("unsafe", name=f"> {MOST}")
        seen: set[str] = set()
        for info in infos:
            name = info.orig_filename
            stored = info.compress_type == ZIP_STORED and info.file_size == info.compress_size
            if name in seen or not _NAME.fullmatch(name) or info.flag_bits & 1 or not stored:
                raise _Refused("unsafe", name=ascii(name)[1:-1][:120])
            seen.add(name)
        if sum(info.file_size for info in infos) > size:
            raise _Refused("unsafe", name=f"> {size}")
        return cls(archive, {info.filename: info for info in infos})

    def read(self, name: str) -> bytes:
        """A part that is read as a whole. Raises _Refused where it is not there, too large or damaged."""
        info = self.parts.get(name)
        if info is None:
            raise _Refused("missing", name=name)
        if info.file_size > LARGEST:
            raise _Refused("unsafe", name=name)
        try:
            return self.zip.read(info)
        except _UNREADABLE as error:
            raise _Refused("altered", name=name) from error

    def prints(self, name: str) -> Member | None:
        """None where it is damaged."""
        size, md5, sha256 = 0, hashlib.md5(usedforsecurity=False), hashlib.sha256()
        try:
            with self.zip.open(self.parts[name]) as part:
                while chunk := part.read(CHUNK):
                    size += len(chunk)
                    md5.update(chunk)
                    sha256.update(chunk)
        except _UNREADABLE:
            return None
        return Member(name, size, md5.hexdigest(), sha256.hexdigest())


def _listed(archive: _Archive) -> dict[str, Any]:
    try:
        said = parse(archive.read(INDEX))
    except NotCanonical as error:
        raise _Refused("altered", name=INDEX) from error
    texts = _INDEX_FIELDS - {"members"}
    if (
        not isinstance(said, dict)
        or set(said) != _INDEX_FIELDS
        or said["type"] != TYPE
        or any(type(said[name]) is not str for name in texts)
        or not isinstance(said["members"], list)
        or not all(_is_member(one) for one in said["members"])
    ):
        raise _Refused("altered", name=INDEX)
    return said


def _is_member(one: object) -> bool:
    return (
        isinstance(one, dict)
        and set(one) == _MEMBER_FIELDS
        and type(one["size"]) is int
        and all(type(one[name]) is str for name in _MEMBER_FIELDS - {"size"})
    )


@dataclass(slots=True)
class _Dossier:
    archive: _Archive
    listed: Mapping[str, Any]
    root: TrustRoot
    sound: dict[str, Member] = field(default_factory=dict)
    """Parts that are as they are listed; no other is read any further."""
    facts: dict[str, Any] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each receipt says, by its bid's code."""
    entries: dict[str, tuple[Opening, dict[str, Any]]] = field(default_factory=dict)
    """What each entry opens to, and all it says, by its text."""
    numbered: list[tuple[Place, str]] = field(default_factory=list)

    def checks(self) -> Iterator[Check]:
        yield from self._members()
        yield from self._trust()
        yield from self._facts()
        yield from self._log()
        yield from self._places()
        yield from self._receipts()
        yield from self._decided()
        yield from self._manifest()
        yield from self._files()

    # Each part as it is listed

    def _members(self) -> Iterator[Check]:
        listed = {one["name"]: Member(**one) for one in self.listed["members"]}
        if len(listed) != len(self.listed["members"]):
            yield _failed("altered", name=INDEX)
        for name in sorted(listed.keys() - self.archive.parts.keys()):
            yield _failed("missing", name=name)
        for name in sorted(self.archive.parts.keys() - listed.keys() - {INDEX}):
            yield _failed("unlisted", name=name)
        for name in sorted(listed.keys() & self.archive.parts.keys()):
            if self.archive.prints(name) == listed[name]:
                self.sound[name] = listed[name]
            else:
                yield _failed("altered", name=name)
        yield _fine("members", count=len(self.sound))

    def _read(self, name: str) -> bytes | None:
        """None for a part of which it was said already what is wrong with it."""
        return self.archive.read(name) if name in self.sound else None

    def _absent(self, *names: str) -> Iterator[Check]:
        """What no dossier is without, where the list has it neither."""
        for name in names:
            if name not in self.archive.parts and not any(one["name"] == name for one in self.listed["members"]):
                yield _failed("missing", name=name)

    # What was signed

    def _trust(self) -> Iterator[Check]:
        yield from self._absent(TRUST_ROOT, FACTS, CHECKPOINT, POLICY)
        text = self._read(TRUST_ROOT)
        if text is not None:
            try:
                same = TrustRoot.parse(text) == self.root
            except TrustError:
                same = False
            yield _fine("root", fingerprint=self.root.fingerprint) if same else _other("root_other")
        text = self._read(POLICY)
        if text is not None:
            try:
                same = Policy.parse(text) == Policy.parse(self.root.policy.encode())
            except PolicyError:
                same = False
            if not same:
                yield _other("policy_other")

    def _facts(self) -> Iterator[Check]:
        text = self._read(FACTS)
        if text is None:
            return
        try:
            statement = parse(text)
            said = facts_of(statement)
            kid = statement["signatures"][0]["keyid"]
            key = self.root.signing(kid, receipts.second(said["made_at"]))
            dsse.verify(statement, FACTS_PAYLOAD_TYPE, {kid: key.key()})
            about = said["host"], said["tender"]["code"], said["mandate"]
            _read_facts(said)
        except (AttributeError, KeyError, TypeError, ValueError):  # all errors of ours are ValueErrors
            yield _failed("facts_wrong")
            return
        if key.owner != SIGNER or about != (self.root.instance, self.listed["tender"], self.listed["mandate"]):
            yield _failed("facts_wrong")
            return
        self.facts = said
        yield _fine("facts", tender=about[1], at=said["made_at"])

    # What was logged

    def _log(self) -> Iterator[Check]:
        text = self._read(CHECKPOINT)
        note = _note(text) if text is not None else None
        if note is None:
            if text is not None:
                yield _failed("altered", name=CHECKPOINT)
            return
        yield from receipts.check_note(note, self.root)
        wrong = 0
        for name in sorted(self.sound):
            if found := _ENTRY.fullmatch(name):
                why = self._logged(name, int(found[1]), note)
                wrong += why is not None
                if why is not None:
                    yield _failed(why, name=name)
        if not wrong:
            yield _fine("entries", count=len(self.entries), size=Checkpoint.parse(note.text).size)

    def _logged(self, name: str, at: int, note: Note) -> str | None:
        """What is wrong with an entry, or None."""
        try:
            said = parse(self.archive.read(name))
            leaf = said["entry"].encode()
            if set(said) != _ENTRY_FIELDS or said["type"] != ENTRY_TYPE or said["index"] != at:
                return "altered_entry"
            opening = Opening.from_json(said["opening"])
            verify_opening(leaf, opening, _bytes(said["r"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            return "altered_entry"
        try:
            place = Place(opening.src, said["seq"])
            verify_place(opening, place, _bytes(said["place_r"]))
        except (TypeError, ValueError):
            return "place_wrong"
        self.entries[said["entry"]] = opening, {**opening.body, **parse_entry(leaf).get("pub", {})}
        self.numbered.append((place, name))
        return self._included(f"{name.removesuffix('.json')}.tlog-proof", at, leaf, note)

    def _included(self, name: str, at: int, leaf: bytes, note: Note) -> str | None:
        if name not in self.sound:
            return "unproved"
        try:
            proof = Proof.parse(self.archive.read(name))
            if proof.index != at or proof.extra is not None or str(proof.note) != str(note):
                return "unproved"
            checkpoint = Checkpoint.parse(note.text)
            verify_inclusion(leaf_hash(leaf), at, checkpoint.size, proof.path, checkpoint.root)
        except (NoteError, ProofError):
            return "unproved"
        return None

    def _places(self) -> Iterator[Check]:
        """No number of a source is there twice. Between the first and the last are those of other matters, which stay hidden:
        how many is said, for who has their dossiers too."""
        counted = Counter(place for place, _ in self.numbered)
        for place, name in self.numbered:
            if counted[place] > 1:
                yield _failed("place_twice", name=name, src=place.src, seq=str(place.seq))
        for src in sorted({place.src for place in counted}):
            numbers = [place.seq for place in counted if place.src == src]
            first, last = min(numbers), max(numbers)
            others = last - first + 1 - len(numbers)
            yield _fine("places", src=src, first=first, last=last, count=len(numbers), others=others)

    # What was handed in

    def _receipts(self) -> Iterator[Check]:
        wrong = 0
        names = [name for name in sorted(self.sound) if name.startswith("bids/")]
        for name in names:
            data = self.archive.read(name)
            report = receipts.verify(data, self.root)
            code, said = name.removeprefix("bids/").removesuffix(".json"), report.receipt or {}
            if report.verdict == "bad" or (said.get("code"), said.get("tender")) != (code, self.listed["tender"]):
                wrong += 1
                yield _failed("receipt_wrong", name=name)
                yield from (check for check in report.checks if check.state == "failed")
                continue
            self.said[code] = dict(said)
            if report.verdict == "partly":
                yield Check("dossier", "missing", "dossier_receipt_early", {"name": name})
            elif receipts.read(data)["entry"]["entry"] not in self.entries:
                wrong += 1
                yield _failed("entry_missing", name=name)
        if not wrong:
            yield _fine("receipts", count=len(names))

    def _decided(self) -> Iterator[Check]:
        """Each decision that was logged, and each that the facts name, has its receipt here."""
        logged = {body.get("code") for opening, body in self.entries.values() if opening.kind in DECIDED}
        told = {bid["code"] for bid in self.facts.get("bids", ())}
        for code in sorted(str(code) for code in (logged | told) - self.said.keys()):
            if f"bids/{code}.json" in self.sound or f"bids/{code}.json" not in self.archive.parts:
                yield _failed("receipt_missing", name=code)
        for bid in self.facts.get("bids", ()):
            said = self.said.get(bid["code"])
            if said is not None and said["record_sha256"] != bid["record_sha256"]:
                yield _failed("receipt_other", name=bid["code"])

    def _manifest(self) -> Iterator[Check]:
        """The list that was fixed at closing is the one that the log has, and has the bids that were answered."""
        closed = [body for opening, body in self.entries.values() if opening.kind == "tender.closed"]
        text = self.facts.get("manifest")
        if not self.facts or (text is None and not closed):
            return
        digest = hashlib.sha256(str(text).encode()).hexdigest()
        if [body.get("manifest_sha256") for body in closed] != [digest]:
            yield _failed("manifest_wrong")
            return
        rows = parse(str(text).encode())["bids"]
        have = {(said["subject"], said.get("version"), said["record_sha256"]) for said in self.said.values()}
        missing = [row for row in rows if (row["bid"], row["version"], row["record_sha256"]) not in have]
        for row in missing:
            yield _failed("bid_missing", name=row["bid"])
        if not missing:
            yield _fine("manifest", count=len(rows))

    def _files(self) -> Iterator[Check]:
        wrong, bids = 0, {bid["id"]: bid["code"] for bid in self.facts.get("bids", ())}
        listed = {f"files/{file['id']}": file for file in self.facts.get("files", ())}
        for name, file in sorted(listed.items()):
            part = self.sound.get(name)
            if part is None:
                wrong += 1
                if name not in self.archive.parts:
                    yield _failed("file_missing", name=name, file=file["name"])
                continue
            said = self.said.get(bids.get(file["owner"], ""), {}) if file["of"] == "bid_file" else None
            same = (part.size, part.md5, part.sha256) == (file["size"], file["md5"], file["sha256"])
            if not same or not (said is None or _has(said, part)):
                wrong += 1
                yield _failed("file_wrong", name=name, file=file["name"])
        for name in sorted(name for name in self.sound if name.startswith("files/") and name not in listed):
            wrong += 1
            yield _failed("file_unknown", name=name)
        yield from self._promised(listed, bids)
        if self.facts and not wrong:
            yield _fine("files", count=len(listed))

    def _promised(self, listed: Mapping[str, Mapping[str, Any]], bids: Mapping[str, str]) -> Iterator[Check]:
        """What the receipt of an opened bid names is among the files."""
        have = {(file["owner"], file["sha256"]) for file in listed.values()}
        opened = {bid["code"] for bid in self.facts.get("bids", ()) if bid["opened"]}
        for id, code in bids.items():
            for file in self.said.get(code, {}).get("files", ()) if code in opened else ():
                if (id, file["sha256"]) not in have:
                    yield _failed("file_missing", name=code, file=file["name"])


def _note(text: bytes) -> Note | None:
    try:
        note = Note.parse(text)
        Checkpoint.parse(note.text)
    except NoteError:
        return None
    return note


def _bytes(text: str) -> bytes:
    found = bytes.fromhex(text)
    if found.hex() != text:
        raise ValueError("hexadecimal in small letters, and nothing else")
    return found


def _read_facts(said: Mapping[str, Any]) -> None:
    """Raises KeyError or TypeError where the facts have not what is looked for in them."""
    for bid in said["bids"]:
        _texts(bid, "id", "code", "record_sha256")
        if type(bid["opened"]) is not bool:
            raise TypeError("a bid was opened or was not")
    for file in said["files"]:
        _texts(file, "id", "of", "owner", "name", "md5", "sha256")
    if said["manifest"] is not None:
        for row in parse(said["manifest"].encode())["bids"]:
            _texts(row, "bid", "record_sha256")


def _texts(value: Mapping[str, Any], *names: str) -> None:
    if any(type(value[name]) is not str for name in names):
        raise TypeError(f"{', '.join(names)} are texts")


def _has(said: Mapping[str, Any], part: Member) -> bool:
    """Whether the receipt names the file by both its fingerprints."""
    original = Original(part.md5, part.sha256)
    return any(Original(file["md5"], file["sha256"]) == original for file in said.get("files", ()))
