"""A tender as the tender service answers for everybody, at the end of its way; and a log."""

import json
from typing import Any

STAGES = [
    ("pengumuman_pascakualifikasi", "Pengumuman Pascakualifikasi", "Announcement", "02T01:00", "10T09:00", 0),
    ("download_dokumen", "Download Dokumen Pemilihan", "Download of the tender document", "02T01:00", "11T09:00", 0),
    ("pemberian_penjelasan", "Pemberian Penjelasan", "Explanation (aanwijzing)", "05T02:00", "05T05:00", 0),
    ("upload_penawaran", "Upload Dokumen Penawaran", "Submission of bids", "05T06:00", "12T02:59:58", 2),
    ("pembukaan", "Pembukaan Dokumen Penawaran", "Opening of bids", "12T03:00", "12T09:00", 1),
    ("evaluasi", "Evaluasi Administrasi, Kualifikasi, Teknis, dan Harga", "Evaluation", "12T03:00", "16T09:00", 0),
    ("pembuktian_kualifikasi", "Pembuktian Kualifikasi", "Proof of qualification", "16T01:00", "17T09:00", 0),
    ("penetapan_pemenang", "Penetapan Pemenang", "Determination of the winner", "18T01:00", "18T09:00", 0),
    ("pengumuman_pemenang", "Pengumuman Pemenang", "Announcement of the winner", "18T01:00", "18T09:00", 0),
    ("masa_sanggah", "Masa Sanggah", "Objection period", "19T01:00", "25T09:00", 0),
    ("sppbj", "Surat Penunjukan Penyedia Barang/Jasa", "Letter of appointment", "26T01:00", "26T09:00", 0),
    ("penandatanganan_kontrak", "Penandatanganan Kontrak", "Signing of the contract", "27T01:00", "30T09:00", 0),
]


def instant(day_and_time: str) -> str:
    text = f"2026-11-{day_and_time}"
    return f"{text}.000Z" if text.count(":") == 2 else f"{text}:00.000Z"


def stages(*active: str) -> list[dict[str, Any]]:
    return [
        {
            "no": no,
            "code": code,
            "name": name,
            "name_en": english,
            "starts_at": instant(starts),
            "ends_at": instant(ends),
            "changes": changes,
            "active": code in active,
        }
        for no, (code, name, english, starts, ends, changes) in enumerate(STAGES, 1)
    ]


RUNNING: dict[str, Any] = {
    "id": "019f0000-0000-7000-8000-000000000001",
    "code": "26110000017",
    "name": "Pengadaan Perangkat Laboratorium Komputer SMP Negeri & <Pelatihan> Guru",
    "status": "running",
    "rup_code": "4512877",
    "funding": "APBD 2026",
    "announced_at": instant("02T01:00"),
    "skpd": "1.01.01",
    "skpd_name": "Dinas Pendidikan dan Kebudayaan",
    "category": "barang",
    "category_name": "Pengadaan Barang",
    "method": "pelelangan_umum",
    "method_name": "Pelelangan Umum",
    "template": "T1",
    "template_name": "Pascakualifikasi - Satu File",
    "regime": "P70-2012",
    "regime_sha256": "ab" * 32,
    "year": 2026,
    "pagu": "1300000000.00",
    "hps": "1250000000.00",
    "contract_type": "harga_satuan",
    "location": "Kota Mojokerto",
    "qualification_requirements": ["SIUP kecil bidang komputer yang masih berlaku", "Laporan pajak tahun 2025"],
    "evaluation_order": ["administrasi", "kualifikasi", "teknis", "harga"],
    "closes_at": instant("12T02:59:58"),
    "participant_count": 4,
    "stages": stages("download_dokumen", "upload_penawaran"),
    "active": ["download_dokumen", "upload_penawaran"],
    "documents": [
        {
            "id": "019f0000-0000-7000-8000-000000000002",
            "name": "Dokumen Pemilihan Laboratorium Komputer.pdf",
            "media_type": "application/pdf",
            "size": 3481277,
            "md5": "0cc175b9c0f1b6a831c399e269772661",
            "sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4f72b9807785afee48bb",
        }
    ],
    "quantities": [
        {"no": 1, "description": "Komputer meja", "unit": "unit", "quantity": "1200", "unit_price": None},
        {"no": 2, "description": "Pelatihan guru", "unit": "orang/hari", "quantity": "12.5", "unit_price": None},
    ],
    "questions": [
        {
            "chapter": "Bab IV Lembar Data Pemilihan",
            "text": "Apakah garansi 3 tahun termasuk suku cadang?\nMohon penegasan.",
            "asked_at": instant("05T02:10"),
            "answer": "Ya, termasuk suku cadang.",
            "answered_at": instant("05T03:00"),
        },
        {
            "chapter": "Bab V",
            "text": "Di mana lokasi pelatihan?",
            "asked_at": instant("05T02:30"),
            "answer": None,
            "answered_at": None,
        },
    ],
    "maintenance": [{"starts_at": instant("07T15:00"), "ends_at": instant("07T17:00")}],
    "manifest_sha256": None,
    "participants": [],
    "results": [],
    "winner": None,
    "objections": {"filed": 0, "answered": 0, "upheld": 0},
    "appointment": None,
    "failure": None,
}


