"""What may be handed in: sizes, types and names."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.problems import Problem
from services.documents.rules import LONGEST_NAME, declared_size, file_name, media_type

PLAIN = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="/\\"), min_size=1, max_size=LONGEST_NAME
).filter(lambda name: name == name.strip() and name not in {".", ".."})


def disposition(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


@given(PLAIN)
def test_a_visible_name_is_taken_exactly_as_written(name: str) -> None:
    assert file_name(disposition(name)) == name


@given(PLAIN, st.characters(categories=["Cc", "Zl", "Zp"]), PLAIN)
def test_a_control_character_anywhere_is_refused(before: str, control: str, after: str) -> None:
    with pytest.raises(Problem) as refused:
        file_name(disposition(f"{before}{control}{after}"[:LONGEST_NAME]))
    assert refused.value.code == "name_refused"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "name_missing"),
        ("attachment", "name_missing"),
        ('attachment; filename="a.pdf"', "name_missing"),
        ("attachment; filename*=ISO-8859-1''a.pdf", "name_missing"),
        ("attachment; filename*=UTF-8''a b.pdf", "name_missing"),
        ("attachment; filename*=UTF-8''a%FF.pdf", "name_unreadable"),
        ("attachment; filename*=UTF-8''a%zz.pdf", "name_unreadable"),
        ("attachment; filename*=UTF-8''a%", "name_unreadable"),
        ("attachment; filename*=UTF-8''%20a.pdf", "name_refused"),
        ("attachment; filename*=UTF-8''", "name_refused"),
    ],
)
def test_a_name_that_cannot_be_read_is_refused(header: str | None, code: str) -> None:
    with pytest.raises(Problem) as refused:
        file_name(header)
    assert refused.value.code == code


def test_the_name_may_stand_among_other_parameters() -> None:
    assert file_name("attachment; filename=\"x\"; filename*=utf-8''%C3%A9.pdf; size=3") == "é.pdf"


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_a_size_is_taken_up_to_the_largest_allowed(size: int, largest: int) -> None:
    if size <= largest:
        assert declared_size(str(size), largest=largest) == size
        return
    with pytest.raises(Problem) as refused:
        declared_size(str(size), largest=largest)
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("given_", "status"), [(None, 411), ("", 400), ("-1", 400), ("1e3", 400), ("٣", 400), ("9" * 20, 400)]
)
def test_what_is_no_size_is_refused(given_: str | None, status: int) -> None:
    with pytest.raises(Problem) as refused:
        declared_size(given_, largest=1 << 60)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("given_", "allowed", "taken"),
    [
        ("application/pdf", ("application/pdf",), "application/pdf"),
        ("Application/PDF; version=2", ("application/pdf",), "application/pdf"),
        (
            "application/vnd.x.macroEnabled.12",
            ("application/vnd.x.macroEnabled.12",),
            "application/vnd.x.macroenabled.12",
        ),
        ("text/x-anything", ("*/*",), "text/x-anything"),
        ("application/zip", ("application/pdf", "image/png"), None),
        ("*/*", ("*/*",), None),
        (None, ("*/*",), None),
        ("pdf", ("*/*",), None),
        ("text/html\r\nX: y", ("*/*",), None),
    ],
)
def test_types(given_: str | None, allowed: tuple[str, ...], taken: str | None) -> None:
    if taken is not None:
        assert media_type(given_, allowed=allowed) == taken
        return
    with pytest.raises(Problem) as refused:
        media_type(given_, allowed=allowed)
    assert refused.value.status == 415
