"""Whom to believe (C2SP tlog-policy): which logs, which witnesses, and how many of these a checkpoint needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .checkpoint import Checkpoint
from .note import COSIGNATURE, PLAIN, Key, Note, NoteError

NOBODY: Final = "none"
MOST: Final = 256
"""Lines of one kind: more logs, witnesses or groups than anybody keeps in view."""
_WORD: Final = re.compile(r"[ \t]+")
_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


class PolicyError(ValueError):
    """The file is no policy, or a checkpoint does not satisfy it; the text says why."""


@dataclass(frozen=True, slots=True)
class Witness:
    key: Key
    url: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Has witnessed when at least `least` of its members have, each a witness or a group."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that satisfies the policy: what it says, and who saw it when, in seconds since 1970."""

    checkpoint: Checkpoint
    witnesses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Policy:
    """Made by `parse`. Names are those of the file and mean nothing outside of it.

    Logs sign with plain Ed25519 here and witnesses with Ed25519 cosignatures; other kinds of keys are refused.
    """

    logs: Mapping[Key, str | None]
    """With the address of each, where one is named."""
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, Group]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """Raises PolicyError, with the number of the line that is wrong."""
        return _Reader().read(data)

    def satisfied_by(self, names: frozenset[str] | set[str]) -> bool:
        """Whether these witnesses are enough."""
        return self.quorum == NOBODY or self._witnessed(self.quorum, names)

    def _witnessed(self, name: str, names: frozenset[str] | set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return sum(self._witnessed(member, names) for member in group.members) >= group.least

    def check(self, note: Note) -> Seen:
        """Returns what the note says where a log of the policy signed it, for itself, and enough witnesses saw it.

        Raises PolicyError, SignatureError where one of them only seems to have signed, or NoteError.
        """
        checkpoint = Checkpoint.parse(note.text)
        if not any(key.name == checkpoint.origin for key in note.signed_by(self.logs)):
            raise PolicyError(f"no log that is trusted here signed this checkpoint of {checkpoint.origin}")
        seen = self.seen(note)
        if not self.satisfied_by(set(seen)):
            raise PolicyError(f"too few witnesses saw this checkpoint: {', '.join(map(repr, sorted(seen))) or 'none'}")
        return Seen(checkpoint, seen)

    def seen(self, note: Note) -> dict[str, int]:
        """Which witnesses saw the checkpoint, by name, and when. Raises SignatureError."""
        names = {witness.key: name for name, witness in self.witnesses.items()}
        return {names[key]: time for key, time in note.signed_by(names).items()}


@dataclass(slots=True)
class _Reader:
    logs: dict[Key, str | None] = field(default_factory=dict)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None
    _members: set[str] = field(default_factory=set)

    def read(self, data: bytes) -> Policy:
        if _FORBIDDEN.search(data):
            raise PolicyError("a policy holds no control characters but tabs and newlines")
        # names are octets: what is no UTF-8 is kept as it is
        *lines, rest = data.decode("utf-8", "surrogateescape").split("\n")
        if rest:
            raise PolicyError("every line of a policy ends with a newline, also the last")
        for count, line in enumerate(lines, 1):
            words = [word for word in _WORD.split(line) if word]
            if words and not words[0].startswith("#"):
                try:
                    self._line(words[0], words[1:])
                except (PolicyError, NoteError) as error:
                    raise PolicyError(f"line {count}: {error}") from error
        if self.quorum is None:
            raise PolicyError("a policy has one line that names its quorum")
        return Policy(self.logs, self.witnesses, self.groups, self.quorum)

    def _line(self, keyword: str, words: list[str]) -> None:
        match keyword, words:
            case "log", [key, *url] if len(url) <= 1:
                self._log(Key.parse(key), *url)
            case "witness", [name, key, *url] if len(url) <= 1:
                self._witness(name, Key.parse(key), *url)
            case "group", [name, least, *members] if members:
                self._group(name, least, members)
            case "quorum", [name]:
                self._quorum(name)
            case _:
                raise PolicyError("not a log, a witness, a group or a quorum as a policy writes them")

    def _log(self, key: Key, url: str | None = None) -> None:
        if key.kind != PLAIN:
            raise PolicyError("the key is not one a log signs with")
        _check_new(key, list(self.logs))
        self.logs[key] = url

    def _witness(self, name: str, key: Key, url: str | None = None) -> None:
        if key.kind != COSIGNATURE:
            raise PolicyError("the key is not one a witness signs with")
        _check_new(key, [witness.key for witness in self.witnesses.values()])
        self._check_name(name)
        self.witnesses[name] = Witness(key, url)

    def _group(self, name: str, least: str, members: list[str]) -> None:
        for member in members:
            self._check_known(member)
            if member in self._members:
                raise PolicyError(f"{member!r} is a member already: each counts in one way only")
            self._members.add(member)
        self._check_name(name)
        if len(self.groups) == MOST:
            raise PolicyError(f"a policy has at most {MOST} groups here")
        self.groups[name] = Group(_least(least, len(members)), tuple(members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise PolicyError("a policy has one quorum and no second")
        if name != NOBODY:
            self._check_known(name)
        self.quorum = name

    def _check_name(self, name: str) -> None:
        if name == NOBODY or name in self.witnesses or name in self.groups:
            raise PolicyError(f"the name {name!r} is taken")

    def _check_known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise PolicyError(f"no line before this one says who {name!r} is")


def _least(word: str, members: int) -> int:
    if word in ("any", "all"):
        return 1 if word == "any" else members
    if not re.fullmatch("[1-9][0-9]{0,8}", word) or int(word) > members:
        raise PolicyError(f"of {members} members, `any`, `all` or from 1 to {members} must have witnessed")
    return int(word)


def _check_new(key: Key, others: list[Key]) -> None:
    if len(others) == MOST:
        raise PolicyError(f"a policy has at most {MOST} logs and as many witnesses here")
    if any(key.public == other.public or (key.name, key.id) == (other.name, other.id) for other in others):
        raise PolicyError("the same key, or another of its name and id, stands in the policy twice")
