"""Every overlay is rendered by kustomize and is what Kubernetes and the operators take, strictly and without a network."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import ROOT, Manifests, kubectl, kustomize
from tests.deploy.schemas import VERSIONS, complaints, schemas


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
