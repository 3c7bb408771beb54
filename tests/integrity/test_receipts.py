"""A receipt stands alone: each of its layers is checked, and what is wrong is named by its layer."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from integrity import dsse, receipts
from integrity.canonical import canonical
from integrity.entries import OPENING_TYPE, commitment
from integrity.receipts import Original, Report, verify
from tests.integrity.an_lpse import FILE, AnLpse, fields

LPSE = AnLpse()
ROOT = LPSE.root
FINAL = LPSE.final()


def found(report: Report) -> list[tuple[str, str, str]]:
    return [(check.layer, check.state, check.word) for check in report.checks]


def wrong(report: Report) -> set[str]:
    return {f"{check.layer}:{check.word}" for check in report.checks if check.state == "failed"}


def test_a_final_receipt_says_all_that_was_checked() -> None:
    report = verify(FINAL, ROOT, [Original.of([FILE[:5], FILE[5:]])])
    assert report.verdict == "good"
    assert found(report) == [
        ("signature", "ok", "signature"),
        ("record", "ok", "record"),
        ("original", "ok", "original"),
        ("entry", "ok", "entry"),
        ("checkpoint", "ok", "checkpoint"),
        ("witnesses", "ok", "witness"),
        ("witnesses", "ok", "witness"),
        ("inclusion", "ok", "inclusion"),
    ]
    assert report.receipt is not None
    assert report.receipt["code"] == "PN-2345678923"
    seen = {check.places["name"]: check.places["at"] for check in report.checks if check.word == "witness"}
    assert seen == dict.fromkeys(
        ("inspektorat", "lpse-a"), datetime.fromtimestamp(1_795_402_800, UTC).isoformat()[:19] + "Z"
    )


def test_without_its_record_it_tells_no_price_and_holds_all_the_same() -> None:
    report = verify(LPSE.final(shown=False), ROOT)
    assert report.verdict == "good"
    assert "record" not in {check.layer for check in report.checks}


def test_before_it_is_logged_it_is_provisional() -> None:
    report = verify(LPSE.provisional(), ROOT)
    assert report.verdict == "partly"
    assert found(report) == [("signature", "ok", "signature"), ("entry", "missing", "not_yet")]


@pytest.mark.parametrize(
    ("of", "owner", "kind"),
    [
        ("bid", "tender", "bid.submitted"),
        ("rejection", "tender", "bid.refused"),
        ("registration", "registry", "provider.registered"),
        ("rejection", "registry", "provider.rejected"),
        ("complaint", "helpdesk", "complaint.submitted"),
    ],
)
def test_of_whatever_there_are_receipts(of: str, owner: str, kind: str) -> None:
    file = LPSE.final(kind=kind, src=owner, receipt=LPSE.receipt(of=of, owner=owner))
    assert verify(file, ROOT).verdict == "good"


def flips(data: bytes) -> list[tuple[int, bytes]]:
    """The file with one digit turned into the next, for each digit there is."""
    places = [place.start() for place in re.finditer(rb"[0-9]", data)]
    return [(at, data[:at] + b"%d" % ((data[at] - 47) % 10) + data[at + 1 :]) for at in places]


def layers_at(data: bytes, at: int) -> set[str]:
    """Which layers vouch for the byte."""
    file = fields(data)
    spots = {
        "receipt": {"signature", "form"},
        "record": {"record"},
        "entry": {"entry", "inclusion", "form"},
        "proof": {"checkpoint", "witnesses", "inclusion"},
        "type": {"form"},
    }
    for name, layers in spots.items():
        text = canonical(file[name])
        start = data.index(b'"%b":%b' % (name.encode(), text)) + len(name) + 3
        if start <= at < start + len(text):
            return layers
    raise AssertionError(f"{data[at - 20 : at + 20]!r} is of no part")


def test_one_digit_changed_anywhere_fails_and_names_the_layer() -> None:
    changed = flips(FINAL)
    assert len(changed) > 300
    for at, data in changed:
        report = verify(data, ROOT)
        names = {check.layer for check in report.checks if check.state == "failed"}
        assert names, f"nobody noticed {data[at - 20 : at + 20]!r}"
        assert names & layers_at(FINAL, at), f"{names} for {data[at - 20 : at + 20]!r}"


def other(change: Callable[[dict[str, Any]], None], data: bytes = FINAL) -> bytes:
    file = fields(data)
    change(file)
    return canonical(file)


STRANGER = AnLpse("uji2")


WRONG = [
    (b"", "form:no_receipt"),
    (b"[]", "form:no_receipt"),
    (FINAL.replace(b'"type"', b' "type"'), "form:no_receipt"),
    (other(lambda file: file.pop("proof")), "form:no_receipt"),
    (other(lambda file: file.update(more=1)), "form:no_receipt"),
    (other(lambda file: file.update(record=7)), "form:no_receipt"),
    (other(lambda file: file["receipt"].update(payloadType="text/plain")), "form:no_receipt"),
    (STRANGER.final(), "signature:another_lpse"),
    (LPSE.final(receipt=AnLpse("uji", owners={"tender": "k9"}).receipt()), "signature:key_unknown"),
    (LPSE.final(receipt=LPSE.receipt(signed_at="1969-01-01T00:00:00.000Z")), "signature:key_unknown"),
    (LPSE.final(receipt=LPSE.receipt(signed_at="yesterday")), "signature:key_unknown"),
    (LPSE.final(receipt=LPSE.receipt(signed_at="2026-11-23T09:59:58.123+07:00")), "signature:key_unknown"),
    (LPSE.final(receipt=LPSE.receipt(owner="registry")), "signature:key_wrong"),
    (LPSE.final(receipt=LPSE.receipt(owner="documents")), "signature:key_wrong"),
    (LPSE.final(receipt=LPSE.receipt(of="winner")), "form:no_receipt"),
    (LPSE.final(receipt=LPSE.receipt(files=[{"name": "a"}])), "form:no_receipt"),
    (LPSE.final(kind="bid.refused"), "entry:entry_wrong"),
    (LPSE.final(src="registry"), "entry:entry_wrong"),
    (LPSE.final(logged="0" * 64), "entry:entry_wrong"),
    (other(lambda file: file["entry"].update(more=1)), "entry:opening_wrong"),
    (other(lambda file: file["entry"].update(r=file["entry"]["r"].upper())), "entry:opening_wrong"),
    (other(lambda file: file.update(entry=None)), "entry:opening_wrong"),
    (other(lambda file: file.update(proof=7)), "checkpoint:proof_unreadable"),
    (
        other(lambda file: file.update(proof=file["proof"].replace("\nindex", "\nextra YQ==\nindex", 1))),
        "checkpoint:proof_unreadable",
    ),
    (LPSE.final(seen_by=("lpse-a",)), "witnesses:witnesses_few"),
    (LPSE.final(seen_by=()), "witnesses:witnesses_few"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "names"), WRONG)
def test_what_is_wrong_is_named(data: bytes, names: str) -> None:
    report = verify(data, ROOT)
    assert report.verdict == "bad"
    assert names in wrong(report)


@pytest.mark.parametrize("names", [{"src": ["tender"]}, {"src": {}}, {"kind": ["bid.submitted"]}, {"kind": None}])
def test_an_opening_of_other_types_opens_nothing(names: dict[str, Any]) -> None:
    """Committed to as it should be, by somebody who would like the check to break off."""

    def commit(file: dict[str, Any]) -> None:
        opening, r = file["entry"]["opening"], bytes.fromhex(file["entry"]["r"])
        opening.update(names)
        leaf = fields(file["entry"]["entry"])
        leaf["c"] = commitment(OPENING_TYPE, r, canonical(opening)).hex()
        file["entry"]["entry"] = canonical(leaf).decode()

    assert "entry:opening_wrong" in wrong(verify(other(commit), ROOT))


def test_a_key_of_another_with_the_same_name_signs_nothing() -> None:
    thief = AnLpse("uji", owners={"tender": "kt"})
    thief.signing["tender"] = STRANGER.signing["tender"]
    assert wrong(verify(LPSE.final(receipt=thief.receipt()), ROOT)) == {"signature:signature_wrong"}


def test_a_fork_shown_to_one_bidder_lacks_witnesses_and_without_a_quorum_nobody_would_know() -> None:
    """The log's own key signs another history; what the witnesses signed is of the true one."""
    fork = LPSE.final(index=1, size=2, seen_by=())
    assert wrong(verify(fork, ROOT)) == {"witnesses:witnesses_few"}
    gullible = AnLpse()
    alone = gullible.root
    policy = alone.policy.replace("quorum both", "quorum none")
    report = verify(fork, receipts.TrustRoot(**{**vars_of(alone), "policy": policy}))
    assert report.verdict == "good"
    assert ("witnesses", "ok", "witnesses_none") in found(report)