def step(name: str, *, passed: bool = True, reason: str = "") -> dict[str, Any]:
    return {"step": name, "passed": passed, "reason": reason}


PASSED = [step(name) for name in RUNNING["evaluation_order"]]

FINISHED: dict[str, Any] = RUNNING | {
    "code": "26110000009",
    "name": "Pembangunan Gedung Perpustakaan Kelurahan",
    "category": "konstruksi",
    "category_name": "Pekerjaan Konstruksi",
    "status": "finished",
    "stages": stages("penandatanganan_kontrak"),
    "active": ["penandatanganan_kontrak"],
    "maintenance": [],
    "manifest_sha256": "5f" * 32,
    "participants": [
        {"name": "CV Contoh Sejahtera", "offered": "1187500000.00", "corrected": "1187250000.00"},
        {"name": "PT Contoh Makmur", "offered": "1201000000.00", "corrected": "1201000000.00"},
    ],
    "results": [
        {
            "name": "CV Contoh Sejahtera",
            "offered": "1187500000.00",
            "corrected": "1187250000.00",
            "steps": PASSED,
            "winner": True,
        },
        {
            "name": "PT Contoh Makmur",
            "offered": "1201000000.00",
            "corrected": None,
            "steps": [
                step("administrasi"),
                step("kualifikasi", passed=False, reason="Izin usaha berakhir 1 Oktober 2026"),
            ],
            "winner": False,
        },
    ],
    "winner": {
        "name": "CV Contoh Sejahtera",
        "price": "1187250000.00",
        "announced_at": instant("18T02:00"),
        "reserves": [],
    },
    "objections": {"filed": 1, "answered": 1, "upheld": 0},
    "appointment": {
        "number": "027/112/417.301/2026",
        "name": "CV Contoh Sejahtera",
        "price": "1187250000.00",
        "at": instant("26T03:00"),
    },
}

FAILED: dict[str, Any] = RUNNING | {
    "code": "26110000011",
    "status": "failed",
    "active": [],
    "stages": stages(),
    "failure": {
        "ground": "F2",
        "name": "Jumlah penawaran yang masuk kurang dari yang disyaratkan",
        "name_en": "Fewer bids than the law asks for",
        "next_action": "pelelangan_ulang",
        "source": "Perpres 70/2012 Pasal 83(1)",
        "at": instant("12T04:00"),
    },
}


def row(tender: dict[str, Any], *, more: bool = False) -> dict[str, Any]:
    names = ("id", "code", "name", "skpd", "skpd_name", "category", "year", "hps", "closes_at", "status")
    stage = next((stage for stage in tender["stages"] if stage["active"]), None)
    return {name: tender[name] for name in names} | {
        "stage": stage and stage["code"],
        "stage_name": stage and stage["name"],
        "more_stages": more,
        "begins_at": min(stage["starts_at"] for stage in tender["stages"]),
    }


LIST: dict[str, Any] = {
    "items": [row(RUNNING, more=True), row(FINISHED), row(FAILED)],
    "next": "WyIyMDI2IiwgIjEiXQ==",
}

CLOCK = {"now": instant("06T03:15"), "stopped": True, "moved": True}

