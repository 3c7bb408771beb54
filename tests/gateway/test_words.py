"""Every refusal there is can be read in Indonesian: its sentence, the values in it, what to do, what is wrong with a field."""

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers

import services
from contracts.helpdesk import Recipient
from contracts.roles import Role
from gateway.pages.language import Catalogue, load
from gateway.pages.refusals import about_field, called, remedy, said
from gateway.session import problem_of
from gateway.upstream import Answer
from kit.grants import ACCESS, DEVICE, DOWNLOAD, SERVICE, STATEMENT, UPLOAD
from kit.http import encode_problem, mistakes
from kit.problems import NotFound, Problem, Reason, RuleViolation
from services import SERVICES
from services.registry.schemas.words import PaperKind, Status
from services.tender.models import Base
from tests.gateway.refusals import FOLDERS, ROOT, Refusal, Source

ID: Final = load("id")
EN: Final = load("en")
RELAYED: Final = {
    "gateway/pages/forms.py: WrongField in beside",
    "gateway/logins.py: TooMany in _refuse_closed",
    "gateway/session.py: __init__ in __init__",
    "kit/http.py: Problem in _http",
}
"""What hands on another's words: a service's to the portal, the framework's (whose codes are in HTTP) to everybody."""
HTTP: Final = [Refusal("kit/http.py", f"http_{status}", "{what}", remedy=True) for status in (400, 404, 405)]
LISTED: Final = {"schedule_unlawful": frozenset({"listed"})}
"""Places that an English sentence fills with a list, which pages show below it in words of its own."""
SOURCE: Final = Source()
REFUSALS: Final = [*SOURCE.refusals(), *HTTP]
BY_CODE: Final[Mapping[str, list[Refusal]]] = defaultdict(list)
for _one in REFUSALS:
    BY_CODE[_one.code].append(_one)


def places(words: str) -> frozenset[str]:
    return Refusal("", "", words, remedy=False).places


# Refusals


def test_every_refusal_can_be_found() -> None:
    assert SOURCE.unknown == RELAYED
    assert len(BY_CODE) > 200
    for known in ("bid_late", "grant_used", "winner_not_announced", "too_many_logins", "upstream_slow", "malformed"):
        assert known in BY_CODE


def test_a_code_has_the_same_places_wherever_it_is_raised() -> None:
    assert {code: found for code, found in BY_CODE.items() if len({one.places for one in found}) > 1} == {}


def test_every_code_has_indonesian_words_and_no_words_are_left_over() -> None:
    assert {code for code in BY_CODE if f"problem.{code}" not in ID.words} == set()
    assert {key for key in ID.words if key.startswith("problem.")} == {f"problem.{code}" for code in BY_CODE}


def test_the_words_have_the_places_of_the_sentence() -> None:
    told = {code: places(ID.words[f"problem.{code}"]) | LISTED.get(code, frozenset()) for code in BY_CODE}
    assert {code: said for code, said in told.items() if said != BY_CODE[code][0].places} == {}


def test_what_to_do_is_said_in_indonesian_where_the_code_says_it() -> None:
    wanted = {f"remedy.{code}" for code, found in BY_CODE.items() if any(one.remedy for one in found)}
    assert {key for key in ID.words if key.startswith("remedy.")} == wanted
    assert [key for key in wanted if places(ID.words[key])] == []


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_no_english_reaches_an_indonesian_page(code: str) -> None:
    """Through what the gateway makes of a service's answer, as on the page."""
    refusal = BY_CODE[code][0]
    values: dict[str, Any] = dict.fromkeys(refusal.places, "x")
    problem = Problem(code, refusal.sentence, remedy="Do.", **values)
    relayed = problem_of(Answer(400, Headers(), encode_problem(problem)))
    words = said(ID, relayed)
    assert words == ID.words[f"problem.{code}"].format(**values)
    assert words != problem.detail
    assert said(EN, relayed) == problem.detail


def test_what_is_not_there_has_a_name() -> None:
    """Nouns stand in the code; a row that tender looks up goes by the name of its table."""
    tables = {m.class_.__tablename__ for m in Base.registry.mappers if m.class_.__module__ == "services.tender.models"}
    assert len(tables) > 15
    for noun in SOURCE.nouns() | {table.replace("_", " ") for table in tables}:
        assert f"place.noun.{noun.lower().replace(' ', '_')}" in ID.words
    absent = said(ID, NotFound("bid file", 7))
    assert absent == "Tidak ada berkas penawaran 7, atau bukan hak Anda untuk melihatnya."


