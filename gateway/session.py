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
from typing import Any, Literal

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from gateway.breaker import Unavailable
from gateway.headers import Hosts
from gateway.upstream import Answer, Upstream
from kit.grants import ServiceToken
from kit.keys import SigningKey
from kit.problems import Forbidden, Problem, Unauthenticated

__all__ = ["Credential", "Pass", "ServiceTokens", "Sessions", "cookie_name", "problem_of", "refuse_foreign_write"]

Clock = Callable[[], datetime]

EARLY = timedelta(seconds=60)
"""A token is renewed this long before its end, so that what is under way when registry fails still has time."""
SKEW = timedelta(seconds=5)
REFUSED_FOR = timedelta(seconds=5)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
MOST_SESSIONS = 100_000
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
class Pass:
    """What registry answered for a session: its token, good until `expires_at`, and whose it is."""

    token: str = field(repr=False)
    expires_at: datetime
    account: str

    @classmethod
    def of(cls, answer: dict[str, Any]) -> "Pass":
        return cls(answer["token"], datetime.fromisoformat(answer["expires_at"]), str(answer["account"]["id"]))


@dataclass
class _Held:
    """One session here. `trading` keeps requests of one session from asking registry side by side."""

    passed: Pass | None = None
    refusal: Answer | None = None
    refused_until: datetime = LONG_AGO
    trading: asyncio.Lock = field(default_factory=asyncio.Lock)


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
    def __init__(self, registry: Upstream, tokens: ServiceTokens, now: Clock = real_now) -> None:
        self._registry, self._tokens, self._now = registry, tokens, now
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def account_of(self, credential: Credential) -> str | None:
        """Whose session it is, as far as is known without asking."""
        held = self._held.get(credential.key)
        return held.passed.account if held and held.passed else None

    async def trade(self, credential: Credential) -> Pass:
        """Raises registry's 401 for a session that is none, another problem when nobody can say."""
        held = self._hold(credential.key)
        if found := self._fresh(held):
            return found
        async with held.trading:
            return self._fresh(held) or await self._ask(held, credential)

    def _hold(self, key: str) -> _Held:
        held = self._held.setdefault(key, _Held())
        self._held.move_to_end(key)
        if len(self._held) > MOST_SESSIONS:
            self._held.popitem(last=False)
        return held

    def _fresh(self, held: _Held) -> Pass | None:
        now = self._now()
        if held.refusal and now < held.refused_until:
            raise problem_of(held.refusal)
        return held.passed if held.passed and now < held.passed.expires_at - EARLY else None

    async def _ask(self, held: _Held, credential: Credential) -> Pass:
        try:
            answer = await self._registry.fetch(
                "POST", "/internal/tokens", headers=self._tokens.header("registry"), body={"session": credential.secret}
            )
        except Unavailable as away:
            return self._without_registry(held, away)
        if answer.status == 401:
            held.passed, held.refusal, held.refused_until = None, answer, self._now() + REFUSED_FOR
            raise problem_of(answer)
        if not answer.ok:
            return self._without_registry(held, problem_of(answer))
        held.passed, held.refusal = Pass.of(answer.json()), None
        return held.passed

    def _without_registry(self, held: _Held, away: Problem) -> Pass:
        """How an open session goes on while registry is away: with its last token, as long as services accept it."""
        if held.passed and self._now() < held.passed.expires_at - SKEW:
            return held.passed
        raise away

    async def forget(self, credential: Credential) -> None:
        """After a trade under way, so that its answer does not bring the session back."""
        if held := self._held.get(credential.key):
            async with held.trading:
                held.passed = None
                self._held.pop(credential.key, None)

    def forget_account(self, account: str) -> None:
        """Every session of this account asks registry again at its next request."""
        for held in self._held.values():
            if held.passed and held.passed.account == account:
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
