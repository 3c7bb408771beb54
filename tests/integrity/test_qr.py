"""The code on a printed receipt: made of the receipt, read back, compared."""

import pytest

from integrity.qr import Code
from integrity.receipts import ReceiptError, payload_of, read
from tests.integrity.an_lpse import AnLpse, fields

LPSE = AnLpse(name="lpse.mojokertokota.example")


@pytest.mark.parametrize("file", [LPSE.final(), LPSE.provisional()])
def test_what_is_written_is_read(file: bytes) -> None:
    code = Code.of(read(file))
    assert Code.parse(str(code)) == code
    assert code.id == payload_of(fields(file)["receipt"])["id"]
    assert str(code).startswith("https://lpse.mojokertokota.example/periksa#1.")


def test_its_place_in_the_log_is_in_it_when_there_is_one() -> None:
    assert Code.of(read(LPSE.final())).index == 3
    assert Code.of(read(LPSE.provisional())).index is None
    assert ".-." in str(Code.of(read(LPSE.provisional())))


@pytest.mark.parametrize("change", [{"code": "PN-2345678924"}, {"received_at": "2026-11-23T02:59:58.124Z"}])
def test_another_receipt_has_another_code(change: dict[str, str]) -> None:
    assert Code.of(read(LPSE.final(receipt=LPSE.receipt(**change)))) != Code.of(read(LPSE.final()))


def test_a_code_has_one_spelling() -> None:
    """64 bytes leave four bits of the last letter over: 16 spellings would be the same signature."""
    text = str(Code.of(read(LPSE.final())))
    others = [text[:-1] + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    readable = 0
    for other in others:
        try:
            readable += str(Code.parse(other)) == other
        except ReceiptError:
            continue
    assert readable == 4
    with pytest.raises(ReceiptError):
        Code.parse(text[:-1] + chr(ord(text[-1]) + 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://uji/periksa",
        "http://uji/periksa#1.0199f000-0000-7000-8000-000000000001." + "0" * 64 + ".-." + "A" * 86,
        "https://a@b/periksa#1.0199f000-0000-7000-8000-000000000001." + "0" * 64 + ".-." + "A" * 86,
        "https://uji/periksa#2.0199f000-0000-7000-8000-000000000001." + "0" * 64 + ".-." + "A" * 86,
        "https://uji/periksa#1.0199f000-0000-7000-8000-000000000001." + "0" * 64 + ".01." + "A" * 86,
        "https://uji/periksa#1.0199f000-0000-7000-8000-000000000001." + "0" * 64 + ".-." + "A" * 86 + "\n",
    ],
)
def test_what_is_no_code(text: str) -> None:
    with pytest.raises(ReceiptError):
        Code.parse(text)


def test_what_no_receipt_is_has_no_code() -> None:
    file = fields(LPSE.final())
    with pytest.raises(ReceiptError):
        Code.of({**file, "proof": "no proof"})
    with pytest.raises(ReceiptError):
        Code.of({**file, "receipt": {}})
