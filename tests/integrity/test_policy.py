"""Policies: what the format says, against a brute-force reading of the same rules, and every line that is wrong."""

from collections.abc import Mapping
from itertools import chain, combinations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from integrity.checkpoint import Checkpoint
from integrity.ed25519 import SignatureError
from integrity.note import COSIGNATURE, Key, Note, NoteError, Signature, cosign, sign
from integrity.policy import MOST, Policy, PolicyError

ORIGIN = "lpse.example/log/1"
TEXT = str(Checkpoint(ORIGIN, 7, bytes(32)))


def private(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def vkey(number: int, name: str, kind: int = COSIGNATURE) -> str:
    return str(Key(name, private(number).public_key().public_bytes_raw(), kind))


LOG = f"log {vkey(0, ORIGIN, 1)} https://lpse.example/log/1\n"
WITNESSES = "".join(f"witness {name} {vkey(number, f'{name}.example')}\n" for number, name in enumerate("abcdef", 1))
TWO_LEVELS = "group x 2 a b c\ngroup y any d e f\ngroup both all x y\nquorum both\n"


def policy(text: str) -> Policy:
    return Policy.parse(text.encode())


def signed(*witnesses: int, log: int = 0, time: int = 1_000) -> Note:
    lines = [cosign(TEXT, f"{'abcdef'[number - 1]}.example", private(number), time + number) for number in witnesses]
    return Note(TEXT, (sign(TEXT, ORIGIN, private(log)), *lines))


def test_two_levels_of_groups() -> None:
    found = policy(LOG + WITNESSES + TWO_LEVELS)
    assert found.satisfied_by(set("acf"))
    for few in ("", "abc", "def", "af", "defa"):
        assert not found.satisfied_by(set(few))


def test_comments_blanks_tabs_and_any_octets_in_names() -> None:
    text = f"# whom we trust\n\n \t\n  {LOG}\twitness\t\xe9 {vkey(1, 'a.example')} \t\n # and so on\nquorum  \xe9\n"
    found = Policy.parse(text.encode("latin-1"))
    (name,) = found.witnesses
    assert found.satisfied_by({name})
    assert not found.satisfied_by({"\xe9"}), "an octet is no letter"


def test_a_policy_without_witnesses_or_logs() -> None:
    assert policy("quorum none\n").satisfied_by(set())
    assert policy(WITNESSES + "quorum none\n").satisfied_by(set())
    with pytest.raises(PolicyError, match="no log that is trusted"):
        policy("quorum none\n").check(signed())


def test_who_saw_it_and_when() -> None:
    seen = policy(LOG + WITNESSES + TWO_LEVELS).check(signed(1, 3, 6))
    assert seen.checkpoint == Checkpoint.parse(TEXT)
    assert seen.witnesses == {"a": 1_001, "c": 1_003, "f": 1_006}


def test_too_few_witnesses_are_named() -> None:
    with pytest.raises(PolicyError, match="too few witnesses saw this checkpoint: 'a', 'f'"):
        policy(LOG + WITNESSES + TWO_LEVELS).check(signed(6, 1))
    with pytest.raises(PolicyError, match="too few witnesses saw this checkpoint: none"):
        policy(LOG + WITNESSES + TWO_LEVELS).check(signed())


def test_a_log_signs_for_itself_alone() -> None:
    other = f"log {vkey(9, 'other.example/log/1', 1)}\n"
    text = TEXT.replace(ORIGIN, "other.example/log/1")
    note = Note(text, (sign(text, ORIGIN, private(0)),))
    with pytest.raises(PolicyError, match="no log that is trusted"):
        policy(LOG + other + "quorum none\n").check(note)


def test_what_another_known_log_only_seems_to_have_signed_is_refused() -> None:
    other = Key.parse(vkey(9, "other.example/log/1", 1))
    note = signed().with_signatures([Signature(other.name, other.id, bytes(64))])
    policy(LOG + "quorum none\n").check(note)
    with pytest.raises(SignatureError):
        policy(LOG + f"log {other}\nquorum none\n").check(note)


def test_a_signature_that_does_not_hold_makes_it_one_to_refuse() -> None:
    good = signed(1, 4)
    found = policy(LOG + WITNESSES + "quorum a\n")
    for place, line in enumerate(good.signatures):
        lines = list(good.signatures)
        lines[place] = Signature(line.name, line.id, line.value[:-1] + bytes([line.value[-1] ^ 1]))
        with pytest.raises(SignatureError):
            found.check(Note(TEXT, tuple(lines)))
    with pytest.raises(SignatureError):
        found.check(Note(TEXT.replace("\n7\n", "\n8\n"), good.signatures))


def test_what_is_no_checkpoint() -> None:
    text = "two\nlines\n"
    with pytest.raises(NoteError, match="three lines"):
        policy(LOG + "quorum none\n").check(Note(text, (sign(text, ORIGIN, private(0)),)))


W = f"witness a {vkey(1, 'a')}\n"
WRONG = {
    "nothing": ("", "one line that names its quorum"),
    "no newline at the end": ("quorum none", "ends with a newline"),
    "a carriage return": ("quorum none\r\n", "control characters"),
    "a delete": ("quorum none\x7f\n", "control characters"),
    "another keyword": ("quorums none\n", "line 1: not a log"),
    "capitals": ("QUORUM none\n", "line 1: not a log"),
    "a word too many": ("quorum none none\n", "line 1: not a log"),
    "two addresses": (LOG[:-1] + " https://more\n", "line 1: not a log"),
    "two quorums": ("quorum none\nquorum none\n", "line 2: a policy has one quorum"),
    "a quorum nobody knows": ("quorum a\n", "line 1: no line before"),
    "a quorum that comes later": (f"quorum a\n{W}", "line 1: no line before"),
    "a log that cosigns": (f"log {vkey(1, 'l')}\nquorum none\n", "not one a log signs with"),
    "a witness that signs": (f"witness a {vkey(1, 'a', 1)}\nquorum none\n", "not one a witness signs with"),
    "a key that is none": ("witness a b+00000000+AAAA\nquorum none\n", "line 1: keys of the kind"),
    "the same key twice": (W + f"witness b {vkey(1, 'b')}\nquorum none\n", "line 2: the same key"),
    "the same log twice": (LOG + f"log {vkey(0, 'other', 1)}\nquorum none\n", "line 2: the same key"),
    "a name twice": (W + f"witness a {vkey(2, 'b')}\nquorum none\n", "line 2: the name 'a' is taken"),
    "a group of a witness's name": (W + "group a any a\nquorum none\n", "line 2: the name 'a' is taken"),
    "a witness called none": (f"witness none {vkey(1, 'a')}\nquorum none\n", "line 1: the name 'none' is taken"),
    "a group called none": (W + "group none any a\nquorum none\n", "line 2: the name 'none' is taken"),
    "more than an int can be read from": (W + f"group g {'1' * 5000} a\nquorum none\n", "line 2: of 1 members"),
    "too many groups": (
        W + "group g0 any a\n" + "".join(f"group g{n + 1} any g{n}\n" for n in range(MOST)) + "quorum none\n",
        "at most 256 groups",
    ),
    "none as a member": (W + "group g any a none\nquorum none\n", "line 2: no line before"),
    "a group of nobody": ("group g any\nquorum none\n", "line 1: not a log"),
    "a group of itself": (W + "group g any a g\nquorum none\n", "line 2: no line before"),
    "a member twice": (W + "group g 1 a a\nquorum none\n", "line 2: 'a' is a member already"),
    "a member of two groups": (W + "group g any a\ngroup h any a\nquorum none\n", "line 3: 'a' is a member already"),
    "at least nobody": (W + "group g 0 a\nquorum none\n", "line 2: of 1 members"),
    "more than there are": (W + "group g 2 a\nquorum none\n", "line 2: of 1 members"),
    "a leading zero": (W + "group g 01 a\nquorum none\n", "line 2: of 1 members"),
    "other digits": (W + "group g \N{FULLWIDTH DIGIT ONE} a\nquorum none\n", "line 2: of 1 members"),
}


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_policy(text: str, why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        policy(text)


def test_a_key_name_that_is_no_text() -> None:
    with pytest.raises(PolicyError, match=r"line 1: .* is no name of a key"):
        Policy.parse(b"witness a " + W.split()[2].encode().replace(b"a+", b"\xff+", 1) + b"\nquorum none\n")


def test_groups_as_deep_as_they_may_be() -> None:
    chain_ = "".join(f"group g{n + 1} any g{n}\n" for n in range(MOST - 1))
    assert policy(W + "group g0 any a\n" + chain_ + f"quorum g{MOST - 1}\n").satisfied_by({"a"})


def test_more_witnesses_than_anybody_keeps_in_view() -> None:
    keys = (
        Ed25519PrivateKey.from_private_bytes(n.to_bytes(32, "big")).public_key().public_bytes_raw()
        for n in range(MOST + 1)
    )
    lines = [f"witness w{n} {Key('w', one, COSIGNATURE)}\n" for n, one in enumerate(keys)]
    assert len(policy("".join(lines[:MOST]) + "quorum none\n").witnesses) == MOST
    with pytest.raises(PolicyError, match="line 257: a policy has at most 256"):
        policy("".join(lines) + "quorum none\n")


@st.composite
def groups(draw: st.DrawFn) -> dict[str, tuple[int, list[str]]]:
    """Any nesting over six witnesses; the last group is the quorum."""
    free, found = list("abcdef"), dict[str, tuple[int, list[str]]]()
    for number in range(draw(st.integers(1, 5))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        found[f"g{number}"] = draw(st.integers(1, len(members))), members
        free = [name for name in free if name not in members] + [f"g{number}"]
    return found


def holds(name: str, groups: Mapping[str, tuple[int, list[str]]], seen: frozenset[str]) -> bool:
    if name not in groups:
        return name in seen
    least, members = groups[name]
    return len([one for one in members if holds(one, groups, seen)]) >= least


@given(groups())
def test_every_set_of_witnesses_against_the_definition(groups: dict[str, tuple[int, list[str]]]) -> None:
    quorum = list(groups)[-1]
    lines = [f"group {name} {least} {' '.join(members)}\n" for name, (least, members) in groups.items()]
    found = policy(LOG + WITNESSES + "".join(lines) + f"quorum {quorum}\n")
    for names in chain.from_iterable(combinations("abcdef", count) for count in range(7)):
        assert found.satisfied_by(set(names)) == holds(quorum, groups, frozenset(names))
