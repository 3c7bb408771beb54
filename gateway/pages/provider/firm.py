"""`/penyedia`: how far the registration of a firm is, its papers, the forms to sign, and its submission (Pasal 9(1)a)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from gateway.pages.desks import roles_of
from gateway.pages.forms import Form, beside
from gateway.pages.language import Catalogue
from gateway.pages.page import Page
from gateway.pages.receipts import FORMS as RECEIPT_FORMS
from gateway.pages.receipts import as_file, form_of
from gateway.pages.visit import Visit
from integrity.receipts import payload_of
from kit.problems import NotFound

__all__ = ["PAGES", "deficiencies", "own_standing"]

FORMS: Final = {"formulir-pendaftaran": "formulir_pendaftaran", "formulir-keikutsertaan": "formulir_keikutsertaan"}
OPEN: Final = frozenset({"draft", "rejected"})
"""States in which papers may be changed."""
PERIOD: Final = frozenset({"ktp", "surat_izin_usaha"})
"""Papers that must be in date."""


@dataclass(frozen=True)
class Place:
    """One paper that is asked for: `copy` is the one that counts, `entered` a later one that still lacks its copy."""

    kind: str
    copy: Mapping[str, Any] | None
    entered: Mapping[str, Any] | None


async def _provider(visit: Visit) -> Any:
    return await visit.get("registry", "/providers/mine")


def places(provider: Mapping[str, Any]) -> list[Place]:
    return [_place(kind, provider["papers"]) for kind in provider["required_papers"]]


def _place(kind: str, papers: Sequence[Mapping[str, Any]]) -> Place:
    """Registry tells papers with a copy in the order they came, those without after them."""
    own = [paper for paper in papers if paper["kind"] == kind]
    copies = [paper for paper in own if paper["sha256"]]
    waiting = [paper for paper in own if not paper["sha256"]]
    return Place(kind, copies[-1] if copies else None, waiting[-1] if waiting else None)


def standing(provider: Mapping[str, Any]) -> str:
    """How far the registration is, for `provider_status`: a draft that lacks nothing waits for its submission only."""
    return "ready" if provider["status"] == "draft" and not provider["missing_papers"] else str(provider["status"])


async def own_standing(visit: Visit) -> str:
    """For pages that can do without: empty where nobody says, or where it is nobody's firm."""
    firm = visit.person and visit.person.provider
    provider = await visit.glance("registry", "/providers/mine") if firm else None
    return standing(provider) if provider else ""


def steps(provider: Mapping[str, Any]) -> dict[str, str]:
    """The four steps of a registration, each done, active or ahead."""
    now = {"draft": "papers" if provider["missing_papers"] else "submission", "rejected": "papers"}.get(
        provider["status"], "verification"
    )
    order = ("account", "papers", "submission", "verification")
    at = len(order) if provider["status"] == "verified" else order.index(now)
    return {step: "done" if no < at else "active" if no == at else "ahead" for no, step in enumerate(order)}


def deficiencies(t: Catalogue, decision: Mapping[str, Any]) -> list[str]:
    """What the verifier wrote down, where it is of the form `paper: fault` in words."""
    return [_in_words(t, line) for line in decision["deficiencies"]]


def _in_words(t: Catalogue, line: str) -> str:
    item, _, fault = line.partition(": ")
    if f"paper.{item}" in t.words and (not fault or f"fault.{fault}" in t.words):
        return f"{t.of('paper', item)}: {t.of('fault', fault or 'deficient')}"
    return line


async def show(visit: Visit) -> Mapping[str, Any]:
    provider = await _provider(visit)
    last = provider["decisions"][-1] if provider["decisions"] else None
    return {
        "provider": provider,
        "standing": standing(provider),
        "places": places(provider),
        "steps": steps(provider),
        "open": provider["status"] in OPEN,
        "decision": last,
        "deficiencies": deficiencies(visit.t, last) if last else [],
        "receipts": await visit.get("registry", "/providers/mine/receipts"),
    }


async def show_receipt(visit: Visit) -> Response:
    kept = await visit.get("registry", f"/receipts/{visit.id('event')}")
    said = payload_of(kept["receipt"])
    return await as_file(
        visit, kept, f"tanda-terima-{said['of']}-{said['received_at'][:10]}", form_of(visit), with_record=True
    )


async def submit(visit: Visit, form: Form) -> Response:
    provider = await _provider(visit)
    await visit.post("registry", f"/providers/{provider['id']}/submission", key=form.key)
    return visit.go("/penyedia", "registration_submitted")


async def show_paper(visit: Visit) -> Mapping[str, Any]:
    provider = await _provider(visit)
    known = places(provider)
    place = next((place for place in known if place.kind == visit.query("jenis")), None)
    if place is None:
        raise NotFound("paper", visit.query("jenis"))
    following = next((other.kind for other in known if other.copy is None and other is not place), None)
    return {
        "provider": provider,
        "place": place,
        "following": following,
        "open": provider["status"] in OPEN,
        "dated": place.kind in PERIOD,
        "proposed": {
            "number": provider["npwp"] if place.kind == "npwp" else form_number(provider, place.kind),
            "holder": provider["responsible_name"] if place.kind == "ktp" else provider["name"],
        },
    }


async def enter_paper(visit: Visit, form: Form) -> Response:
    """What the paper says is kept at once; its copy may follow on another day."""
    kind = visit.query("jenis")
    facts = form.body("number", "holder", "issued_on", "expires_on")
    with beside(
        nik_invalid="number",
        paper_issued_later="issued_on",
        paper_ends_first="expires_on",
        paper_expired="expires_on",
    ):
        await visit.post("registry", "/papers", {"kind": kind, **facts}, key=form.key)
    return visit.go(f"/penyedia/berkas?jenis={kind}", "paper_entered")


def form_number(provider: Mapping[str, Any], kind: str) -> str:
    """The forms that the portal prints carry a number of their own; other papers have theirs."""
    return (
        f"{'FP' if kind == 'formulir_pendaftaran' else 'FK'}-{provider['id'][-8:].upper()}"
        if kind in FORMS.values()
        else ""
    )


async def show_form(visit: Visit) -> Mapping[str, Any]:
    provider = await _provider(visit)
    kind = FORMS[visit.request.url.path.rpartition("/")[2]]
    return {
        "provider": provider,
        "kind": kind,
        "form_number": form_number(provider, kind),
        "required": provider["required_papers"],
    }


ROLES: Final = roles_of("provider")
PAGES: Final = (
    Page("/penyedia", "provider/firm.html", show, submit, ROLES),
    Page("/penyedia/berkas", "provider/paper.html", show_paper, enter_paper, ROLES),
    *(
        Page(f"/penyedia/tanda-terima/{{event:str}}.{form}", "provider/firm.html", show_receipt, roles=ROLES)
        for form in RECEIPT_FORMS
    ),
    *(Page(f"/penyedia/{form}", "provider/form.html", show_form, roles=ROLES) for form in FORMS),
)
