"""The story, act by act. Each act is what people do, over the gateway's API, at the instant the law gives them."""

import asyncio
import mimetypes
import time
import unicodedata
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cli import events
from cli.demo.announcement import Announced, announce, create_package, opens
from cli.demo.cast import PACKAGE, Bidder, bidders
from cli.demo.evidence import BidEvidence, Evidence
from cli.demo.offers import consent, offer
from cli.demo.office import Office, Unmet
from cli.demo.pdf import write_pdf
from cli.demo.portal import Portal, Refused, Uploaded, User, said
from cli.demo.providers import register, verify
from cli.demo.telling import Teller
from cli.system import System
from cli.wiring import topology

__all__ = ["Story"]

ORIGIN = "application/octet-stream"
CONSENT_MARGIN = timedelta(milliseconds=1)
CLOSING_GRACE = timedelta(seconds=30)


@dataclass
class Entrant:
    """A bidder as the story goes on."""

    cast: Bidder
    user: User
    files: list[Path] = field(default_factory=list)
    bid: str = ""
    code: str = ""
    uploads: dict[str, Uploaded] = field(default_factory=dict)
    offer: dict[str, Any] = field(default_factory=dict)
    consent: dict[str, Any] = field(default_factory=dict)
    refusal: dict[str, Any] | None = None
    corrected: str | None = None

    @property
    def outcome(self) -> dict[str, Any]:
        return self.refusal or self.consent