def vars_of(root: Any) -> dict[str, Any]:
    return {name: getattr(root, name) for name in root.__dataclass_fields__}


def test_a_signature_nobody_knows_is_one_too_many() -> None:
    few = LPSE.root
    policy = "".join(
        line + "\n" for line in few.policy.splitlines() if "lpse-a" not in line or line.startswith("group")
    )
    root = receipts.TrustRoot(**{**vars_of(few), "policy": policy.replace("all inspektorat lpse-a", "any inspektorat")})
    assert wrong(verify(FINAL, root)) == {"checkpoint:signer_unknown"}


@pytest.mark.parametrize(
    ("original", "names"),
    [
        (Original.of([FILE + b" "]), {"original:original_wrong"}),
        (Original("0" * 32, Original.of([FILE]).sha256), {"original:md5_wrong"}),
        (Original(Original.of([FILE]).md5, "0" * 64), {"original:sha256_wrong"}),
    ],
)
def test_a_file_is_the_one_handed_in_by_both_fingerprints(original: Original, names: set[str]) -> None:
    assert wrong(verify(FINAL, ROOT, [Original.of([FILE]), original])) == names


def test_what_a_receipt_says_is_read_without_believing_it() -> None:
    assert receipts.payload_of(LPSE.receipt())["of"] == "bid"
    with pytest.raises(receipts.ReceiptError):
        receipts.payload_of(
            {"payload": "YQ==", "payloadType": receipts.PAYLOAD_TYPE, "signatures": [{"keyid": "k", "sig": ""}]}
        )
    with pytest.raises(dsse.SignatureError):
        dsse.unverified({}, receipts.PAYLOAD_TYPE)
