"""The one rule for signatures, on every kind of key and number over which programs differ.

The curve is written out here once more, slowly, to make what no signer makes: keys and numbers with a part of small order.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count, product

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrity.ed25519 import SignatureError, check_key, verify

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    product_ = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product_, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product_, -1, P)
    return x % P, y % P


@cache
def times(number: int, point: Point) -> Point:
    found = IDENTITY
    while number:
        if number & 1:
            found = add(found, point)
        point, number = add(point, point), number >> 1
    return found


def x_of(y: int, odd: int) -> int:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return P - x if x & 1 != odd else x


def encoded(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


B = (x_of(4 * pow(5, -1, P) % P, 0), 4 * pow(5, -1, P) % P)
Y8 = int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")
EIGHTH = (x_of(Y8, 0), Y8)
SMALL = [times(n, EIGHTH) for n in range(8)]
SECRET, NONCE = 0x1234567890ABCDEF << 180, 0xFEDCBA0987654321 << 180


@dataclass
class Case:
    public: bytes
    signature: bytes
    message: bytes


def case(of_key: int, of_number: int, *, holds: bool, secret: int = SECRET) -> Case:
    """A key and a number with these parts of small order; a message for which they cancel out, or do not."""
    public = encoded(add(times(secret, B), SMALL[of_key]))
    number = encoded(add(times(NONCE, B), SMALL[of_number]))
    for attempt in count():
        message = b"%d" % attempt
        k = int.from_bytes(hashlib.sha512(number + public + message).digest(), "little") % L
        if ((of_number + k * of_key) % 8 == 0) is holds:
            s = (NONCE + k * secret) % L
            return Case(public, number + s.to_bytes(32, "little"), message)
    raise AssertionError


def can_be(of_key: int, of_number: int, *, holds: bool) -> bool:
    return holds in {(of_number + k * of_key) % 8 == 0 for k in range(8)}


def edges() -> Iterator[Case]:
    """Every kind of key and number on which programs differ: of small order, with a part of it, and in a second spelling."""
    for of_key, of_number in product(range(8), range(8)):
        for holds in (True, False):
            if not can_be(of_key, of_number, holds=holds):
                continue
            one = case(of_key, of_number, holds=holds)
            yield one
            s = int.from_bytes(one.signature[32:], "little") + L
            yield Case(one.public, one.signature[:32] + s.to_bytes(32, "little"), one.message)
    small = [
        (value | high).to_bytes(32, "little")
        for y in {y for _, y in SMALL}
        for value in (y, y + P)
        for high in (0, 1 << 255)
        if value < 1 << 255
    ]
    for weak in small:
        for s in (0, 1, SECRET % L):
            yield from (Case(weak, number + s.to_bytes(32, "little"), b"text") for number in (*small, encoded(B)))
        public = encoded(times(SECRET, B))
        k = int.from_bytes(hashlib.sha512(weak + public + b"text").digest(), "little")
        yield Case(public, weak + (k * SECRET % L).to_bytes(32, "little"), b"text")
    for y in range(20):  # no point, or a second spelling of one
        yield from (
            Case(key.to_bytes(32, "little"), encoded(B) + bytes(32), b"") for key in (y, y + P, (y + P) % 2**255)
        )


def accepts(one: Case) -> bool:
    try:
        verify(one.public, one.signature, one.message)
    except SignatureError:
        return False
    return True


def test_the_points_of_small_order() -> None:
    assert len(set(SMALL)) == 8
    assert times(L, B) == times(8, EIGHTH) == IDENTITY


@pytest.mark.parametrize(("of_key", "of_number"), list(product(range(8), range(8))))
def test_parts_of_small_order_count_only_where_they_cancel_out(of_key: int, of_number: int) -> None:
    """Without the cofactor: what another rule would wave through is refused, whoever the verifier is."""
    if can_be(of_key, of_number, holds=True):
        assert accepts(case(of_key, of_number, holds=True))
    if can_be(of_key, of_number, holds=False):
        assert not accepts(case(of_key, of_number, holds=False))


@pytest.mark.parametrize("which", range(8))
def test_a_key_of_small_order_signs_nothing(which: int) -> None:
    for holds in (True, False):
        if holds or which:
            one = case(which, 0, holds=holds, secret=0)
            with pytest.raises(SignatureError, match="small order"):
                verify(one.public, one.signature, one.message)


def test_other_spellings_of_points_of_small_order() -> None:
    for _, y in SMALL:
        for high in (0, 1 << 255):
            for value in (y, y + P):
                if value < 1 << 255:
                    with pytest.raises(SignatureError, match=r"small order|second way"):
                        check_key((value | high).to_bytes(32, "little"))


def test_a_signature_that_begins_with_a_point_of_small_order() -> None:
    """It holds by the equation: whoever made it took no number of his own."""
    for which in range(8):
        public, number = encoded(times(SECRET, B)), encoded(SMALL[which])
        k = int.from_bytes(hashlib.sha512(number + public + b"text").digest(), "little")
        signature = number + (k * SECRET % L).to_bytes(32, "little")
        with pytest.raises(SignatureError, match="begins with a point of small order"):
            verify(public, signature, b"text")


@pytest.mark.parametrize("y", [P, P + 1, P + 3, 2**255 - 1])
def test_a_key_in_a_second_spelling(y: int) -> None:
    with pytest.raises(SignatureError, match="second way"):
        check_key(y.to_bytes(32, "little"))


def test_a_number_in_a_second_spelling() -> None:
    good = case(0, 0, holds=True)
    s = int.from_bytes(good.signature[32:], "little")
    assert accepts(good)
    assert not accepts(Case(good.public, good.signature[:32] + (s + L).to_bytes(32, "little"), good.message))


def test_what_is_signed_honestly_holds_and_nothing_near_it() -> None:
    private = Ed25519PrivateKey.generate()
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"text")
    verify(public, signature, b"text")
    for place in range(64):
        wrong = bytearray(signature)
        wrong[place] ^= 1 << place % 8
        with pytest.raises(SignatureError):
            verify(public, bytes(wrong), b"text")
    with pytest.raises(SignatureError, match="does not belong"):
        verify(public, signature, b"other")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length(size: int) -> None:
    with pytest.raises(SignatureError, match="32 bytes"):
        check_key(bytes(size))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_length(size: int) -> None:
    with pytest.raises(SignatureError, match="64 bytes"):
        verify(case(0, 0, holds=True).public, bytes(size), b"")
