"""Every overlay is rendered by kustomize and is what Kubernetes and the operators take, strictly and without a network."""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.deploy.manifests import ROOT, Manifests, kubectl, kustomize

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


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_and_the_operators_take_it(manifests: Manifests, version: str) -> None:
    assert complaints(manifests.objects, version) == []


def test_no_name_is_left_open(manifests: Manifests) -> None:
    text = yaml.safe_dump_all(manifests.objects)
    assert [mark for mark in ("PART", "VERSION", " lpse.invalid") if mark in text] == []


def test_an_overlay_of_ones_own_names_its_image(rendered: dict[str, Manifests], tmp_path: Path) -> None:
    """As `kustomize edit set image openlpse=...` writes it: beside the others, for every container of ours."""
    program = kubectl()
    assert program
    shutil.copytree(ROOT / "deploy" / "k8s", tmp_path / "k8s")
    own = tmp_path / "k8s" / "overlays" / "own"
    shutil.copytree(tmp_path / "k8s" / "overlays" / "city", own)
    written = yaml.safe_load((own / "kustomization.yaml").read_text())
    written["images"] = [{"name": "openlpse", "newName": "registry.example/openlpse", "digest": f"sha256:{'1' * 64}"}]
    (own / "kustomization.yaml").write_text(yaml.safe_dump(written))
    found = Manifests.parsed(kustomize(program, "own", tmp_path), "city")
    images = {container["image"] for workload in found.ours.values() for container in workload.containers}
    assert images == {f"registry.example/openlpse@sha256:{'1' * 64}"}
    assert found.ours.keys() == rendered["city"].ours.keys()


def test_every_schema_is_used(rendered: dict[str, Manifests]) -> None:
    used = {f"{one['apiVersion']}/{one['kind']}" for made in rendered.values() for one in made.objects}
    assert schemas().keys() <= used


@pytest.mark.parametrize(
    ("kind", "name", "field", "value"),
    [
        ("Deployment", "tender-api", "replicaz", 2),
        ("Deployment", "tender-api", "replicas", "two"),
        ("Queue", "tender-queue", "durable", False),
        ("Queue", "tender-queue", "durabel", True),
        ("Permission", "tender", "userReference", {}),
        ("Cluster", "postgres", "instances", "3"),
        ("ScaledObject", "tender-worker", "minReplicaCount", 0),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_slips_are_seen(
    rendered: dict[str, Manifests], version: str, kind: str, name: str, field: str, value: object
) -> None:
    slipped = rendered["city"].copy()
    slipped.one(kind, name)["spec"][field] = value
    assert complaints([slipped.one(kind, name)], version) != []
