"""Receipts: what an LPSE answered to whoever handed something in, and its place in the public log, in a file that stands alone.

The service that decides signs `receipt/v1` in the transaction of its decision; that is provisional, for the log comes later.
The file becomes final with the log's entry of the decision, what opens it, and a proof with the signatures of the witnesses::

    {"type":"receipt-file/v1","receipt":DSSE,"record":text?,"entry":{"entry":text,"opening":{…},"r":hex}?,"proof":tlog-proof?}

`received_at` is by the clock that decides, which stands or runs ahead where people train; `signed_at` is by the clock on the wall.
`record` is what was handed in, word for word; the receipt holds its hash, so it can be shown without. The file is canonical JSON.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from . import dsse
from .canonical import NotCanonical, canonical, parse
from .checkpoint import Checkpoint
from .ed25519 import SignatureError
from .entries import EntryError, Opening, parse_entry, rfc3339_ms, verify_opening
from .merkle import ProofError, leaf_hash, verify_inclusion
from .note import Note, NoteError
from .policy import Policy
from .proof import Proof
from .trust import TrustError, TrustRoot

TYPE: Final = "receipt/v1"
FILE_TYPE: Final = "receipt-file/v1"
PAYLOAD_TYPE: Final = "application/vnd.lpse.receipt+json"
LARGEST: Final = 4 << 20

KINDS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "bid": {"tender": frozenset({"bid.submitted"})},
    "registration": {"registry": frozenset({"provider.registered"})},
    "complaint": {"helpdesk": frozenset({"complaint.submitted"})},
    "rejection": {"tender": frozenset({"bid.refused"}), "registry": frozenset({"provider.rejected"})},
}
"""Of what there are receipts, which service may sign each, and as what the log has it."""

_TEXTS: Final = ("of", "host", "id", "subject", "code", "received_at", "record_sha256", "signed_at", "status")
_FILE: Final = {"type", "receipt", "record", "entry", "proof"}
_ENTRY: Final = {"entry", "opening", "r"}

State = Literal["ok", "failed", "missing"]


class ReceiptError(ValueError):
    """The text is no receipt; it says why."""


@dataclass(frozen=True, slots=True)
class Original:
    """A file that somebody has, by both of its fingerprints in hexadecimal."""

    md5: str
    sha256: str

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> "Original":
        md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        for chunk in chunks:
            md5.update(chunk)
            sha256.update(chunk)
        return cls(md5.hexdigest(), sha256.hexdigest())


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one layer. `word` names the finding; the words themselves are whoever's who shows it."""

    layer: Literal[
        "form", "seal", "signature", "record", "original", "entry", "checkpoint", "witnesses", "inclusion", "dossier"
    ]
    state: State
    word: str
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """`receipt` is what was signed, and None where nothing was."""

    receipt: Mapping[str, Any] | None
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Literal["good", "bad", "partly"]:
        states = {check.state for check in self.checks}
        return "bad" if "failed" in states else "partly" if "missing" in states else "good"


def build(
    receipt: Mapping[str, Any],
    *,
    record: str | None = None,
    entry: Mapping[str, Any] | None = None,
    proof: str | None = None,
) -> bytes:
    """The file of what there is. `entry` has `entry`, `opening` and `r`, and may have more, which is left out."""
    kept: dict[str, Any] = {"type": FILE_TYPE, "receipt": receipt}
    if record is not None:
        kept["record"] = record
    if entry is not None and proof is not None:
        kept |= {"entry": {name: entry[name] for name in sorted(_ENTRY)}, "proof": proof}
    return canonical(kept)


def payload_of(receipt: object) -> dict[str, Any]:
    """What a receipt says, believed or not. Raises ReceiptError."""
    try:
        return _payload(dsse.unverified(receipt, PAYLOAD_TYPE))
    except SignatureError as error:
        raise ReceiptError(str(error)) from error


