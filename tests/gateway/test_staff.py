"""The desks of verifiers, helpdesk, admins and Admin PPE as pages, before stand-ins: well made, and whole without a service."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from contracts.roles import OFFICIALS
from gateway.pages.units import MOST
from tests.gateway import sample, test_pages
from tests.gateway.conftest import Portal
from tests.gateway.standins import Answers, Registry
from tests.gateway.test_forms import FORM, token_of
from tests.gateway.test_pages import BROWSER, get

AT, LATER = "2026-11-12T03:00:00Z", "2026-11-16T17:00:00Z"
ONE, OTHER, THIRD = (f"019f0000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
CODE = "26110000017"


def page(*items: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next": following}


def provider(id: str, **others: Any) -> dict[str, Any]:
    summary = {
        "id": id,
        "kind": "badan_usaha",
        "name": "CV Sumber & <Rejeki>",
        "status": "submitted",
        "submitted_at": AT,
    }
    typed = {
        "npwp": "01.300.010.4-609.000",
        "email": "cv@contoh.example",
        "address": "Jalan Majapahit 1",
        "phone": "0321-1",
        "responsible_name": "Sri Rahayu",
        "amended_deed": False,
        "branch": True,
    }
    return {
        **summary,
        **typed,
        "required_papers": ["ktp", "npwp"],
        "missing_papers": ["npwp"],
        "papers": [paper(ONE, "111"), paper(OTHER, "222"), paper(THIRD, "333", uploaded=False)],
        "decisions": [
            {
                "outcome": "rejected", "verifier": ONE, "decided_at": AT, "place": "LPSE", "notes": "Belum lengkap",
                "deficiencies": ["KTP buram"],
            }
        ],
        "duplicates": [],
        "deficiencies": ["npwp: missing", f"duplicate: {OTHER}"],
    } | others  # fmt: skip


def paper(id: str, number: str, *, uploaded: bool = True) -> dict[str, Any]:
    known = {"size": 2048, "md5": "a" * 32, "sha256": number[0] * 64, "uploaded_at": AT}
    return {
        "id": id, "kind": "ktp", "number": number, "holder": "Sri Rahayu", "issued_on": "2024-02-29", "expires_on": None,
        **(known if uploaded else dict.fromkeys(known)),
    }  # fmt: skip


def ticket(**others: Any) -> dict[str, Any]:
    message = {"id": OTHER, "by_helpdesk": True, "text": "Unggah ulang.", "at": AT}
    return {
        "id": ONE, "code": "TKT-2026-000001", "channel": "telepon", "category": "pendaftaran", "tender": CODE,
        "subject": "Unggah berkas", "status": "open", "opened_at": AT, "closed_at": None, "text": "Bagaimana?",
        "contact": "Siti, 0812", "messages": [message],
    } | others  # fmt: skip


def complaint(id: str, **others: Any) -> dict[str, Any]:
    return {
        "id": id, "code": f"ADU-2026-00000{id[-1]}", "category": "pokja", "tender": CODE, "text": "Ada yang tidak beres.",
        "submitted_at": AT, "due_forward_at": LATER, "overdue_at": None, "forwarded_at": None, "forwardings": [],
        "answer": None, "answered_at": None, "hide_reporter": True, "reporter_name": None, "contact": None,
    } | others  # fmt: skip


def operations(name: str, dead: int = 0, **others: Any) -> dict[str, Any]:
    return {
        "service": name, "schema_found": "0002", "schema_wanted": "0002", "outbox": {"depth": 3, "age_seconds": 7500.0},
        "queue": {"ready": 4, "dead": dead, "consumers": None}, "database_bytes": 20 << 20,
        "disk": {"total": 100 << 30, "free": 60 << 30},
    } | others  # fmt: skip


LETTER = {
    "id": ONE, "type": "tender.tender.failed.v1", "reason": "invalid", "first_seen": AT, "attempts": 10,
    "detail": "ValidationError", "trace": "0af7651916cd43dd8448eb211c80319c", "event": {"a": ["<b>"]},
}  # fmt: skip
FORWARDED = [{"recipient": one, "letter_number": "045/1", "at": AT} for one in ("lpse_pusat", "tim_pengarah")]
HELD = [{"role": "ppk", "skpd": "1.01.01", "until": LATER}]
ACCOUNT = {"id": ONE, "user_id": "joko", "name": "Joko", "letters": HELD}
ASSIGNMENT = {
    "id": ONE, "account": ONE, "user_id": "joko", "name": "Joko", "role": "ppk", "skpd": None, "letter_number": "800/1",
    "issuer": "Sekretaris Daerah", "valid_from": AT, "valid_to": LATER,
}  # fmt: skip
UNIT = {"id": ONE, "code": "1.01", "name": "Dinas", "parent": None, "valid_from": "2017-01-01", "valid_to": None}
COMMITTEE = {
    "id": ONE, "name": "Pokja 1", "decree_number": "188/1", "members": [{"account": ONE, "name": "Joko"}],
    "valid_from": AT, "valid_to": LATER,
}  # fmt: skip
ANNOUNCED = {
    "id": ONE, "kind": "maintenance", "title": "Server", "text": "Mati sebentar.", "starts_at": AT, "ends_at": LATER,
    "tenders": [CODE], "announced_at": AT,
}  # fmt: skip
MANDATE = {
    "id": ONE, "account": OTHER, "number": "700/1/2026", "tenders": [CODE, "26110000018"], "valid_from": AT, "valid_to": LATER,
    "granted_by": THIRD, "granted_at": AT, "ended_by": None, "running": True,
}  # fmt: skip
AUDITED = {
    "/mandates": page(
        MANDATE, {**MANDATE, "id": OTHER, "account": THIRD, "running": False, "ended_by": ONE}, following="abc"
    )
}
REGISTRY = {
    "/verifications": page(provider(ONE), following="abc"),
    f"/providers/{ONE}": provider(ONE, duplicates=[OTHER]),
    f"/providers/{OTHER}": provider(OTHER, status="verified", name="CV Kembar"),
    "/accounts": page(ACCOUNT, {**ACCOUNT, "id": OTHER, "user_id": "sri", "letters": []}),
    "/assignments": page(ASSIGNMENT, following="abc"),
    "/skpd": page(UNIT),
    "/committees": page(COMMITTEE),
    "/me": {"name": "Ari", "user_id": "ari", "letters": []},
    "/operations": operations("registry"),
}
HELPDESK = {
    "/tickets": page(ticket(), following="abc"),
    f"/tickets/{ONE}": ticket(),
    "/complaints": page(
        complaint(ONE), complaint(OTHER, forwarded_at=AT), complaint(THIRD, answered_at=AT, forwarded_at=AT)
    ),
    f"/complaints/{ONE}": complaint(ONE, overdue_at=AT),
    f"/complaints/{OTHER}": complaint(
        OTHER, forwarded_at=AT, forwardings=FORWARDED, reporter_name="Siti", contact="0812"
    ),
    f"/complaints/{THIRD}": complaint(
        THIRD, forwarded_at=AT, forwardings=FORWARDED, answer="Sudah diperiksa.", answered_at=AT
    ),
    "/announcements": page(ANNOUNCED),
    "/operations": operations("helpdesk", queue=None),
}
PAGES = [
    "/beranda",
    "/verifikasi",
    f"/verifikasi/{ONE}",
    f"/verifikasi/{OTHER}",
    "/layanan/tiket",
    "/layanan/tiket?status=closed&cursor=abc",
    f"/layanan/tiket/{ONE}",
    "/layanan/pengaduan",
    *(f"/layanan/pengaduan/{id}" for id in (ONE, OTHER, THIRD)),
    "/layanan/pengumuman",
    "/admin/akun?cari=jo",
    "/admin/surat-tugas",
    "/admin/skpd",
    "/admin/pokja",
    "/pemeriksaan",
    f"/pemeriksaan/{CODE}",
    "/mandat",
    "/sistem",
    f"/sistem/tender/{ONE}",
]


class Both:
    """A registry that also answers what is asked of it here."""

    def __init__(self, sessions: Registry) -> None:
        self._sessions, self.told = sessions.app, Answers(REGISTRY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["path"] in self.told.answers
        await (self.told if known else self._sessions)(scope, receive, send)


async def away(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ConnectionError


@pytest.fixture
def services(registry: Registry) -> dict[str, Any]:
    letters = {"/operations/letters": page(LETTER), f"/operations/letters/{ONE}": LETTER}
    return {
        "registry": Both(registry),
        "helpdesk": Answers(HELPDESK),
        "tender": Answers(
            {
                **sample.TENDER,
                "/dossiers": sample.TENDER["/public/tenders"]["items"],
                "/operations": operations("tender", dead=2),
                **letters,
            }
        ),
        "audit": Answers({**sample.AUDIT, **AUDITED, "/operations": operations("audit", schema_found="0001")}),
        "documents": away,
    }


@pytest.fixture
async def http(portal: Portal, registry: Registry, services: dict[str, Any]) -> AsyncIterator[httpx2.AsyncClient]:
    registry.roles = tuple(sorted(OFFICIALS))
    async with portal(**services) as http:
        http.headers.update(BROWSER)
        http.cookies.set("lpse_session", registry.open())
        yield http


@pytest.mark.parametrize("lang", ["id", "en"])
@pytest.mark.parametrize("path", PAGES)
async def test_every_desk_is_well_made(http: httpx2.AsyncClient, path: str, lang: str) -> None:
    assert (await http.get(path)).status_code == 200
    await test_pages.test_every_page_is_well_made(http, path, lang)


@pytest.mark.parametrize("path", PAGES)
async def test_tables_fields_and_languages(http: httpx2.AsyncClient, path: str) -> None:
    await test_pages.test_every_table_has_caption_and_headers_and_every_field_a_label(http, path)
    await test_pages.test_the_languages_say_different_words_about_the_same_facts(http, path)


async def test_form_and_papers_stand_side_by_side_with_what_is_missing(http: httpx2.AsyncClient) -> None:
    shown = await get(http, f"/verifikasi/{ONE}")
    assert "Tax number" not in shown.words
    assert "Yang menghalangi verifikasi Kartu NPWP: belum ada" in shown.words
    assert "Pendaftaran ganda belum diselesaikan" in shown.words
    assert "CV Sumber & <Rejeki>" in shown.words
    assert "2" * 64 in shown.words
    assert "1" * 64 not in shown.words, "an earlier copy of the same paper does not count"
    fields = [(one.get("name"), one.get("value")) for one in shown.all("input")]
    assert [value for name, value in fields if name == "originals"] == [OTHER]
    assert [value for name, value in fields if name == "resolved_duplicates"] == [OTHER]
    downloads = [one for one in shown.all("form") if str(one.get("action", "")).startswith("/unduh/")]
    assert [one["action"] for one in downloads] == [f"/unduh/papers/{OTHER}"]
    decided = await get(http, f"/verifikasi/{OTHER}")
    assert "originals" not in [one.get("name") for one in decided.all("input")]


async def test_overdue_complaints_stand_first_and_once(http: httpx2.AsyncClient, services: dict[str, Any]) -> None:
    helpdesk = services["helpdesk"]
    await get(http, "/layanan/pengaduan?keadaan=forwarded")
    asked = [one for one in helpdesk.asked if one.startswith("/complaints")]
    assert sorted(asked) == ["/complaints?state=forwarded&limit=25", "/complaints?state=overdue&limit=100"]
    shown = await get(http, "/layanan/pengaduan")
    assert shown.words.count("ADU-2026-000001") == 1
    assert "Lewat batas waktu (3)" in shown.words


@pytest.mark.parametrize(
    ("path", "first", "later"),
    [
        ("/verifikasi", "/verifikasi", "/verifikasi?cursor=a%26b"),
        ("/layanan/tiket?status=closed", "/layanan/tiket?status=closed", "/layanan/tiket?status=closed&cursor=a%26b"),
        ("/layanan/pengaduan?keadaan=answered", "/layanan/pengaduan?keadaan=answered", None),
        ("/layanan/pengumuman", "/layanan/pengumuman", None),
        ("/admin/akun?cari=jo+%26", "/admin/akun?cari=jo+%26", "/admin/akun?cari=jo+%26&cursor=a%26b"),
        ("/admin/surat-tugas", "/admin/surat-tugas", "/admin/surat-tugas?cursor=a%26b"),
        ("/admin/pokja", "/admin/pokja", None),
    ],
)
async def test_lists_are_leafed_through(
    http: httpx2.AsyncClient, services: dict[str, Any], path: str, first: str, later: str | None
) -> None:
    """What was searched for stays, a cursor is carried whole, and there is a way back to the first page."""
    for answers in (services["registry"].told.answers, services["helpdesk"].answers):
        answers |= {
            at: {**found, "next": "a&b"}
            for at, found in answers.items()
            if isinstance(found, dict) and found.get("next")
        }
    services["registry"].told.answers["/accounts"] = page(ACCOUNT, following="a&b")
    links = {str(one.get("rel")): one["href"] for one in (await get(http, path)).all("a") if one.get("rel")}
    assert links == ({"next": later} if later else {})
    beyond = await get(http, f"{path}{'&' if '?' in path else '?'}cursor={'x' * 600}")
    assert first in {one["href"] for one in beyond.all("a") if one.get("rel") == "first"}
    asked = [*services["registry"].told.asked, *services["helpdesk"].asked]
    assert max(len(one) for one in asked) < 560, "a cursor is no longer than it can be"


async def test_the_system_names_who_gives_no_answer(http: httpx2.AsyncClient) -> None:
    shown = await get(http, "/sistem")
    for fact in (
        "documents Tidak menjawab",
        "audit Skema keliru 0001 seharusnya 0002",
        "registry Siap 0002 3 tertua 2 jam 4 0",
        "helpdesk Siap 0002 3 tertua 2 jam Perantara pesan tidak menjawab –",
        "Kotak keluar: kejadian yang sudah tersimpan",
        "Kejadian gagal: yang berkali-kali tidak dapat diolah",
        "40 GB dari 100 GB; bebas 60 GB",
        "tender.tender.failed.v1 tender Tidak terbaca Kam, 12 Nov 2026, 10.00 WIB 10",
    ):
        assert fact in shown.words, fact
    assert not re.search("outbox|surat mati", shown.words, re.IGNORECASE)
    assert f"/sistem/tender/{ONE}" in {one["href"] for one in shown.all("a")}
    assert {one["width"] for one in shown.all("rect")} >= {"40.0", "100.0"}
    letter = await get(http, f"/sistem/tender/{ONE}")
    assert "0af7651916cd43dd8448eb211c80319c" in letter.words
    assert '"<b>"' in letter.words
    assert (await http.get(f"/sistem/nobody/{ONE}")).status_code == 404


async def test_the_start_page_counts_what_waits_and_an_absent_service_breaks_nothing(
    http: httpx2.AsyncClient, services: dict[str, Any]
) -> None:
    words = (await get(http, "/beranda")).words
    for fact in ("1+ menunggu verifikasi", "1+ tiket belum dijawab", "3 pengaduan lewat waktu", "2 kejadian gagal"):
        assert fact in words, fact
    services["helpdesk"].answers.clear()
    words = (await get(http, "/beranda")).words
    assert "1+ menunggu verifikasi" in words
    assert "tiket belum dijawab" not in words


async def test_who_only_reads_sees_no_form(http: httpx2.AsyncClient, registry: Registry) -> None:
    for role, path in (("inspektur", f"/layanan/pengaduan/{ONE}"), ("auditor", "/admin/surat-tugas")):
        registry.roles = (role,)
        http.cookies.clear()
        http.cookies.set("lpse_session", registry.open())
        assert not [form for form in (await get(http, path)).all("form") if form.get("method") == "post"], path
        sent = urlencode({"_token": await token_of(http, "/keluar"), "text": "Sudah.", "letter_number": "1"})
        answer = await http.post(path, content=sent, headers=FORM)
        assert answer.status_code == 403


async def test_what_is_wrong_with_a_box_is_read_with_it(http: httpx2.AsyncClient) -> None:
    path = f"/sistem/tender/{ONE}"
    sent = urlencode({"_token": await token_of(http, path), "_do": "discard"})
    answer = await http.post(path, content=sent, headers=FORM)
    page = test_pages.Page(answer.text)
    [box] = [one for one in page.all("input") if one.get("name") == "sure"]
    assert (answer.status_code, box["aria-invalid"], str(box["aria-describedby"]).split()) == (
        422,
        "true",
        ["sure-error"],
    )
    assert {"class": "error", "id": "sure-error"} in page.all("p")


class LongLists:
    """A registry that answers its lists a hundred at a time."""

    def __init__(self, otherwise: Both, **lists: list[dict[str, Any]]) -> None:
        self._otherwise, self._lists = otherwise, lists
        self.in_force = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._lists.get(scope["path"].removeprefix("/"))
        if found is None:
            await self._otherwise(scope, receive, send)
            return
        asked = parse_qs(scope["query_string"].decode())
        self.in_force = asked.get("in_force") == ["true"]
        start, limit = int(asked.get("cursor", ["0"])[0]), min(int(asked["limit"][0]), 100)
        end = start + limit
        following = str(end) if end < len(found) else None
        await JSONResponse(page(*found[start:end], following=following))(scope, receive, send)


def numbered(row: dict[str, Any], count: int, **names: str) -> list[dict[str, Any]]:
    ids = ({"id": f"019f0000-0000-7000-8000-{n:012d}"} for n in range(count))
    return [row | id | {name: word.format(n) for name, word in names.items()} for n, id in enumerate(ids)]


@pytest.fixture
def many(services: dict[str, Any]) -> dict[str, Any]:
    """More of everything than one answer holds."""
    services["registry"].told.answers["/me"] = {"letters": [{"role": "ppk", "skpd": "9.230", "until": LATER}]}
    law = {"categories": [], "methods": []}
    services["tender"].answers["/regimes/P70-2012"] = law
    now = {"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2030-01-01T00:00:00Z"}
    services["registry"] = LongLists(
        services["registry"],
        accounts=numbered(ACCOUNT, 240, user_id="u{}", name="Orang {}"),
        skpd=numbered(UNIT, 240, code="9.{}", name="Dinas {}"),
        committees=numbered(COMMITTEE | now, 240, name="Pokja {}"),
    )
    return services


async def test_what_people_choose_from_is_whole(many: dict[str, Any], http: httpx2.AsyncClient) -> None:
    letters = await get(http, "/admin/surat-tugas")
    for choice in ("Orang 0 (u0)", "Orang 239 (u239)", "Dinas 239 (Kode SKPD 9.239)"):
        assert choice in letters.words
    assert "akun pertama" not in letters.words
    committees = await get(http, "/admin/pokja")
    assert len([one for one in committees.all("input") if one.get("name") == "members"]) == 240
    assert "Dinas 239 (Kode SKPD 9.239)" in (await get(http, "/admin/skpd")).words
    package = await get(http, "/paket/baru")
    assert "Dinas 230 (Kode SKPD 9.230)" in package.words
    assert len([one for one in package.all("option") if str(one["value"]).startswith("019f")]) == 240
    assert many["registry"].in_force, "none that was dissolved"


@pytest.fixture
def too_many(services: dict[str, Any]) -> None:
    accounts = numbered(ACCOUNT, MOST + 50, user_id="u{}", name="Orang {}")
    services["registry"] = LongLists(services["registry"], accounts=accounts)


async def test_a_list_nobody_can_choose_from_says_where_it_was_cut(too_many: None, http: httpx2.AsyncClient) -> None:
    letters = await get(http, "/admin/surat-tugas")
    assert "Hanya 2.000 akun pertama: persempit dengan pencarian di atas." in letters.words
    assert f"(u{MOST - 1})" in letters.words
    assert f"(u{MOST})" not in letters.words
