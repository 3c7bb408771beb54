"""Who asks: a session from the cookie (people) or the Authorization header (programs), traded for a 10-minute token.

Registry owns sessions. Here only SHA-256 of their secrets are kept, each with the last token, until it runs out.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NoReturn
from weakref import WeakValueDictionary

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from gateway.breaker import Unavailable
from gateway.headers import Hosts
from gateway.limits import Buckets
from gateway.upstream import Answer, Upstream
from kit.grants import ServiceToken
from kit.keys import SigningKey
from kit.limits import Limits
from kit.problems import Forbidden, Problem, Unauthenticated

__all__ = [
    "Credential",
    "Pass",
    "Person",
    "ServiceTokens",
    "Sessions",
    "cookie_name",
    "problem_of",
    "refuse_foreign_write",
]

Clock = Callable[[], datetime]

EARLY = timedelta(seconds=60)
"""A token is renewed this long before its end, so that what is under way when registry fails still has time."""
SKEW = timedelta(seconds=5)
REFUSED_FOR = timedelta(seconds=5)
MOST_SESSIONS = 100_000
MOST_REFUSALS = 10_000
SECRET = re.compile(r"[A-Za-z0-9_-]{20,200}")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def real_now() -> datetime:
    return datetime.now(UTC)


def cookie_name(*, secure: bool) -> str:
    """`__Host-` makes browsers refuse the cookie from anywhere but this host over TLS."""
    return "__Host-lpse_session" if secure else "lpse_session"


@dataclass(frozen=True, slots=True)
class Credential:
    """A session's secret and how it came. A browser sends cookies by itself; a header somebody meant to send."""

    secret: str = field(repr=False)
    by: Literal["cookie", "bearer"]

    @property
    def key(self) -> str:
        return hashlib.sha256(self.secret.encode()).hexdigest()

    @classmethod
    def of(cls, headers: Headers, cookie: str) -> "Credential | None":
        """The header wins. A header of another form is refused, a cookie of another form is none of ours."""
        if authorization := headers.get("authorization"):
            scheme, _, secret = authorization.partition(" ")
            if scheme.lower() != "bearer" or not SECRET.fullmatch(secret.strip()):
                raise Unauthenticated(
                    "session_malformed",
                    "The Authorization header does not hold a session: Bearer, a space, and the session's secret.",
                    remedy="Log in at POST /api/registry/sessions and send what it answers as `session`.",
                )
            return cls(secret.strip(), "bearer")
        secret = cookie_parser(headers.get("cookie", "")).get(cookie, "")
        return cls(secret, "cookie") if SECRET.fullmatch(secret) else None


def refuse_foreign_write(method: str, headers: Headers, hosts: Hosts, *, strict: bool = True) -> None:
    """403 for a write that a page of another site may have caused (besides SameSite, which older browsers lack).

    Every browser of today says where a write comes from; `strict` refuses one that does not say.
    """
    if method in SAFE:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    said = [given for given in (site, origin) if given is not None]
    ours = site in {None, "same-origin"} and (origin is None or hosts.is_ours(origin, headers))
    if not ours or (strict and not said):
        raise Forbidden(
            "foreign_write",
            "This change does not come from a page of this portal.",
            remedy="Open the portal itself and try there; programs send their session as Authorization: Bearer.",
        )


@dataclass(frozen=True, slots=True)
class Person:
    """Whose session it is; `roles` are those in force."""

    account: str
    user_id: str
    name: str
    roles: frozenset[str]
    provider: str | None

    @classmethod
    def of(cls, account: Mapping[str, Any]) -> "Person":
        return cls(
            str(account["id"]),
            account["user_id"],
            account.get("name", account["user_id"]),
            frozenset(account.get("roles", ())),
            account.get("provider"),
        )


@dataclass(frozen=True, slots=True)
class Pass:
    """What registry answered for a session: its token, good until `expires_at`, and whose it is."""

    token: str = field(repr=False)
    expires_at: datetime
    person: Person

    @property
    def account(self) -> str:
        return self.person.account

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Pass":
        return cls(answer["token"], datetime.fromisoformat(answer["expires_at"]), Person.of(answer["account"]))


@dataclass
class _Held:
    """A session that registry knows, or that was opened here."""

    account: str
    passed: Pass | None = None


class ServiceTokens:
    """The gateway's own proof to a service; good for 30 s, made anew every 15."""

    def __init__(self, keys: Path, now: Clock = real_now) -> None:
        self._keys, self._now = keys, now
        self._last: dict[str, tuple[datetime, str]] = {}
        SigningKey.load(keys, "gateway", "service")  # a gateway without its key does not start

    def header(self, service: str) -> dict[str, str]:
        at, token = self._last.get(service, (None, ""))
        now = self._now()
        if at is None or now - at > timedelta(seconds=15):
            key = SigningKey.load(self._keys, "gateway", "service", now)
            token = ServiceToken(service, now).issue(key)
            self._last[service] = now, token
        return {"lpse-service": token}