def read(data: bytes) -> dict[str, Any]:
    """The fields of a receipt's file. Raises ReceiptError. Nothing is believed of it yet."""
    if len(data) > LARGEST:
        raise ReceiptError(f"a receipt has at most {LARGEST} bytes")
    try:
        file = parse(data.strip())
    except NotCanonical as error:
        raise ReceiptError(str(error)) from error
    if not isinstance(file, dict) or file.get("type") != FILE_TYPE or not {"type", "receipt"} <= set(file) <= _FILE:
        raise ReceiptError(f"not a {FILE_TYPE}")
    if ("entry" in file) != ("proof" in file) or type(file.get("record", "")) is not str:
        raise ReceiptError("an entry comes with its proof, and a record is a text")
    return file


def verify(data: bytes, root: TrustRoot, originals: Sequence[Original] = ()) -> Report:
    """Every layer of a receipt's file by what the root of trust says, and whether it is about these files. Raises nothing."""
    try:
        file = read(data)
        said = payload_of(file["receipt"])
    except ReceiptError:
        return Report(None, (Check("form", "failed", "no_receipt"),))
    checks = [*_signature(file["receipt"], said, root)]
    if "record" in file:
        checks.append(_record(file["record"], said))
    checks += [_original(original, said) for original in originals]
    checks += _log(file, said, root) if "proof" in file else [Check("entry", "missing", "not_yet")]
    return Report(said, tuple(checks))


def check_note(note: Note, root: TrustRoot) -> Iterator[Check]:
    """The log signed this checkpoint, and enough witnesses saw it. Whoever else signed is one too many: nobody could
    notice a change of that line."""
    policy = Policy.parse(root.policy.encode())
    checkpoint = Checkpoint.parse(note.text)
    known = {(key.name, key.id) for key in (*policy.logs, *(one.key for one in policy.witnesses.values()))}
    stranger = next((one.name for one in note.signatures if (one.name, one.id) not in known), None)
    if stranger is not None:
        yield Check("checkpoint", "failed", "signer_unknown", {"name": stranger})
    try:
        signed = any(key.name == checkpoint.origin for key in note.signed_by(policy.logs))
    except SignatureError:
        signed = False
    size = {"size": str(checkpoint.size), "origin": checkpoint.origin}
    yield Check("checkpoint", "ok", "checkpoint", size) if signed else Check("checkpoint", "failed", "checkpoint_wrong")
    try:
        seen = policy.seen(note)
    except SignatureError:
        yield Check("witnesses", "failed", "witness_false")
        return
    for name, at in sorted(seen.items()):
        yield Check("witnesses", "ok", "witness", {"name": name, "at": _instant(at)})
    if not seen and policy.satisfied_by(set()):
        yield Check("witnesses", "ok", "witnesses_none")
    if not policy.satisfied_by(set(seen)):
        yield Check("witnesses", "failed", "witnesses_few", {"names": ", ".join(policy.witnesses)})


def _payload(data: bytes) -> dict[str, Any]:
    try:
        said = parse(data)
    except NotCanonical as error:
        raise ReceiptError(str(error)) from error
    if (
        not isinstance(said, dict)
        or said.get("type") != TYPE
        or any(type(said.get(name)) is not str for name in _TEXTS)
    ):
        raise ReceiptError(f"not a {TYPE}")
    if said["of"] not in KINDS or not _are_files(said.get("files")):
        raise ReceiptError("it says neither of what it is nor which files came")
    return said


def _are_files(files: object) -> bool:
    named = ("name", "md5", "sha256")
    return isinstance(files, list) and all(
        isinstance(one, dict) and all(type(one.get(name)) is str for name in named) for one in files
    )


def _signature(receipt: Mapping[str, Any], said: Mapping[str, Any], root: TrustRoot) -> Iterator[Check]:
    kid = receipt["signatures"][0]["keyid"]
    if said["host"] != root.instance:
        yield Check("signature", "failed", "another_lpse", {"host": said["host"], "instance": root.instance})
        return
    try:
        key = root.signing(kid, second(said["signed_at"]))
    except TrustError:
        yield Check("signature", "failed", "key_unknown", {"kid": str(kid)})
        return
    if key.owner not in KINDS[said["of"]]:
        yield Check("signature", "failed", "key_wrong", {"kid": kid, "owner": key.owner})
        return
    try:
        dsse.verify(receipt, PAYLOAD_TYPE, {kid: key.key()})
    except SignatureError:
        yield Check("signature", "failed", "signature_wrong")
    else:
        yield Check("signature", "ok", "signature", {"kid": kid, "owner": key.owner})