def test_a_records_number_is_not_read_out() -> None:
    refusal = NotFound("bid", "019f0000-0000-7000-8000-000000000001")
    assert said(ID, refusal) == "Tidak ada penawaran dengan nomor itu, atau bukan hak Anda untuk melihatnya."
    assert said(EN, refusal) == "There is no bid with that number, or it is not yours to see."


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("kind", [kind.name for kind in (UPLOAD, DOWNLOAD, STATEMENT, SERVICE, DEVICE, ACCESS)]),
        ("missing", [*get_args(PaperKind), *get_args(Recipient)]),
        ("paper", get_args(PaperKind)),
        ("roles", list(Role)),
        ("role", list(Role)),
        ("service", list(SERVICES)),
        ("layer", ["form", "signature", "record", "entry", "checkpoint", "witnesses", "inclusion"]),
        ("state", [*get_args(Status), "running", "failed", "finished", "replaced"]),
        ("identifier", ["with this tracking code", "of this account", "of this code", "at this address"]),
    ],
)
def test_a_value_that_is_a_code_is_said_in_words(place: str, values: list[str]) -> None:
    catalogue = Catalogue("id", {**ID.words, "problem.of_a_place": f"{{{place}}}"})
    for value in values:
        words = said(catalogue, Problem("of_a_place", "", **{place: value}))  # type: ignore[arg-type]
        assert words != value or value in {"tender", "helpdesk"}, value


def test_instants_sums_and_reasons_are_said_as_on_paper() -> None:
    late = Problem(
        "bidding_over", "The time for bids is over since {closes_at}.", closes_at="2026-11-30T02:00:00+00:00"
    )
    assert said(ID, late) == "Waktu pemasukan penawaran sudah berakhir sejak Sen, 30 Nov 2026, 09.00 WIB."
    assert said(EN, late) == "The time for bids is over since Mon, 30 Nov 2026, 09:00 WIB."
    above = Problem("hps_above_pagu", "{hps} {pagu}", hps="1250000000.00", pagu="999999999.50")
    assert said(ID, above) == "HPS Rp 1.250.000.000,00 melebihi pagu Rp 999.999.999,50."
    missing = Problem("verification_deficient", "{deficiencies}", deficiencies="ktp: expired; npwp_number: invalid")
    assert said(ID, missing) == (
        "Penyedia ini belum dapat diterima: KTP: masa berlakunya sudah habis; nomor NPWP: tidak benar."
    )
    name = Reason("name_length", "a name has {most} ...", most=1000, length=1200)
    refused = RuleViolation("name_refused", "The file cannot have this name: {why}.", why=name)
    assert said(ID, problem_of(Answer(422, Headers(), encode_problem(refused)))) == (
        "Nama berkas ini tidak diterima: nama terdiri atas 1 sampai 1.000 karakter, yang ini 1.200."
    )
    stages = Problem("stages_differ", "", template="T1", stages="masa_sanggah, sppbj")
    assert said(ID, stages).endswith(": Masa Sanggah, Surat Penunjukan Penyedia Barang/Jasa.")


@pytest.mark.parametrize(
    ("instant", "indonesian", "english"),
    [
        ("03:00:00.001Z", ("10.00.00,001", "10.00.00,000"), ("10:00:00.001", "10:00:00.000")),
        ("03:00:01.000Z", ("10.00.01", "10.00.00"), ("10:00:01", "10:00:00")),
        ("03:05:00.250Z", ("10.05", "10.00"), ("10:05", "10:00")),
        ("03:05:33.250Z", ("10.05.33", "10.00"), ("10:05:33", "10:00")),
    ],
)
def test_a_late_bid_and_its_deadline_look_as_different_as_they_are(
    instant: str, indonesian: tuple[str, str], english: tuple[str, str]
) -> None:
    late = Problem(
        "bid_late",
        "Your consent came at {instant}, after the deadline of {closes_at}.",
        instant=f"2026-11-12T{instant}",
        closes_at="2026-11-12T03:00:00.000Z",
    )
    came, closed = (f"Kam, 12 Nov 2026, {time} WIB" for time in indonesian)
    assert said(ID, late) == f"Persetujuan Anda sampai pada {came}, setelah batas akhir {closed}."
    came, closed = (f"Thu, 12 Nov 2026, {time} WIB" for time in english)
    assert said(EN, late) == f"Your consent came at {came}, after the deadline of {closed}."


def test_a_refusal_newer_than_the_catalogue_keeps_its_own_words() -> None:
    problem = Problem("of_tomorrow", "Not {what}.", remedy="Wait.", what="yet")
    assert (said(ID, problem), remedy(ID, problem)) == ("Not yet.", "Wait.")
    assert said(ID, Problem("bid_late", "Too late.")) == "Too late."


