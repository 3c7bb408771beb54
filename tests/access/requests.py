"""The request that goes with each line of the table: a body that is right in itself, so that only access decides."""

from datetime import date, timedelta
from typing import Any

from tests.access.story import FIRMS, PASSWORD, STEPS, forwarding, mandate, new_tender, package, paper, registration
from tests.access.table import Row
from tests.access.world import LATER, LONG_AGO, PDF, World
from tests.integrity.an_lpse import AnLpse, fields

__all__ = ["address", "body_of", "headers_of"]

TEXT = {"text": "Ya."}
FILE = {"name": "lampiran.pdf"}
QUERIES = {
    "/penyedia/berkas": "jenis=ktp",
    "/schedule-proposals": "start=2026-12-01T02:00:00Z",
    "/pokja/baru": "package={package}",
    "/log/1/proof/inclusion": "index=0&size=1",
    "/log/1/proof/entry": "index=0",
    "/log/1/proof/consistency": "from=1&to=2",
    "/dossiers/{tender}/entries": "size=1",
}

WITHIN = {"bid": "bid opened", "objection": "objection pending", "file": "bid-file opened"}
"""What stands in the second place of a path: a record of the first."""


def address(world: World, row: Row) -> str:
    """The path with the record's identifier in its place, and a query where one is needed."""
    path = row.path
    for place, name in WITHIN.items():
        path = path.replace(f"{{{place}}}", world.records[name])
    if "{" in path:
        name = {"public object": "object"}.get(row.record, row.record)
        path = path[: path.index("{")] + world.records[name] + path[path.rindex("}") + 1 :]
    return f"{path}?{QUERIES[row.path].format_map(world.records)}" if row.path in QUERIES else path


def headers_of(world: World, row: Row) -> dict[str, str]:
    grants = {"object": "reading own", "public object": "reading public"}
    if row.path.endswith(("/tracked", "/tracked/receipt")):
        return {"lpse_tracking": world.records[row.record]}
    if row.path == "/objects/{id}":
        return {"lpse_grant": world.bodies[grants[row.record]]}
    if row.path != "/uploads":
        return {}
    named = "attachment; filename*=UTF-8''berkas.pdf"
    grant = world.bodies["grant unused"]
    return {"lpse_grant": grant, "content_type": "application/pdf", "content_disposition": named}


async def body_of(world: World, row: Row) -> Any:
    if row.method in {"GET", "DELETE"}:
        return None
    made = {
        "/uploads": PDF,
        "/receipts": fields(AnLpse("uji").provisional()),
        **_registry(world),
        **_tender(world),
        **_helpdesk(),
        "/mandates": mandate(world),
        **_public_forms(world),
        **_officials(world),
        **_pages(world),
    }
    if row.path == "/tenders":
        return await new_tender(world, world.records["package"])
    return made.get(row.path, _forms(world).get(row.path, {}))


def _forms(world: World) -> dict[str, dict[str, str]]:
    """What is typed into the pages' forms."""
    term = {"valid_from": "2026-01-01T00:00", "valid_to": "2035-12-31T00:00"}
    window = {"starts_at": "2035-12-30T09:00", "ends_at": "2035-12-30T11:00"}
    letter = {"letter_number": "800/9", "issuer": "Sekretaris Daerah", "original_seen": "true"}
    return {
        "/verifikasi/{provider}": {"outcome": "rejected", "place": "Mojokerto", "deficiencies": "ktp"},
        "/layanan/tiket": {"channel": "telepon", "category": "umum", "subject": "Tanya", "text": "Bagaimana?"},
        "/layanan/tiket/{id}": {"_do": "answer", **TEXT},
        "/layanan/pengaduan/{id}": {"_do": "answer", **TEXT},
        "/layanan/pengumuman": {"title": "Pemeliharaan", "text": "Server", **window},
        "/admin/akun": {"user_id": "petugas", "name": "Petugas", "email": "petugas@contoh.example"},
        "/admin/surat-tugas": {"account": world.records["clerk"], "role": "helpdesk", **letter, **term},
        "/admin/skpd": {"code": "9.98", "name": "Dinas Baru", "valid_from": "2026-01-01"},
        "/admin/pokja": {"name": "Pokja Kecil", "decree_number": "188/8", **term},
        "/sistem/{service}/{id}": {"_do": "retry"},
        "/mandat": {
            "account": world.records["clerk"],
            "number": "700/2",
            "tenders": world.records["code done"],
            **term,
        },
    }


