"""How a provider comes in: registration, papers, and the verifier who sees the originals (Pasal 9)."""

from datetime import date, timedelta
from pathlib import Path

from cli.demo.cast import Bidder, npwp
from cli.demo.pdf import write_pdf
from cli.demo.portal import Portal, User, said

__all__ = ["register", "sign_up", "verify"]


async def register(portal: Portal, who: Bidder, number: int, stage: Path, today: date) -> User:
    """Sign up, hand in every paper asked for, and submit; returns the logged-in account."""
    user, papers = await sign_up(portal, who, number)
    for kind in papers:
        await _hand_in(user, who, kind, number, stage, today)
    await user.post(f"/api/registry/providers/{user.provider}/submission")
    return user


async def sign_up(portal: Portal, who: Bidder, number: int) -> tuple[User, list[str]]:
    """A registration and its first login; also the papers that are asked for."""
    password = f"Contoh-{who.user_id}-2026"
    registered = await portal.visitor().post(
        "/api/registry/registrations",
        {
            "user_id": who.user_id,
            "password": password,
            "email": f"{who.user_id}@contoh.example",
            "kind": "badan_usaha",
            "name": who.name,
            "npwp": npwp(number),
            "address": f"Jalan Contoh {number}, Mojokerto",
            "phone": "0321-000000",
            "responsible_name": who.responsible,
            "amended_deed": False,
        },
    )
    user = await portal.login(who.user_id, password)
    user.provider = registered["provider"]
    return user, registered["required_papers"]


async def _hand_in(user: User, who: Bidder, kind: str, number: int, stage: Path, today: date) -> None:
    file = stage / f"{who.user_id}-{kind}.pdf"
    numbered = f"{number}/{kind}/2026"
    write_pdf(file, kind.replace("_", " ").title(), [who.name, f"Nomor {numbered}", "Contoh, tidak berlaku"])
    paper = await user.post(
        "/api/registry/papers",
        {
            "kind": kind,
            "number": {"npwp": npwp(number), "ktp": f"357601010180{number % 10_000:04d}"}.get(kind, numbered),
            "holder": who.responsible if kind == "ktp" else who.name,
            "issued_on": (today - timedelta(days=300)).isoformat(),
            "expires_on": (today + timedelta(days=700)).isoformat(),
        },
    )
    sent = await user.upload(paper["upload"], paper["grant"], "application/pdf", file.name, file)
    await user.post(f"/api/registry/papers/{paper['id']}/file", said(sent))
    file.unlink()


async def verify(verifier: User, provider: str) -> None:
    """The verifier ticks every original and admits the provider."""
    found = await verifier.get(f"/api/registry/providers/{provider}")
    await verifier.post(
        f"/api/registry/providers/{provider}/decision",
        {
            "outcome": "verified",
            "originals": [paper["id"] for paper in found["papers"]],
            "place": "Ruang Verifikasi LPSE Kota Mojokerto",
            "notes": "",
            "deficiencies": [],
        },
    )