def second(instant: str) -> int:
    """In seconds since 1970, of a time in its one spelling: what else Python reads as a time, another language does not. Raises
    TrustError."""
    try:
        at = datetime.fromisoformat(instant)
        spelled = rfc3339_ms(at)
    except ValueError as error:  # an EntryError is one, too
        raise TrustError(f"{instant!r} is no time") from error
    if spelled != instant:
        raise TrustError(f"{instant!r} is not in UTC with milliseconds")
    return int(at.timestamp())


def _record(record: str, said: Mapping[str, Any]) -> Check:
    try:
        found = hashlib.sha256(record.encode()).hexdigest()
    except UnicodeEncodeError:
        found = ""
    same = found == said["record_sha256"]
    return Check("record", "ok", "record") if same else Check("record", "failed", "record_wrong")


def _original(original: Original, said: Mapping[str, Any]) -> Check:
    for file in said["files"]:
        if file["sha256"] == original.sha256:
            same = file["md5"] == original.md5
            return Check(
                "original", "ok" if same else "failed", "original" if same else "md5_wrong", {"name": file["name"]}
            )
    twin = next((file for file in said["files"] if file["md5"] == original.md5), None)
    if twin is not None:
        return Check("original", "failed", "sha256_wrong", {"name": twin["name"]})
    return Check("original", "failed", "original_wrong")


def _log(file: Mapping[str, Any], said: Mapping[str, Any], root: TrustRoot) -> Iterator[Check]:
    yield _entry(file["entry"], said)
    proof = _proof(file["proof"])
    if proof is None:
        yield Check("checkpoint", "failed", "proof_unreadable")
        return
    yield from check_note(proof.note, root)
    yield _inclusion(proof, file["entry"])


def _proof(text: Any) -> Proof | None:
    """None where it is none, or says something beside for which nobody vouches."""
    try:
        proof = Proof.parse(text.encode())
    except (AttributeError, NoteError, UnicodeEncodeError):
        return None
    return proof if proof.extra is None else None


def _entry(entry: Any, said: Mapping[str, Any]) -> Check:
    """The log's entry opens to an event of the deciding service that names the record of this receipt."""
    try:
        opening, body = _opened(entry)
    except (AttributeError, KeyError, TypeError, ValueError):  # EntryError and NotCanonical, too, are ValueErrors
        return Check("entry", "failed", "opening_wrong")
    if opening.kind not in KINDS[said["of"]].get(opening.src, ()) or body.get("record_sha256") != said["record_sha256"]:
        return Check("entry", "failed", "entry_wrong")
    return Check("entry", "ok", "entry")


def _opened(entry: Any) -> tuple[Opening, dict[str, Any]]:
    """What the entry is, and all it says, hidden or not."""
    leaf, opening, r = entry["entry"].encode(), Opening.from_json(entry["opening"]), bytes.fromhex(entry["r"])
    if set(entry) != _ENTRY or r.hex() != entry["r"]:
        raise EntryError("an entry has its text and what opens it, and nothing else")
    if type(opening.kind) is not str or type(opening.src) is not str:
        raise EntryError("an opening names its kind and its source")
    verify_opening(leaf, opening, r)
    return opening, {**opening.body, **parse_entry(leaf).get("pub", {})}


def _instant(second: int) -> str:
    try:
        return datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(second)


def _inclusion(proof: Proof, entry: Any) -> Check:
    checkpoint = Checkpoint.parse(proof.note.text)
    try:
        leaf = leaf_hash(entry["entry"].encode())
        verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
    except (AttributeError, KeyError, TypeError, UnicodeEncodeError, ProofError):
        return Check("inclusion", "failed", "inclusion_wrong")
    places = {"index": str(proof.index), "size": str(checkpoint.size)}
    return Check("inclusion", "ok", "inclusion", places)
