"""The sentences people accept, each with its version: what was accepted can be shown again word for word."""

import hashlib
from dataclasses import dataclass

from kit.problems import Conflict

__all__ = ["CONSENT", "PACT", "Text"]


@dataclass(frozen=True, slots=True)
class Text:
    version: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def require(self, version: str) -> None:
        """Raises Conflict when another version than the one in force was accepted."""
        if version != self.version:
            raise Conflict(
                "text_version",
                "The text in force has version {current}; version {given} was accepted.",
                article="Perwali Mojokerto 21/2011 Pasal 14(5)",
                remedy="Show the text in force and ask again.",
                current=self.version,
                given=version,
            )


CONSENT = Text(
    "1",
    "Saya menyatakan bahwa dokumen penawaran yang saya kirim sama dengan dokumen yang diterima LPSE, dibuktikan "
    "dengan kesamaan sidik jari MD5 (Pasal 14 angka 4) dan sidik jari keamanan SHA-256 setiap berkas. Dengan "
    "persetujuan ini penawaran dianggap telah saya tandatangani secara elektronik (Pasal 14 angka 5).",
)

PACT = Text(
    "1",
    "Saya sebagai anggota Pokja tidak akan melakukan praktik korupsi, kolusi dan nepotisme, akan melaporkan setiap "
    "indikasinya kepada APIP atau LKPP, dan akan melaksanakan pengadaan ini secara bersih, transparan dan profesional; "
    "bila melanggar pakta integritas ini saya bersedia menerima sanksi sesuai peraturan perundang-undangan.",
)