FIGURES: dict[str, Any] = {
    "year": 2026,
    "months": [
        {"month": n, "tenders": 4 * (n == 11), "hps": "4187250000.50" if n == 11 else "0.00"} for n in range(1, 13)
    ],
    "statuses": [
        {"status": "running", "tenders": 2, "hps": "2500000000.00"},
        {"status": "finished", "tenders": 1, "hps": "1250000000.00"},
        {"status": "failed", "tenders": 1, "hps": "437250000.50"},
    ],
    "total": {"tenders": 4, "hps": "4187250000.50"},
}

TENDER = {
    "/public/tenders": LIST,
    "/public/figures": FIGURES,
    "/health/clock": CLOCK,
    **{f"/public/tenders/{tender['code']}": tender for tender in (RUNNING, FINISHED, FAILED)},
}


ANNOUNCEMENT: dict[str, Any] = {
    "id": "019f0000-0000-7000-8000-000000000003",
    "kind": "maintenance",
    "title": "Penggantian server & <penyimpanan>",
    "text": "Portal tidak dapat dipakai.\nKirimkan penawaran sebelumnya.",
    "starts_at": instant("07T15:00"),
    "ends_at": instant("07T17:00"),
    "tenders": ["26110000017"],
    "announced_at": instant("05T01:00"),
}
"""Within 48 hours of CLOCK."""

COMPLAINT: dict[str, Any] = {
    "code": "PG-2026-0007",
    "category": "pokja",
    "submitted_at": instant("04T03:00"),
    "due_forward_at": instant("06T03:00"),
    "overdue_at": instant("06T03:00"),
    "forwarded_at": instant("06T03:10"),
    "forwardings": [{"recipient": who, "at": instant("06T03:10")} for who in ("lpse_pusat", "tim_pengarah")],
    "answer": "Telah diperiksa Tim Pengarah.",
    "answered_at": instant("06T03:12"),
}

TICKET: dict[str, Any] = {
    "code": "TK-2026-0012",
    "category": "akun",
    "subject": "Lupa kata sandi",
    "text": "Bagaimana saya mendapat kata sandi baru?",
    "status": "answered",
    "opened_at": instant("04T03:00"),
    "closed_at": None,
    "messages": [
        {"id": "1", "by_helpdesk": True, "text": "Datanglah dengan KTP asli.", "at": instant("04T04:00")},
        {"id": "2", "by_helpdesk": False, "text": "Baik.", "at": instant("04T05:00")},
    ],
}

TRACKING = "0123-4567-89ab-cdef-0123-4567-89ab-cdef"

HELPDESK = {
    "/announcements": {"items": [ANNOUNCEMENT], "next": None},
    "/complaints": {
        "code": COMPLAINT["code"],
        "tracking_code": TRACKING,
        "due_forward_at": COMPLAINT["due_forward_at"],
    },
    "/complaints/tracked": COMPLAINT,
    "/tickets": {"id": "019f0000-0000-7000-8000-000000000004", "code": TICKET["code"], "tracking": TRACKING},
    "/tickets/tracked": TICKET,
}


def entry(index: int, kind: str, pub: dict[str, Any] | None = None) -> dict[str, Any]:
    said = {"v": 1, "kind": kind, "at": "2026-11-12T03:00:00.000Z", "pub": pub, "priv": "0" * 64}
    if kind == "blind":
        said = {"v": 1, "kind": kind, "at": "2026-11-12T02:59:00Z", "c": "0" * 64}
    return {"index": index, "leaf_hash": f"{index:064x}", "entry": json.dumps(said)}


AUDIT = {
    "/log/1/head": {
        "origin": "latihan/log/1",
        "algorithm": "rfc6962-sha256",
        "size": 12346,
        "root": "c3" * 32,
        "at": "2026-11-12T03:00:01.000Z",
        "seen": 12340,
        "witnesses": [{"name": "inspektorat", "at": "2026-11-12T03:00:00.000Z"}, {"name": "lpse-a", "at": None}],
    },
    "/log/1/entries": {
        "size": 12346,
        "entries": [
            entry(12343, "blind"),
            entry(12344, "tender.closed", {"code": "26110000017", "closes_at": "2026-11-12T02:59:58.000Z"}),
            entry(12345, "tender.opened", {"code": "26110000017", "bids": []}),
        ],
    },
}
