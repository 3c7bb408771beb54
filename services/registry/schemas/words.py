"""Fields that mean the same in every request."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

__all__ = ["Email", "Line", "Outcome", "PaperKind", "Password", "Request", "Status", "Text", "UserId"]

UserId = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,59}$")
]
"""Unique without regard to capitals (Pasal 1(18))."""
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$"),
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Password = Annotated[SecretStr, Field(min_length=10, max_length=200)]
PaperKind = Literal[
    "formulir_pendaftaran",
    "formulir_keikutsertaan",
    "ktp",
    "akta_pendirian",
    "akta_perubahan",
    "npwp",
    "surat_izin_usaha",
]
Outcome = Literal["verified", "rejected"]
Status = Literal["draft", "submitted", "verified", "rejected"]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")
