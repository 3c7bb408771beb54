"""What Kubernetes and the operators take, by their schemas: strictly, without a network."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

__all__ = ["VERSIONS", "complaints", "schemas"]

VERSIONS = ("1.33.0", "1.37.0")
PACKAGED = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def closed(fields: Any) -> dict[str, Any]:
    """`name!: ~` is a field that must be there; an object takes no field but those named."""
    if fields is None:
        return {"type": "string", "minLength": 1}
    if isinstance(fields.get("type"), str) or fields.keys() & {"const", "enum"}:
        return dict(fields)
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name.rstrip("!"): closed(inner) for name, inner in fields.items()},
        "required": [name.rstrip("!") for name in fields if name.endswith("!")],
    }


@cache
def schemas() -> dict[str, Draft202012Validator]:
    written = yaml.safe_load(Path(__file__).with_name("schemas.yaml").read_text())
    found = {kind: closed(fields) for kind, fields in written.items()}
    for schema in found.values():
        Draft202012Validator.check_schema(schema)
    return {kind: Draft202012Validator(schema) for kind, schema in found.items()}


@cache
def definitions(version: str) -> Registry[Any]:
    parsed = json.loads((PACKAGED / f"v{version}-local-strict" / "_definitions.json").read_bytes())
    return DRAFT202012.create_resource(parsed) @ Registry()


@cache
def packaged(version: str, kind: str) -> Draft202012Validator | None:
    """Kubernetes' own schema of a kind, which takes no field that this version does not know."""
    api, _, name = kind.rpartition("/")
    group, _, number = api.rpartition("/")
    file = "-".join(filter(None, (name.lower(), group.partition(".")[0], number)))
    path = PACKAGED / f"v{version}-local-strict" / f"{file}.json"
    return Draft202012Validator(json.loads(path.read_bytes()), registry=definitions(version)) if path.exists() else None


def complaints(objects: list[dict[str, Any]], version: str) -> list[str]:
    found = []
    for one in objects:
        kind, name = f"{one['apiVersion']}/{one['kind']}", one["metadata"]["name"]
        if (validator := schemas().get(kind)) is not None:
            wrong = [f"{error.json_path} {error.message}" for error in validator.iter_errors(one["spec"])]
        elif (validator := packaged(version, kind)) is not None:
            wrong = [f"{error.json_path} {error.message}" for error in validator.iter_errors(one)]
        else:
            wrong = ["nobody knows this kind"]
        found += [f"{kind} {name}: {why}" for why in wrong]
    return found
