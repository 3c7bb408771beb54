"""How a tender comes to be: the PPK's package, the Pokja's schedule and document, and each member's pakta integritas."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cli.demo.cast import HPS, PACKAGE
from cli.demo.office import Office
from cli.demo.pdf import write_pdf
from cli.demo.portal import Refused, User, said

__all__ = ["Announced", "Span", "announce", "create_package", "opens"]

TEMPLATE = "T1"


@dataclass(frozen=True)
class Span:
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Announced:
    id: str
    code: str
    stages: dict[str, Span]

    @property
    def closes_at(self) -> datetime:
        return self.stages["upload_penawaran"].ends_at


async def create_package(office: Office) -> dict[str, Any]:
    ppk = office.official("ppk")
    letters = (await ppk.get("/api/registry/me"))["letters"]
    skpd = next(letter["skpd"] for letter in letters if letter["role"] == "ppk")
    committee = (await office.listed(ppk, "/api/registry/committees"))[0]
    rows = [
        {
            "description": row.description,
            "unit": row.unit,
            "quantity": str(row.quantity),
            "unit_price": str(row.unit_price),
        }
        for row in HPS
    ]
    package: dict[str, Any] = await ppk.post(
        "/api/tender/packages", PACKAGE | {"skpd": skpd, "hps_rows": rows, "committee": committee["id"]}
    )
    return package


async def announce(office: Office, package: str, stage: Path) -> Announced:
    """The shortest schedule the regime allows; published when the last member has accepted the pakta integritas."""
    pokja = office.pokja()
    rows = await _schedule(office, pokja[0])
    tender = await pokja[0].post(
        "/api/tender/tenders",
        {
            "package": package,
            "template": TEMPLATE,
            "stages": rows,
            "contract_type": "harga_satuan",
            "qualification_requirements": ["Surat izin usaha perdagangan yang berlaku", "SPT tahun pajak terakhir"],
        },
    )
    await _publish_document(pokja[0], tender["id"], stage)
    pact = await pokja[0].get("/api/tender/pact-text")
    for member in pokja:
        tender |= await member.post(f"/api/tender/tenders/{tender['id']}/approvals", {"pact_version": pact["version"]})
    spans = {row["code"]: Span(_instant(row["starts_at"]), _instant(row["ends_at"])) for row in rows}
    return Announced(tender["id"], tender["code"], spans)


async def _schedule(office: Office, member: User) -> list[dict[str, str]]:
    start = await office.now() + timedelta(minutes=30)
    stages = await member.get(
        "/api/tender/schedule-proposals", regime=PACKAGE["regime"], template=TEMPLATE, start=start.isoformat()
    )
    return [{key: row[key] for key in ("code", "starts_at", "ends_at")} for row in stages]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def _publish_document(member: User, tender: str, stage: Path) -> None:
    file = stage / "dokumen-pemilihan.pdf"
    write_pdf(file, "Dokumen Pemilihan", [str(PACKAGE["name"]), *(row.description for row in HPS)], size=400_000)
    document = await member.post(
        f"/api/tender/tenders/{tender}/documents", {"name": file.name, "media_type": "application/pdf"}
    )
    sent = await member.upload("/api/documents/uploads", document["grant"], "application/pdf", file.name, file)
    await member.post(f"/api/tender/tender-documents/{document['id']}/file", said(sent))


async def opens(chair: User, tender: str) -> bool:
    """Open the bids; False while the tender is not closed yet."""
    try:
        await chair.post(f"/api/tender/tenders/{tender}/opening")
    except Refused as refused:
        if refused.status != 409:
            raise
        return False
    return True
