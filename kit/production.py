"""What the profile `production` refuses in its configuration: defaults, examples and what belongs to training.

Each refusal is one sentence that names the setting and says what to do. What is wrong inside a database is refused by
`Service` (kit/service.py), and keys that strangers can read or write by `kit.keys`.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from re import compile as pattern
from urllib.parse import parse_qsl, urlsplit

__all__ = ["about_place", "about_proxies", "about_secret", "about_server", "unknown_variables"]

LEAST_PASSWORD = 12
EXAMPLES = ("changeme", "change-me", "password", "minioadmin", "example", "secret")
TRAINING = ("latihan", "demo", "training")
WITHOUT_PASSWORD = {"sslcert", "passfile"}
"""Parameters of a PostgreSQL address by which a role proves itself in another way."""
SERVICE_LINK = pattern(r"LPSE_\w*?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""What Kubernetes puts into every container for a Service named `lpse-...`."""


def about_place(instance: str, prefix: str, log_level: str) -> Iterator[str]:
    if instance.lower().startswith(TRAINING):
        yield f"LPSE_INSTANCE is {instance}, a training instance: name this LPSE, it stands in every event."
    if prefix.startswith(TRAINING):
        yield f"LPSE_PREFIX is {prefix}, which demonstrations use and remove: choose another, for example `lpse`."
    if log_level == "DEBUG":
        yield "LPSE_LOG_LEVEL is DEBUG: set INFO or WARNING."


def about_proxies(networks: Iterable[IPv4Network | IPv6Network]) -> Iterator[str]:
    if any(network.prefixlen == 0 for network in networks):
        yield "LPSE_TRUSTED_PROXIES believes every address: name the web server in front of the gateway alone."


def about_server(variable: str, address: str) -> Iterator[str]:
    """Of an address that holds a role and its password."""
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query))
    password = parts.password or asked.get("password")
    if password or asked.keys().isdisjoint(WITHOUT_PASSWORD):
        yield from about_secret(variable, password or "", parts.username or asked.get("user") or "")


def about_secret(variable: str, secret: str, user: str = "") -> Iterator[str]:
    low = secret.lower()
    if not secret:
        yield f"{variable} holds no password, so that the server's default one counts: set one of your own."
    elif low == user.lower() or any(word in low for word in EXAMPLES):
        yield f"{variable} holds the password of an example or a default one: set one of your own."
    elif len(secret) < LEAST_PASSWORD:
        yield f"{variable} holds a password of fewer than {LEAST_PASSWORD} characters: set a longer, random one."


def unknown_variables(environment: Mapping[str, str], known: set[str]) -> Iterator[str]:
    """A sentence for each LPSE_ variable that no setting reads: it is a slip, and its setting stays at the default."""
    for name in sorted(environment):
        if name.startswith("LPSE_") and name not in known and not SERVICE_LINK.fullmatch(name):
            near = get_close_matches(name, sorted(known), 1)
            remedy = f"did you mean {near[0]}?" if near else "take it away; docs/operations/README.md lists all."
            yield f"{name} is no setting of OpenLPSE: {remedy}"