def _registry(world: World) -> dict[str, Any]:
    term = {"valid_from": LONG_AGO.isoformat(), "valid_to": LATER.isoformat()}
    members = [str(world.people[f"member{n}"].account) for n in (1, 2, 3)]
    letter = {"letter_number": "800/9", "issuer": "Sekretaris Daerah", "original_seen": True}
    return {
        "/sessions": {"user_id": FIRMS[0], "password": PASSWORD},
        "/api/registry/sessions": {"user_id": FIRMS[0], "password": PASSWORD},
        "/session": {"user_id": FIRMS[0], "password": PASSWORD},
        "/masuk": {"user_id": FIRMS[0], "password": PASSWORD},
        "/internal/tokens": {"session": "x" * 43},
        "/registrations": registration("baru", len(FIRMS) + 1),
        "/papers": paper("npwp"),
        "/papers/{id}/upload": {"name": "salinan.pdf", "media_type": "application/pdf"},
        "/papers/{id}/file": world.bodies["paper newcomer"],
        "/providers/{id}/decision": {"outcome": "rejected", "place": "Mojokerto", "deficiencies": ["ktp"]},
        "/accounts": {"user_id": "pegawai", "name": "Pegawai", "email": "pegawai@contoh.example"},
        "/assignments": {"account": world.records["clerk"], "role": "helpdesk", **letter, **term},
        "/skpd": {"code": "9.99", "name": "Dinas Baru", "valid_from": date(2026, 1, 1).isoformat()},
        "/committees": {"name": "Pokja Baru", "decree_number": "188/9", "members": members, **term},
    }


def _tender(world: World) -> dict[str, Any]:
    return {
        "/packages": package(world),
        "/hps-sums": {"hps_rows": package(world)["hps_rows"]},
        "/tenders/{id}/documents": FILE,
        "/tender-documents/{id}/file": world.bodies["document waiting"],
        "/tenders/{id}/approvals": {"pact_version": "1"},
        "/tenders/{id}/questions": {"chapter": "IKP", "text": "Kapan?"},
        "/questions/{id}/answer": TEXT,
        "/bids/{id}/files": FILE,
        "/bids/{id}/consent": world.bodies["consent"],
        "/bids/{id}/evaluations": {"step": STEPS[0], "passed": True},
        "/bids/{id}/pembuktian": {"passed": True},
        "/tenders/{id}/failure": {"ground": "F2"},
        "/tenders/{id}/objections": TEXT,
        "/objections/{id}/documents": FILE,
        "/objections/{id}/answer": world.bodies["answer pending"],
        "/tenders/{id}/appointment": {"number": "027/1/2027"},
    }


def _officials(world: World) -> dict[str, dict[str, str]]:
    """What the pages of PPK and Pokja are sent."""
    line = {"description": "Meja", "unit": "unit", "quantity": "10", "unit_price": "1.000.000"}
    return {
        "/paket/baru": {"_do": "sum", **{f"hps_rows.0.{name}": value for name, value in line.items()}},
        "/paket/{id}/sppbj": {"number": "027/2/2027"},
        "/pokja/baru": {"package": world.records["package"], "template": "T1"},
        "/pokja/{id}/persetujuan": {"accepted": "true", "pact_version": "0"},
        "/pokja/{id}/pertanyaan": {"question": world.records["question"], "text": ""},
        "/pokja/{id}/evaluasi/{bid}": {"step": STEPS[0], "passed": "true"},
        "/pokja/{id}/sanggah/{objection}": {"upheld": "false", "text": "Sesuai."},
        "/pokja/{id}/gagal": {"ground": "F2", "_do": "check"},
    }


def _pages(world: World) -> dict[str, Any]:
    """What stands in the forms of the portal: places of the body that goes to the service."""
    firm = registration("baru", len(FIRMS) + 1)
    return {
        "/daftar": {**firm, "password_again": firm["password"]},
        "/penyedia/berkas": {name: paper("ktp")[name] for name in ("number", "holder", "issued_on")},
        "/tender/{code}/ikut": {"_do": "join"},
        "/tender/{code}/tanya": {"chapter": "IKP", "text": "Kapan?"},
        "/tender/{code}/sanggah": TEXT,
        "/penawaran/{id}": {"agreed": "true", **_fields(world.bodies["consent"])},
    }


def _fields(value: Any, place: str = "") -> dict[str, str]:
    """A body as the fields of a form, each under the name of its place."""
    if not isinstance(value, dict | list):
        return {place: str(value)}
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        name: said for key, one in inner for name, said in _fields(one, f"{place}.{key}" if place else f"{key}").items()
    }


def _helpdesk() -> dict[str, Any]:
    later = LATER - timedelta(days=1)
    window = {"starts_at": later.isoformat(), "ends_at": LATER.isoformat()}
    return {
        "/tickets": {"category": "umum", "subject": "Tanya", "text": "Bagaimana?"},
        "/tickets/{id}/messages": TEXT,
        "/complaints": {"category": "umum", "text": "Ada yang tidak beres."},
        "/complaints/{id}/forwardings": forwarding(),
        "/complaints/{id}/answer": TEXT,
        "/announcements": {"kind": "maintenance", "title": "Pemeliharaan", "text": "Server", **window},
    }


def _public_forms(world: World) -> dict[str, dict[str, str]]:
    """What citizens fill in."""
    return {
        "/pengaduan": {"category": "umum", "text": "Ada yang tidak beres.", "hide_reporter": "true"},
        "/pengaduan/lacak": {"code": world.records["complaint code"]},
        "/tanya": {"category": "umum", "subject": "Tanya", "text": "Bagaimana?"},
        "/tanya/lacak": {"code": world.records["ticket code"]},
        "/tanya/tiket/{id}": TEXT,
    }
