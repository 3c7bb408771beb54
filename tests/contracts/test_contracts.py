"""The contracts stay what they were: schemas as committed, envelopes complete, nothing secret in an event."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from cli.schemas import drift, generated
from contracts import CATALOGUE, PRODUCERS
from contracts.registry import SkpdRegistered
from contracts.values import Rupiah, rupiah
from kit.envelope import Event

NEVER = {"nik", "npwp", "password", "token", "price_rows", "text", "address", "phone", "email", "offer", "total"}


def fields(schema: dict[str, Any]) -> set[str]:
    own = set(schema.get("properties", {}))
    return own.union(*(fields(part) for part in schema.get("$defs", {}).values()))


def test_committed_schemas_are_what_the_contracts_say() -> None:
    assert drift(write=False) == [], "run `./lpse events schema --write` and look at the difference"


@pytest.mark.parametrize("name", sorted(name for name in generated() if name.endswith(".json")))
def test_schemas_are_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(generated()[name]))


@pytest.mark.parametrize("event", CATALOGUE.values(), ids=CATALOGUE)
def test_event(event: type[Event]) -> None:
    producer, noun, verb, version = event.TYPE.split(".")
    assert event in vars(PRODUCERS[producer]).values()
    assert noun
    assert verb
    assert version.removeprefix("v").isdigit()
    assert event.__doc__, "say what happened and which article wants it known"
    assert (event.PUBLIC or frozenset()) <= set(event.model_fields)
    assert fields(event.model_json_schema()).isdisjoint(NEVER)


def test_producers_forbid_and_consumers_ignore_unknown_fields() -> None:
    data = {
        "skpd": "0198f3a2-0000-7000-8000-000000000000", "code": "1.01", "name": "Dinas Pendidikan", "parent": None,
        "valid_from": "2026-01-01", "later": True,
    }  # fmt: skip
    with pytest.raises(ValidationError):
        SkpdRegistered.model_validate(data)
    parsed = SkpdRegistered.parse(data)
    assert isinstance(parsed, SkpdRegistered)
    assert parsed.code == "1.01"


def test_money_is_exact() -> None:
    adapter = TypeAdapter(Rupiah)
    assert adapter.dump_json(adapter.validate_python("1250000000")) == b'"1250000000.00"'
    assert rupiah(Decimal("0.005")) == Decimal("0.01")
    for wrong in (1.5, "1.005", "-1", "NaN", "Infinity", "1e400"):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_catalogue_schema_files_exist() -> None:
    folder = Path(__file__).resolve().parents[2] / "contracts" / "schemas"
    assert {path.stem for path in folder.glob("*.json")} == {*CATALOGUE, "envelope"}
