"""Who acts and what for: access tokens in, policies on every route.

A route without a policy does not start (kit/service.py looks). Roles are the official short names of DESIGN section 6.
What an actor may do with *this* record (own package, own bid) is decided in the command, beside the rule.

Two clocks (DESIGN section 8): a token lives and ends on the real one; a letter is a paper with dates, and begins and ends
on the business clock, as registry reckons when it makes the token.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from kit.clock import business_now
from kit.grants import NO_END, Claims, Refused, ServiceToken
from kit.problems import Forbidden, Unauthenticated

__all__ = ["Actor", "ActorDep", "actor_of", "allow", "logged_in", "public"]


@dataclass(frozen=True, slots=True)
class Actor:
    """The account that acts, with the roles its letters give it now."""

    account: UUID
    session: UUID
    name: str
    provider: UUID | None
    roles: frozenset[str]
    scopes: frozenset[tuple[str, str]]
    """(role, SKPD code) pairs for roles bound to one SKPD."""

    @classmethod
    def of(cls, claims: Claims, now: datetime) -> "Actor":
        """`now` is business time: a letter that ended since the token was made gives nothing any more."""
        held = [role for role in claims.roles if role.until > now]
        return cls(
            account=claims.account,
            session=claims.session,
            name=claims.name,
            provider=claims.provider,
            roles=frozenset(role.role for role in held),
            scopes=frozenset((role.role, role.skpd) for role in held if role.skpd),
        )

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    def serves(self, role: str, skpd: str) -> bool:
        return (role, skpd) in self.scopes


def actor_of(request: Request) -> Actor | None:
    actor: Actor | None = getattr(request.state, "actor", None)
    return actor


async def _authenticate(request: Request) -> Actor | None:
    from kit.service import service_of

    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    service, now = service_of(request), datetime.now(UTC)
    try:
        claims = Claims.verify(token, service.ring, now)
    except Refused as refused:
        raise Unauthenticated(
            "token_refused", "Your login is not accepted: {why}", why=refused, remedy="Log in again."
        ) from refused
    if any(role.until < NO_END for role in claims.roles):  # bidders hold no letter: the rush asks no clock
        async with service.database.reading() as db:
            now = await business_now(db)
    return Actor.of(claims, now)


def _require(check: Callable[[Actor], bool], policy: str) -> Callable[[Request], Awaitable[None]]:
    async def dependency(request: Request) -> None:
        actor = await _authenticate(request)
        if actor is None:
            raise Unauthenticated("login_required", "This needs a session.", remedy="Log in and try again.")
        if not check(actor):
            raise Forbidden(
                "role_required",
                "This is for {roles}.",
                roles=policy,
                article="Perwali Mojokerto 21/2011 Pasal 5, 9",
                remedy="Ask the Admin Agency to register your letter of assignment if you hold this role.",
            )
        request.state.actor = actor

    return dependency


async def _maybe(request: Request) -> None:
    request.state.actor = await _authenticate(request)


def allow(*roles: str) -> dict[str, Any]:
    """`@router.post("/packages", **allow("ppk"))`: only these roles, by a letter in force."""
    check = _require(lambda actor: actor.has(*roles), ", ".join(roles))
    return {"dependencies": [Depends(check)], "openapi_extra": {"x-policy": sorted(roles)}}


def logged_in() -> dict[str, Any]:
    """Every account that is logged in."""
    return {"dependencies": [Depends(_require(lambda _: True, "users"))], "openapi_extra": {"x-policy": ["logged in"]}}


def public() -> dict[str, Any]:
    """Everybody; who is logged in is known all the same."""
    return {"dependencies": [Depends(_maybe)], "openapi_extra": {"x-policy": ["public"]}}


def internal() -> dict[str, Any]:
    """Only the gateway itself, by its service token; the proxy never forwards these paths."""

    async def dependency(request: Request) -> None:
        from kit.service import service_of

        token = request.headers.get("lpse-service", "")
        service = service_of(request)
        try:
            ServiceToken.verify(token, service.ring, datetime.now(UTC), audience=service.name)
        except Refused as refused:
            raise Unauthenticated(
                "service_token_refused",
                "The gateway's token is not accepted: {why}",
                why=refused,
                remedy=refused.remedy,
            ) from refused

    return {"dependencies": [Depends(dependency)], "openapi_extra": {"x-policy": ["internal"]}}


async def _actor(request: Request) -> Actor:
    actor = actor_of(request)
    if actor is None:
        raise Unauthenticated("login_required", "This needs a session.", remedy="Log in and try again.")
    return actor


ActorDep = Annotated[Actor, Depends(_actor)]
