"""The desk of Admin Agency and Admin PPE (Pasal 3, 5(1), 9(1)b): accounts, letters of assignment, work units, committees."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyotp
import segno
from markupsafe import Markup
from starlette.responses import Response

from contracts.roles import OFFICIALS
from gateway.pages.desks import roles_of
from gateway.pages.forms import Form
from gateway.pages.language import Catalogue
from gateway.pages.page import Page
from gateway.pages.units import MOST, everything, unit_named
from gateway.pages.visit import Visit

__all__ = ["PAGES"]

ACCOUNTS: Final = "/admin/akun"
LETTERS: Final = "/admin/surat-tugas"
SKPD: Final = "/admin/skpd"
COMMITTEES: Final = "/admin/pokja"
REGISTRARS: Final = frozenset({"admin_agency"})
"""Auditors read the letters; only the Admin Agency registers one."""
TERM: Final = ("valid_from", "valid_to")


async def show_accounts(visit: Visit) -> Mapping[str, Any]:
    asked = visit.query("cari")
    found, pager = await visit.listed(ACCOUNTS, "registry", "/accounts", said={"cari": asked}, q=asked)
    return {"found": found, **pager, "asked": asked, "registers": _registers(visit)}


async def create_account(visit: Visit, form: Form) -> Response:
    """The two secrets are in this answer and nowhere else: reloading it shows that they were shown."""
    made = await visit.post("registry", "/accounts", form.body("user_id", "name", "email", "nip"), key=form.key)
    secret = made["totp_secret"]
    uri = pyotp.TOTP(secret).provisioning_uri(name=made["user_id"], issuer_name="OpenLPSE") if secret else ""
    return await visit.page(
        "officials/account_created.html", made=made, uri=uri, code=_pictured(uri), grouped=_in_fours(secret or "")
    )


def _pictured(uri: str) -> Markup:
    """A QR code that an authenticator app reads off the screen or the printed page."""
    drawn = segno.make(uri, error="m").svg_inline(scale=5, omitsize=True, svgclass="qr", lineclass=None) if uri else ""
    return Markup(drawn)  # noqa: S704  drawn here from letters and digits; it holds no text of anybody


def _in_fours(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


async def show_letters(visit: Visit) -> Mapping[str, Any]:
    asked, registers = visit.query("cari"), _registers(visit)
    found, pager = await visit.listed(LETTERS, "registry", "/assignments", said={"cari": asked})
    facts = {"found": found, **pager, "asked": asked, "registers": registers}
    if not registers:
        return facts
    accounts, skpd = await asyncio.gather(
        everything(visit, "registry", "/accounts", q=asked), everything(visit, "registry", "/skpd")
    )
    return {
        **facts,
        "accounts": _people(accounts),
        "most": MOST,
        "roles": {role: visit.t.of("role", role) for role in sorted(OFFICIALS)},
        "skpd": _units(visit.t, skpd),
    }


async def register_letter(visit: Visit, form: Form) -> Response:
    body = form.body("account", "role", "skpd", "letter_number", "issuer", *TERM, instants=TERM)
    body["original_seen"] = form.ticked("original_seen")
    await visit.post("registry", "/assignments", body, key=form.key)
    return visit.go(LETTERS, "letter_registered")


async def show_skpd(visit: Visit) -> Mapping[str, Any]:
    found = await everything(visit, "registry", "/skpd")
    return {"found": found, "units": _units(visit.t, found)}


async def register_skpd(visit: Visit, form: Form) -> Response:
    await visit.post("registry", "/skpd", form.body("code", "name", "parent", *TERM), key=form.key)
    return visit.go(SKPD, "skpd_registered")


async def show_committees(visit: Visit) -> Mapping[str, Any]:
    (found, pager), people = await asyncio.gather(
        visit.listed(COMMITTEES, "registry", "/committees"),
        everything(visit, "registry", "/accounts", role="pokja"),
    )
    return {"found": found, **pager, "people": _people(people)}


async def form_committee(visit: Visit, form: Form) -> Response:
    body = form.body("name", "decree_number", *TERM, instants=TERM) | {"members": form.all("members")}
    await visit.post("registry", "/committees", body, key=form.key)
    return visit.go(COMMITTEES, "committee_formed")


def _registers(visit: Visit) -> bool:
    return not REGISTRARS.isdisjoint(visit.require().roles)


def _people(accounts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {one["id"]: f"{one['name']} ({one['user_id']})" for one in accounts}


def _units(t: Catalogue, skpd: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {unit["code"]: unit_named(t, unit["code"], unit["name"]) for unit in skpd}


PAGES: Final = (
    Page(ACCOUNTS, "officials/accounts.html", show_accounts, create_account, roles_of("accounts")),
    Page(LETTERS, "officials/letters.html", show_letters, register_letter, roles_of("letters"), senders=REGISTRARS),
    Page(SKPD, "officials/skpd.html", show_skpd, register_skpd, roles_of("skpd")),
    Page(COMMITTEES, "officials/committees.html", show_committees, form_committee, roles_of("committees")),
)