class Sessions:
    """Guesses have their own places, so that they push no real session out, and their own number for each address."""

    def __init__(
        self, registry: Upstream, tokens: ServiceTokens, now: Clock = real_now, limits: Limits | None = None
    ) -> None:
        limits = limits or Limits()
        self._registry, self._tokens, self._now = registry, tokens, now
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._refused: OrderedDict[str, tuple[datetime, Answer]] = OrderedDict()
        self._trading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._unknown = Buckets(
            "too_many_unknown_sessions",
            "Too many sessions that nobody knows have come from this address.",
            limits.unknown_sessions_per_address,
            limits.unknown_sessions_burst,
        )

    def account_of(self, credential: Credential) -> str | None:
        """Whose session it is, as far as is known without asking."""
        held = self._held.get(credential.key)
        return held.account if held else None

    def opened(self, secret: str, account: str) -> None:
        """A session that was just opened through this gateway is no guess."""
        self._hold(Credential(secret, "bearer").key, _Held(account))

    async def trade(self, credential: Credential, address: str = "unknown") -> Pass:
        """Raises registry's 401 for a session that is none, another problem when nobody can say."""
        key = credential.key
        if found := self._fresh(key):
            return found
        async with self._turn(key):
            return self._fresh(key) or await self._ask(key, credential, address)

    def _turn(self, key: str) -> asyncio.Lock:
        """Requests of one session do not ask registry side by side."""
        return self._trading.setdefault(key, asyncio.Lock())

    def _hold(self, key: str, held: _Held) -> None:
        self._held[key] = held
        self._held.move_to_end(key)
        if len(self._held) > MOST_SESSIONS:
            self._held.popitem(last=False)

    def _fresh(self, key: str) -> Pass | None:
        now = self._now()
        if (refused := self._refused.get(key)) and now < refused[0]:
            raise problem_of(refused[1])
        held = self._held.get(key)
        if held is None:
            return None
        self._held.move_to_end(key)
        return held.passed if held.passed and now < held.passed.expires_at - EARLY else None

    async def _ask(self, key: str, credential: Credential, address: str) -> Pass:
        held = self._held.get(key)
        if held is None:
            self._unknown.take(address)
        try:
            answer = await self._registry.fetch(
                "POST", "/internal/tokens", headers=self._tokens.header("registry"), body={"session": credential.secret}
            )
        except Unavailable as away:
            return self._without_registry(held, away)
        if answer.status == 401:
            self._refuse(key, answer)
        if not answer.ok:
            return self._without_registry(held, problem_of(answer))
        if held is None:
            self._unknown.give_back(address)
        passed = Pass.of(answer.json())
        self._hold(key, _Held(passed.account, passed))
        return passed

    def _refuse(self, key: str, answer: Answer) -> NoReturn:
        self._held.pop(key, None)
        self._refused[key] = self._now() + REFUSED_FOR, answer
        self._refused.move_to_end(key)
        if len(self._refused) > MOST_REFUSALS:
            self._refused.popitem(last=False)
        raise problem_of(answer)

    def _without_registry(self, held: _Held | None, away: Problem) -> Pass:
        """How an open session goes on while registry is away: with its last token, as long as services accept it."""
        if held and held.passed and self._now() < held.passed.expires_at - SKEW:
            return held.passed
        raise away

    async def forget(self, credential: Credential) -> None:
        """After a trade under way, so that its answer does not bring the session back."""
        async with self._turn(credential.key):
            self._held.pop(credential.key, None)

    def forget_account(self, account: str) -> None:
        """Every session of this account asks registry again at its next request."""
        for held in self._held.values():
            if held.account == account:
                held.passed = None


class Relayed(Problem):
    """A service's refusal, in its own words."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        super().__init__(
            str(told["code"]), "{_detail}", status=status, article=told.get("article"), remedy=told.get("remedy")
        )
        self.title = str(told.get("title", self.title))
        self.params = {**(told.get("params") or {}), "_detail": str(told["detail"])}
        self._told = dict(told)

    def document(self) -> dict[str, Any]:
        return self._told


def problem_of(answer: Answer) -> Problem:
    """What a service refused; whatever else it may have said is a fault of ours."""
    try:
        return Relayed(answer.status, answer.json())
    except (ValueError, KeyError, TypeError, AttributeError):
        detail = "A part of the system gave an answer that cannot be used."
        return Problem("upstream_answer", detail, status=502, remedy="Try again; if it stays so, tell the helpdesk.")
