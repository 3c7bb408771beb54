"""Which pages each role works on: the menu, the start page, and who is let in, from one table."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.session import Person

__all__ = ["DESKS", "Desk", "desks", "roles_of"]


@dataclass(frozen=True)
class Desk:
    """`key` names it in the catalogue: `desk.<key>` and, in a sentence, `desk_about.<key>`."""

    key: str
    path: str
    roles: frozenset[str]


DESKS: tuple[Desk, ...] = (
    Desk("provider", "/penyedia", frozenset({"penyedia"})),
    Desk("inbox", "/kotak-masuk", frozenset({"penyedia"})),
    Desk("open", "/ikut", frozenset({"penyedia"})),
    Desk("bids", "/penawaran", frozenset({"penyedia"})),
    Desk("verification", "/verifikasi", frozenset({"verifikator"})),
    Desk("packages", "/paket", frozenset({"ppk", "pa", "kpa"})),
    Desk("committee", "/pokja", frozenset({"pokja"})),
    Desk("tickets", "/layanan/tiket", frozenset({"helpdesk"})),
    Desk("complaints", "/layanan/pengaduan", frozenset({"helpdesk", "ketua_lpse", "inspektur"})),
    Desk("announcements", "/layanan/pengumuman", frozenset({"helpdesk"})),
    Desk("system", "/sistem", frozenset({"admin_ppe"})),
    Desk("accounts", "/admin/akun", frozenset({"admin_agency", "admin_ppe"})),
    Desk("audit", "/pemeriksaan", frozenset({"auditor"})),
    Desk("mandates", "/mandat", frozenset({"inspektur", "ketua_lpse"})),
    Desk("letters", "/admin/surat-tugas", frozenset({"admin_agency", "auditor"})),
    Desk("skpd", "/admin/skpd", frozenset({"admin_agency"})),
    Desk("committees", "/admin/pokja", frozenset({"admin_agency"})),
)


def desks(person: Person) -> Sequence[Desk]:
    """Those of the person's roles in force."""
    return [desk for desk in DESKS if not desk.roles.isdisjoint(person.roles)]


def roles_of(key: str) -> frozenset[str]:
    return next(desk.roles for desk in DESKS if desk.key == key)
