"""A dossier stands alone: what is missing, too much or changed in it is named, also where its list was rewritten to match."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from integrity import dossier
from integrity.canonical import canonical, parse
from integrity.dossier import verify
from integrity.receipts import Report
from tests.integrity.a_dossier import BIDS, LETTER, ADossier, file_of, listed, write
from tests.integrity.an_lpse import AnLpse

WHOLE = ADossier()
PARTS = WHOLE.parts()
ROOT = WHOLE.lpse.root
BID = "bids/PN-AAAA.json"
FILE = f"files/{file_of('PN-AAAA')}"


def found(report: Report, state: str = "failed") -> set[tuple[str, str]]:
    """What was found, and of which part."""
    return {(check.word, check.places.get("name", "")) for check in report.checks if check.state == state}


def words(report: Report) -> set[str]:
    return {check.word for check in report.checks if check.state == "failed"}


def flipped(data: bytes, at: int = -1) -> bytes:
    """With one digit turned into the next."""
    places = [place.start() for place in re.finditer(rb"[0-9]", data)]
    where = places[at]
    return data[:where] + b"%d" % ((data[where] - 47) % 10) + data[where + 1 :]


def test_a_whole_dossier_is_good(tmp_path: Path) -> None:
    report = verify(write(tmp_path / "d.zip", PARTS), ROOT)
    assert found(report) == set()
    assert report.verdict == "good"
    fine = {check.word: dict(check.places) for check in report.checks if check.layer == "dossier"}
    assert fine["dossier_members"] == {"count": str(len(PARTS))}
    assert fine["dossier_entries"] == {"count": "4", "size": "16"}
    assert fine["dossier_receipts"] == {"count": "3"}
    assert fine["dossier_manifest"] == {"count": "2"}
    assert fine["dossier_files"] == {"count": "3"}
    assert fine["dossier_places"] == {"src": "tender", "first": "2", "last": "11", "count": "4", "others": "6"}
    assert report.receipt is not None
    assert report.receipt["tender"] == "10080001001"


@pytest.mark.parametrize("name", sorted(PARTS))
def test_one_flipped_digit_is_named(tmp_path: Path, name: str) -> None:
    data = PARTS[name]
    changed = flipped(data) if re.search(rb"[0-9]", data) else data.swapcase()
    report = verify(write(tmp_path / "d.zip", {**PARTS, name: changed}, listed(PARTS)), ROOT)
    assert ("dossier_altered", name) in found(report)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_byte_changed_in_the_archive_itself_is_named(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "d.zip", PARTS)
    data = bytearray(path.read_bytes())
    with ZipFile(path) as archive:
        info = archive.getinfo(name)
    data[info.header_offset + 30 + len(name) + info.file_size // 2] ^= 1
    path.write_bytes(data)
    assert ("dossier_altered", name) in found(verify(path, ROOT))


LOGGED = {"dossier_altered_entry", "dossier_place_wrong", "dossier_unproved"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("facts.json", {"dossier_facts_wrong"}),
        (BID, {"dossier_receipt_wrong"}),
        (FILE, {"dossier_file_wrong"}),
        (f"files/{LETTER}", {"dossier_file_wrong"}),
        ("log/2.json", LOGGED),
        ("log/11.json", LOGGED),
        ("log/2.tlog-proof", {"dossier_unproved"}),
        ("log/checkpoint", {"dossier_unproved", "dossier_altered"}),
    ],
)
def test_a_list_that_was_rewritten_hides_nothing(tmp_path: Path, name: str, expected: set[str]) -> None:
    data = PARTS[name]
    count = len(re.findall(rb"[0-9]", data))
    changes = [flipped(data, at) for at in range(0, count, max(1, count // 40))] or [data.swapcase()]
    for changed in changes:
        report = verify(write(tmp_path / "d.zip", {**PARTS, name: changed}), ROOT)
        named = {place for word, place in found(report) if word in expected}
        assert named, changed
        assert named <= {name, name.replace(".tlog-proof", ".json"), ""} or name == "log/checkpoint"


@pytest.mark.parametrize(
    ("name", "word"), [("trust-root", "dossier_root_other"), ("log/policy", "dossier_policy_other")]
)
def test_what_the_lpse_says_of_itself_is_compared_with_what_is_trusted(tmp_path: Path, name: str, word: str) -> None:
    other = {"trust-root": AnLpse(name="lain").root_file(), "log/policy": AnLpse(name="lain").root.policy.encode()}
    report = verify(write(tmp_path / "d.zip", {**PARTS, name: other[name]}), ROOT)
    assert (found(report), report.verdict) == (set(), "partly")
    assert word in {word for word, _ in found(report, "missing")}


def test_the_dossier_of_another_lpse_is_none_of_this_one(tmp_path: Path) -> None:
    report = verify(write(tmp_path / "d.zip", PARTS), AnLpse(name="lain").root)
    assert {"dossier_facts_wrong", "dossier_receipt_wrong", "checkpoint_wrong"} <= words(report)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    fewer = {one: data for one, data in PARTS.items() if one != name}
    report = verify(write(tmp_path / "d.zip", fewer, listed(PARTS)), ROOT)
    assert ("dossier_missing", name) in found(report)


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ([BID], "dossier_receipt_missing"),
        ([FILE], "dossier_file_missing"),
        ([f"files/{LETTER}"], "dossier_file_missing"),
        (["log/2.json", "log/2.tlog-proof"], "dossier_entry_missing"),
        (["log/11.json", "log/11.tlog-proof"], "dossier_manifest_wrong"),
        (["log/2.tlog-proof"], "dossier_unproved"),
        (["facts.json"], "dossier_missing"),
        (["log/checkpoint"], "dossier_missing"),
        (["trust-root"], "dossier_missing"),
    ],
)
def test_what_was_left_out_of_the_list_too_is_missed(tmp_path: Path, names: list[str], word: str) -> None:
    fewer = {one: data for one, data in PARTS.items() if one not in names}
    assert word in words(verify(write(tmp_path / "d.zip", fewer), ROOT))


def test_a_bid_that_the_manifest_has_is_missed_though_facts_and_log_keep_silent(tmp_path: Path) -> None:
    made = ADossier()
    parts = made.parts()
    made.facts["bids"] = [bid for bid in made.facts["bids"] if bid["code"] != "PN-AAAA"]
    made.facts["files"] = [file for file in made.facts["files"] if file["id"] != file_of("PN-AAAA")]
    parts[dossier.FACTS] = canonical(made._signed())
    for name in (BID, FILE, "log/2.json", "log/2.tlog-proof"):
        del parts[name]
    assert "dossier_bid_missing" in words(verify(write(tmp_path / "d.zip", parts), ROOT))


def test_a_file_that_the_receipt_names_is_missed_though_the_facts_keep_silent(tmp_path: Path) -> None:
    made = ADossier()
    parts = made.parts()
    made.facts["files"] = [file for file in made.facts["files"] if file["id"] != file_of("PN-AAAA")]
    parts[dossier.FACTS] = canonical(made._signed())
    del parts[FILE]
    report = verify(write(tmp_path / "d.zip", parts), ROOT)
    assert ("dossier_file_missing", "PN-AAAA") in found(report)


def test_a_file_that_the_facts_changed_with_is_held_against_the_receipt(tmp_path: Path) -> None:
    """Who holds the key of receipts signs other facts; what the bidder holds was signed before."""
    made = ADossier()
    parts = made.parts()
    parts[FILE] = b"another offer"
    member = parse(listed({FILE: parts[FILE]}))["members"][0]
    file = next(file for file in made.facts["files"] if file["id"] == file_of("PN-AAAA"))
    file |= {name: member[name] for name in ("size", "md5", "sha256")}
    parts[dossier.FACTS] = canonical(made._signed())
    report = verify(write(tmp_path / "d.zip", parts), ROOT)
    assert ("dossier_file_wrong", FILE) in found(report)


def test_a_receipt_that_names_another_record_than_the_facts(tmp_path: Path) -> None:
    made = ADossier()
    parts = made.parts()
    made.facts["bids"][0]["record_sha256"] = "0" * 64
    parts[dossier.FACTS] = canonical(made._signed())
    assert ("dossier_receipt_other", "PN-AAAA") in found(verify(write(tmp_path / "d.zip", parts), ROOT))


def test_the_receipt_of_another_tender_is_none_of_this_one(tmp_path: Path) -> None:
    other = ADossier()
    parts = {**PARTS, "bids/PN-XXXX.json": other.parts()[BID]}
    assert ("dossier_receipt_wrong", "bids/PN-XXXX.json") in found(verify(write(tmp_path / "d.zip", parts), ROOT))


def test_a_number_that_was_given_twice_is_seen(tmp_path: Path) -> None:
    report = verify(write(tmp_path / "d.zip", ADossier(seqs={4: 2}).parts()), ROOT)
    assert {name for word, name in found(report) if word == "dossier_place_twice"} == {"log/2.json", "log/4.json"}


def test_a_number_that_was_not_committed_to_is_seen(tmp_path: Path) -> None:
    said = parse(PARTS["log/2.json"]) | {"seq": 3}
    report = verify(write(tmp_path / "d.zip", {**PARTS, "log/2.json": canonical(said)}), ROOT)
    assert ("dossier_place_wrong", "log/2.json") in found(report)


def test_a_checkpoint_that_too_few_saw_is_not_believed(tmp_path: Path) -> None:
    parts = ADossier(seen_by=("lpse-a",)).parts()
    fewer = {name: data for name, data in parts.items() if not name.startswith("bids/")}
    assert "witnesses_few" in words(verify(write(tmp_path / "d.zip", fewer), ROOT))


def test_a_receipt_before_its_place_in_the_log_is_said(tmp_path: Path) -> None:
    made = parse(PARTS[BID])
    early = canonical({name: made[name] for name in ("type", "receipt", "record")})
    report = verify(write(tmp_path / "d.zip", {**PARTS, BID: early}), ROOT)
    assert (report.verdict, found(report, "missing")) == ("partly", {("dossier_receipt_early", BID)})


def test_a_part_that_is_not_listed_is_named(tmp_path: Path) -> None:
    more = {**PARTS, "files/extra": b"!"}
    assert ("dossier_unlisted", "files/extra") in found(verify(write(tmp_path / "d.zip", more, listed(PARTS)), ROOT))
    assert ("dossier_file_unknown", "files/extra") in found(verify(write(tmp_path / "d.zip", more), ROOT))


@pytest.mark.parametrize("change", [{"tender": "10080009001"}, {"mandate": "m"}])
def test_a_list_that_names_another_matter(tmp_path: Path, change: dict[str, str]) -> None:
    report = verify(write(tmp_path / "d.zip", PARTS, listed(PARTS, **change)), ROOT)
    assert "dossier_facts_wrong" in words(report)


# What an archive may not be


@pytest.mark.parametrize(
    "name",
    [
        "../rumah",
        "/etc/passwd",
        "files/../../a",
        "files\\..\\a",
        "C:a",
        "files/a/b",
        "files/",
        ".hidden",
        "a\x00b",
        "é",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "d.zip"
    with ZipFile(path, "w") as archive:
        info = ZipInfo("place")
        info.filename = name
        archive.writestr(info, b"x")
        archive.writestr(dossier.INDEX, listed(PARTS))
    report = verify(path, ROOT)
    assert (report.receipt, words(report) <= {"dossier_unsafe", "dossier_none"}, report.verdict) == (None, True, "bad")


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "d.zip", PARTS)
    with warnings.catch_warnings(), ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(FILE, b"another")
    assert found(verify(path, ROOT)) == {("dossier_unsafe", FILE)}


def test_what_is_larger_than_it_looks_is_refused(tmp_path: Path) -> None:
    """Compressed, be it a little, or two names for the same bytes."""
    path = write(tmp_path / "s.zip", {"files/small": bytes(50)}, compression=ZIP_DEFLATED)
    assert words(verify(path, ROOT)) == {"dossier_unsafe"}
    path = write(tmp_path / "d.zip", {**PARTS, "files/large": bytes(10 << 20)}, compression=ZIP_DEFLATED)
    assert words(verify(path, ROOT)) == {"dossier_unsafe"}
    path = tmp_path / "o.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("files/a", bytes(1 << 16))
        for no in range(20):
            again = ZipInfo(f"files/b{no}")
            first = archive.getinfo("files/a")
            again.header_offset, again.file_size, again.compress_size = first.header_offset, 1 << 16, 1 << 16
            again.CRC = first.CRC
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
        archive.writestr(dossier.INDEX, listed(PARTS))
    assert words(verify(path, ROOT)) == {"dossier_unsafe"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"not an archive",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-10],
        lambda _: b"PK\x05\x06" + bytes(18),
    ],
)
def test_what_is_no_archive(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path / "d.zip", PARTS)
    path.write_bytes(spoil(path.read_bytes()))
    report = verify(path, ROOT)
    assert (report.receipt, report.verdict) == (None, "bad")
    assert verify(tmp_path / "nowhere.zip", ROOT).verdict == "bad"


@pytest.mark.parametrize(
    "index", [b"", b"{}", b"[]", b'{"type":"dossier/v1"}', listed(PARTS) + b" ", listed(PARTS).replace(b"/v1", b"/v2")]
)
def test_what_is_no_list(tmp_path: Path, index: bytes) -> None:
    assert found(verify(write(tmp_path / "d.zip", PARTS, index), ROOT)) == {("dossier_altered", "dossier.json")}


def test_the_bids_of_the_story_are_of_both_kinds() -> None:
    assert set(BIDS.values()) == dossier.DECIDED