class Story(Office):
    def __init__(self, system: System, stage: Path, files: list[Path] | None, evidence: Path, *, cast: int = 0) -> None:
        super().__init__(system, Portal(system.installation.gateway), cast)
        self.stage = stage
        self.given = files
        self.evidence = Evidence(evidence)
        self.tell = Teller()
        self.entrants: list[Entrant] = []
        self.package = ""
        self.tender = Announced("", "", {})
        self.complaint: dict[str, Any] = {}

    async def play(self) -> dict[str, Any]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.portal)
            await self.clock("stop")
            await self.officials_log_in()
            await self.providers_register()
            await self.package_is_created()
            await self.tender_is_published()
            await self.questions_are_answered()
            await self.bids_are_sent()
            await self.bids_are_opened()
            await self.bids_are_evaluated()
            await self.winner_is_announced()
            await self.objection_is_answered()
            await self.winner_is_appointed()
            await self.citizen_complains()
            report = await self.everything_is_proved()
            await self.clock("run")  # for those who play after it
            return report

    # The acts

    async def officials_log_in(self) -> None:
        self.tell.act("Officials log in, each with a second factor")
        await self.log_in("ppk", "pokja", "verifikator", "helpdesk")

    async def providers_register(self) -> None:
        cast = bidders(self.cast)
        self.tell.act(f"{len(cast)} providers register with their papers")
        today = (await self.now()).date()
        users = await asyncio.gather(
            *(register(self.portal, who, self.number(n), self.stage, today) for n, who in enumerate(cast, 1))
        )
        self.entrants = [Entrant(who, user) for who, user in zip(cast, users, strict=True)]
        verifier = self.official("verifikator")
        ours = {user.provider for user in users}
        waiting = await self.listed(verifier, "/api/registry/verifications")
        queue = [provider for provider in waiting if provider["id"] in ours]
        self.tell.act(f"The verifier sees the originals of {len(queue)} providers and admits them")
        for summary in queue:
            await verify(verifier, summary["id"])
        await self.settled("the verified providers reach tender")

    async def package_is_created(self) -> None:
        package = await create_package(self)
        self.package = package["id"]
        self.tell.act(f"The PPK of SKPD {package['skpd']} creates package {package['code']}, HPS Rp {package['hps']}")

    async def tender_is_published(self) -> None:
        self.tender = await announce(self, self.package, self.stage)
        self.tell.act(f"The Pokja publishes tender {self.tender.code}: each member accepted the pakta integritas")

    async def questions_are_answered(self) -> None:
        await self.stage_begins("pemberian_penjelasan")
        for entrant in self.entrants:
            await entrant.user.post(f"/api/tender/tenders/{self.tender.id}/participation")
        asked = [
            await entrant.user.post(
                f"/api/tender/tenders/{self.tender.id}/questions",
                {"chapter": "Spesifikasi Teknis", "text": text},
            )
            for entrant, text in zip(
                self.entrants,
                ("Apakah layar 24 inci diterima?", "Apakah pelatihan dapat dilakukan di sekolah?"),
                strict=False,
            )
        ]
        for question in asked:
            await self.pokja()[0].post(
                f"/api/tender/questions/{question['id']}/answer", {"text": "Ya, sepanjang spesifikasi lain terpenuhi."}
            )
        self.tell.act(f"{len(self.entrants)} providers take part; {len(asked)} questions are asked and answered")

    async def bids_are_sent(self) -> None:
        await self.stage_begins("upload_penawaran")
        text = await self.portal.visitor().get("/api/tender/consent-text")
        self._deal_files()
        self.tell.act("Five bidders upload their offers; both sides fingerprint the same bytes")
        for entrant in self.entrants:
            await self._upload_bid(entrant)
        closes_at = self.tender.closes_at
        for entrant in self.entrants:
            await self._wait_for_its_moment(entrant, closes_at)
            await self._consent(entrant, text["version"])

    async def _wait_for_its_moment(self, entrant: Entrant, closes_at: datetime) -> None:
        """The last bid in time is given in the very last millisecond; the late one in the next."""
        in_time = [other for other in self.entrants if not other.cast.late]
        if entrant.cast.late:
            await self.clock("set", closes_at + CONSENT_MARGIN)
        elif entrant is in_time[-1]:
            await self.clock("set", closes_at)

    def _deal_files(self) -> None:
        """The given files round robin, or PDFs of several sizes made here."""
        if self.given is None:
            for number, entrant in enumerate(self.entrants):
                entrant.files = self._make_files(number, entrant.cast)
            return
        for number, file in enumerate(self.given):
            self.entrants[number % len(self.entrants)].files.append(file)
        for number, entrant in enumerate(self.entrants):
            entrant.files = entrant.files or [self.given[number % len(self.given)]]

    def _make_files(self, seed: int, who: Bidder) -> list[Path]:
        folder = self.stage / "offers" / who.user_id
        folder.mkdir(parents=True)
        letter, technical = folder / "surat-penawaran.pdf", folder / "penawaran-teknis.pdf"
        write_pdf(letter, "Surat Penawaran", [who.name, "Berlaku 60 hari kalender", who.responsible])
        lines = ["Spesifikasi, jadwal, personel, peralatan", who.name]
        write_pdf(technical, "Penawaran Teknis", lines, size=int(who.megabytes * (1 << 20)), seed=seed)
        return [letter, technical]

    async def _upload_bid(self, entrant: Entrant) -> None:
        user = entrant.user
        bid = await user.post(f"/api/tender/tenders/{self.tender.id}/bids")
        entrant.bid, entrant.code = bid["id"], bid["code"]
        for number, file in enumerate(entrant.files, 1):
            name = _sayable(file.name, number)
            kind = mimetypes.guess_type(name)[0] or ORIGIN
            place = await user.post(f"/api/tender/bids/{entrant.bid}/files", {"name": name, "media_type": kind})
            began = time.monotonic()
            sent = await user.upload("/api/documents/uploads", place["grant"], kind, name, file)
            entrant.uploads[place["id"]] = sent
            seconds = time.monotonic() - began
            self.tell.progress(f"{entrant.cast.user_id}: {name} {_megabytes(sent.mine.size)} in {seconds:.1f} s")

    async def _consent(self, entrant: Entrant, version: str) -> None:
        entrant.offer = offer(entrant.cast)
        expires = (await self.now() + timedelta(days=700)).date()
        body = consent(entrant.uploads, entrant.offer, expires, version)
        try:
            answer = await entrant.user.post(f"/api/tender/bids/{entrant.bid}/consent", body)
        except Refused as refused:
            if refused.status != 409 or not entrant.cast.late:
                raise
            answer = entrant.refusal = dict(refused.problem)
            self.tell.act(f"{entrant.cast.name} consents one millisecond late: refused ({answer['article']})")
        else:
            entrant.consent = answer
            self.tell.act(f"{entrant.cast.name} consents at {answer['consented_at']}: bid {entrant.code} is received")
        self.must(bool(entrant.refusal) == entrant.cast.late, f"{entrant.cast.name}'s late bid was accepted")
        self.evidence.add(BidEvidence(entrant.bid, entrant.code, entrant.files, entrant.uploads, body, answer))

    async def bids_are_opened(self) -> None:
        public = await self.public()
        self.must(not public.get("participants"), "bidders are shown before the opening")
        await self._refused_before_opening()
        await self.clock("set", self.tender.closes_at + CLOSING_GRACE)
        await self.stage_begins("pembukaan")
        chair = self.pokja()[0]
        await self.eventually("the tender closes", lambda: opens(chair, self.tender.id))
        bids = await self.listed(chair, f"/api/tender/tenders/{self.tender.id}/bids")
        in_time = [entrant for entrant in self.entrants if not entrant.cast.late]
        self.must(
            {bid["id"] for bid in bids} == {entrant.bid for entrant in in_time}, "opened bids are not those received"
        )
        self.tell.act(f"The Pokja opens {len(bids)} bids")
        for bid in bids:
            await self._read_back(chair, bid)

    async def _refused_before_opening(self) -> None:
        """What the law forbids before the opening is refused."""
        try:
            await self.pokja()[0].get(f"/api/tender/tenders/{self.tender.id}/bids")
        except Refused as refused:
            self.tell.act(f"A member tries to read the bids before the opening: {refused.problem.get('detail')}")
        else:
            raise Unmet("Bids could be read before the opening.")

    async def _read_back(self, chair: User, bid: dict[str, Any]) -> None:
        """Every file of every bid comes back byte for byte."""
        entrant = next(entrant for entrant in self.entrants if entrant.bid == bid["id"])
        for file, sent in entrant.uploads.items():
            grant = await chair.post(f"/api/tender/bid-files/{file}/download")
            found = await chair.download(grant["object"], grant["grant"])
            same = (found.size, found.md5, found.sha256) == (sent.mine.size, sent.mine.md5, sent.mine.sha256)
            self.must(same, f"{sent.mine.name} of {entrant.cast.name} is not what was sent")

    async def bids_are_evaluated(self) -> None:
        await self.stage_begins("evaluasi")
        chair = self.pokja()[0]
        in_time = [entrant for entrant in self.entrants if not entrant.cast.late]
        for step in ("administrasi", "kualifikasi", "teknis", "harga"):
            for entrant in in_time:
                await chair.post(
                    f"/api/tender/bids/{entrant.bid}/evaluations", {"step": step, "passed": True, "reason": ""}
                )
        sheet = await chair.get(f"/api/tender/tenders/{self.tender.id}/evaluation")
        for row in sheet["bids"]:
            entrant = next(entrant for entrant in in_time if entrant.bid == row["bid"])
            entrant.corrected = row["corrected"]
        slipped = next(entrant for entrant in in_time if entrant.cast.slip is not None)
        self.must(slipped.corrected != slipped.offer["total"], "the arithmetic error was not corrected")
        self.tell.act(
            f"Evaluation: {slipped.cast.name} wrote Rp {slipped.offer['total']}, "
            f"corrected arithmetically to Rp {slipped.corrected}"
        )
        await self.stage_begins("pembuktian_kualifikasi")
        best = min(in_time, key=lambda entrant: Decimal(entrant.corrected or "Infinity"))
        await chair.post(f"/api/tender/bids/{best.bid}/pembuktian", {"passed": True, "reason": "Asli telah dilihat"})

    async def winner_is_announced(self) -> None:
        await self.stage_begins("penetapan_pemenang")
        for member in self.pokja():
            winner = await member.post(f"/api/tender/tenders/{self.tender.id}/winner/approvals")
            if winner["determined"]:
                break
        await self.stage_begins("pengumuman_pemenang")
        await self.pokja()[0].post(f"/api/tender/tenders/{self.tender.id}/winner/announcement")
        public = await self.public()
        self.winner = public["winner"]
        cheapest = min((e for e in self.entrants if e.corrected), key=lambda entrant: Decimal(entrant.corrected or 0))
        self.must(self.winner["name"] == cheapest.cast.name, "the winner is not the lowest corrected valid offer")
        self.tell.act(f"The winner is announced: {self.winner['name']}, Rp {self.winner['price']}")

    async def objection_is_answered(self) -> None:
        await self.stage_begins("masa_sanggah")
        loser = next(e for e in self.entrants if e.corrected and e.cast.name != self.winner["name"])
        objection = await loser.user.post(
            f"/api/tender/tenders/{self.tender.id}/objections", {"text": "Evaluasi teknis pemenang mohon ditinjau."}
        )
        chair = self.pokja()[0]
        file = self.stage / "jawaban-sanggah.pdf"
        write_pdf(file, "Jawaban Sanggah", ["Evaluasi telah sesuai dokumen pemilihan.", str(PACKAGE["name"])])
        place = await chair.post(
            f"/api/tender/objections/{objection['id']}/documents", {"name": file.name, "media_type": "application/pdf"}
        )
        sent = await chair.upload("/api/documents/uploads", place["grant"], "application/pdf", file.name, file)
        await chair.post(
            f"/api/tender/objections/{objection['id']}/answer",
            {"upheld": False, "text": "Evaluasi telah sesuai dokumen pemilihan."} | said(sent),
        )
        self.tell.act(f"{loser.cast.name} objects; the Pokja answers with a letter")

    async def winner_is_appointed(self) -> None:
        await self.clock("set", self.tender.stages["masa_sanggah"].ends_at + timedelta(hours=9))
        await self.stage_begins("sppbj")
        await self.official("ppk").post(
            f"/api/tender/tenders/{self.tender.id}/appointment", {"number": f"027/{self.cast + 1:03d}/SPPBJ/2026"}
        )
        self.tell.act("The PPK issues the SPPBJ")

    async def citizen_complains(self) -> None:
        visitor, desk = self.portal.visitor(), self.official("helpdesk")
        made = await visitor.post(
            "/api/helpdesk/complaints",
            {"category": "pokja", "tender": self.tender.code, "text": "Mohon diperiksa proses evaluasinya."},
        )
        desk_list = await self.listed(desk, "/api/helpdesk/complaints")
        complaint = next(item for item in desk_list if item["code"] == made["code"])
        await desk.post(
            f"/api/helpdesk/complaints/{complaint['id']}/forwardings",
            {"letter_number": f"027/{self.cast + 12}/LPSE/2026", "recipients": ["lpse_pusat", "tim_pengarah"]},
        )
        tracked = await visitor.follow("/api/helpdesk/complaints/tracked", made["tracking_code"])
        recipients = [forwarding["recipient"] for forwarding in tracked["forwardings"]]
        self.must(sorted(recipients) == ["lpse_pusat", "tim_pengarah"], "the complaint did not reach both recipients")
        self.complaint = {"code": made["code"], "forwarded_to": recipients}
        self.tell.act("A citizen complains; the complaint goes to LPSE Pusat and Tim Pengarah")

    async def everything_is_proved(self) -> dict[str, Any]:
        await self.settled("every event is handled by all who want it")
        installation = self.system.installation
        dead = await self._dead()
        count = await events.count(installation, dead)
        self.must(count.emitted == count.handled and not dead, f"events wait: {', '.join(count.waiting) or dead}")
        await self.eventually("every event is in the log", self._logged)
        log = await self.evidence.write(self.portal, self.entrants)
        self.tell.act(f"The log has {log['size']} entries; {log['proofs_verified']} proofs verify")
        public = await self.public()
        return {
            "backends": installation.backends.model_dump(),
            "tender": {
                "code": self.tender.code,
                "regime": PACKAGE["regime"],
                "stage": _stage(public),
                "winner": self.winner["name"],
                "price": self.winner["price"],
            },
            "bids": [self._bid(entrant) for entrant in self.entrants],
            "complaint": self.complaint,
            "events": {"emitted": count.emitted, "handled": count.handled, "dead": dead},
            "log": log,
        }

    def _bid(self, entrant: Entrant) -> dict[str, Any]:
        answer = entrant.outcome
        refusal = entrant.refusal and {
            "article": entrant.refusal["article"],
            "reason": entrant.refusal["detail"],
            "instant": entrant.refusal["instant"],
        }
        return {
            "code": entrant.code,
            "bidder": entrant.cast.name,
            "status": "refused" if entrant.refusal else "submitted",
            "files": [vars(sent.mine) for sent in entrant.uploads.values()],
            "price": entrant.offer["total"],
            "corrected_price": entrant.corrected,
            "consented_at": answer["instant"] if entrant.refusal else answer["consented_at"],
            "closes_at": answer["closes_at"],
            "refusal": refusal,
            "log_index": self.evidence.indexes[entrant.code],
        }

    # What the acts need

    async def public(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.portal.visitor().get(f"/api/tender/public/tenders/{self.tender.code}")
        return found

    async def stage_begins(self, code: str) -> None:
        await self.not_before(self.tender.stages[code].starts_at)

    async def _logged(self) -> bool:
        return await events.unlogged(self.system.installation) == 0

    async def _dead(self) -> int:
        bus = self.system.bus
        if bus is None:
            raise Unmet("The bus is not there.")
        return sum(depth.dead for depth in (await bus.depth(topology(self.system.installation.prefix))).values())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size} bytes"


def _sayable(name: str, number: int) -> str:
    """The portal takes no control characters, no bytes that are no text, and no backslash; such a name gets a number."""
    plain = "".join("_" if sign == "\\" or unicodedata.category(sign).startswith("C") else sign for sign in name)
    return name if plain == name else f"{number}-{plain}"


def _stage(public: dict[str, Any]) -> str:
    """The stages that are active, by name; else where the tender stands."""
    names = [stage["name"] for stage in public["stages"] if stage["active"]]
    return ", ".join(names) or str(public["status"])
