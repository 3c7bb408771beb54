"""The roles of Pasal 5, 6, 7 and 9, by their official short names."""

from enum import StrEnum

__all__ = ["OFFICIALS", "Role"]


class Role(StrEnum):
    PENYEDIA = "penyedia"
    PPK = "ppk"
    POKJA = "pokja"
    PEJABAT_PENGADAAN = "pejabat_pengadaan"
    PA = "pa"
    KPA = "kpa"
    VERIFIKATOR = "verifikator"
    HELPDESK = "helpdesk"
    ADMIN_PPE = "admin_ppe"
    ADMIN_AGENCY = "admin_agency"
    KETUA_LPSE = "ketua_lpse"
    TRAINER = "trainer"
    AUDITOR = "auditor"
    INSPEKTUR = "inspektur"
    MONITOR_LKPP = "monitor_lkpp"


OFFICIALS = frozenset(Role) - {Role.PENYEDIA}
"""Who holds a role by a letter and logs in with a second factor."""