def test_an_article_is_cited_without_a_word_of_english() -> None:
    """What stands behind a colon explains the article to who reads the code; pages are read by others."""
    cited = {
        str(word.value.value)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "article" and isinstance(word.value, ast.Constant) and word.value.value
    }
    law = r"(Perwali Mojokerto|Perpres|Perka LKPP|PMK|UU|PP) \d+/\d{4}( Pasal [\d()a-c.,; -]+)?|sistem gugur"
    assert [text for text in cited if not re.fullmatch(rf"({law})(; ?({law}))*", text)] == []


def test_every_refusal_has_a_heading_in_both_languages() -> None:
    """By its status."""
    told = {
        status
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for status in re.findall(r"\bstatus ?= ?([45]\d\d)\b", path.read_text())
    }
    assert told > {"400", "401", "403", "404", "409", "422", "429", "503"}
    for status in told | {one.code.removeprefix("http_") for one in HTTP}:
        assert f"status.{status}" in ID.words
        assert f"status.{status}" in EN.words


# Fields


def requests() -> Iterator[type[BaseModel]]:
    """Every body a service takes, and what stands inside one."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if ".schemas" in module.name:
            for value in vars(importlib.import_module(module.name)).values():
                if (
                    isinstance(value, type)
                    and issubclass(value, BaseModel)
                    and value.model_config.get("extra") == "forbid"
                ):
                    yield value


WRONG: Final[list[Any]] = [
    None, "", "x", "x" * 20_000, "\ud800", b"\xff", -1, 0, 1.5, 10**40, 1 << 70, float("inf"), float("nan"), True, [],
    ["x"], [None] * 3000, {}, {"a": 1}, "1e3", "-5", "1.123456789", "9" * 30, "9" * 30 + ".5", "12345678901234567890.12",
    "2026-13-40", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T10:00:00Z", "1800-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
]  # fmt: skip
MODELS: Final = sorted(set(requests()), key=lambda model: (model.__module__, model.__name__))


def test_there_are_requests() -> None:
    assert {"NewPackage", "Consent", "Registration", "NewComplaint", "NewAssignment"} <= {m.__name__ for m in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.__module__.split('.')[1]}.{model.__name__}")
def test_whatever_is_wrong_with_a_field_is_said_in_the_language_of_the_page(model: type[BaseModel]) -> None:
    bodies: list[Any] = [None, [], "x", {}, {"unknown": 1}]
    for body in bodies + [{name: wrong} for name in model.model_fields for wrong in WRONG]:
        try:
            model.model_validate(body)
        except ValidationError as error:
            for mistake in mistakes(error.errors()):
                indonesian, english = about_field(ID, mistake), about_field(EN, mistake)
                assert indonesian not in {mistake["why"], english}, mistake
                assert english != mistake["why"], mistake
                assert not re.search(r"[{}]|should|Input|String|valid ", indonesian), indonesian


def test_what_was_typed_is_not_repeated() -> None:
    class Secret(BaseModel):
        word: Role

    with pytest.raises(ValidationError) as refused:
        Secret.model_validate({"word": "rahasia"})
    [mistake] = mistakes(refused.value.errors())
    assert "rahasia" not in str(mistake)
    assert set(mistake["ctx"]) == {"expected"}


def test_a_wrong_field_is_named_as_on_the_form_and_its_limits_are_told() -> None:
    assert called(Catalogue("id", {**ID.words, "field.price": "Harga"}), "rows.3.price") == "Harga, baris 4"
    assert called(Catalogue("id", {"field.rows.#.price": "Harga baris {no}"}), "rows.3.price") == "Harga baris 4"
    short = {"at": "body/password", "why": "Value should ...", "type": "too_short", "ctx": {"min_length": "10"}}
    assert about_field(ID, short) == "Kata sandi paling sedikit 10 karakter."
    early = {"at": "body/starts_at", "why": "", "type": "greater_than_equal", "ctx": {"ge": "2011-01-01T00:00:00Z"}}
    assert about_field(ID, early) == "Paling kecil atau paling awal Sab, 1 Jan 2011, 07.00 WIB."
    pattern = {"at": "body/acknowledged/0", "why": "", "type": "string_pattern_mismatch", "ctx": {}}
    assert about_field(ID, pattern) == "Kode tender hanya terdiri atas angka, paling banyak 20."
    assert about_field(ID, {"at": "body/x", "why": "Of tomorrow", "type": "new", "ctx": {}}) == "Of tomorrow"


def test_the_sentence_about_a_form_names_its_wrong_fields() -> None:
    places = [{"at": "body/text", "why": "Field required", "type": "missing", "ctx": {}}]
    problem = Problem(
        "invalid_request", "The request: {listed}", listed="body/text: Field required", extra={"errors": places}
    )
    words = said(ID, problem_of(Answer(422, Headers(), encode_problem(problem))))
    assert words == f"Ada isian yang perlu diperbaiki. {called(ID, 'text')}: Ini harus diisi."
