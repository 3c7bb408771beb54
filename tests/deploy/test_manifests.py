"""Every overlay is rendered by kustomize and is what Kubernetes and the operators take, strictly and without a network."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import ROOT, Manifests, kubectl, kustomize
from tests.deploy.policies import POLICIES
from tests.deploy.schemas import VERSIONS, complaints, schemas


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_and_the_operators_take_it(manifests: Manifests, version: str) -> None:
    assert complaints(manifests.objects, version) == []


def test_the_readme_names_the_version_it_begins_with() -> None:
    asked = re.search(r"Kubernetes ([0-9.]+) or later", (ROOT / "deploy" / "k8s" / "README.md").read_text())
    assert asked is not None
    assert asked[1] == VERSIONS[0].rpartition(".")[0]


def test_no_name_is_left_open(manifests: Manifests) -> None:
    text = yaml.safe_dump_all(manifests.objects)
    assert [mark for mark in ("PART", "VERSION", " lpse.invalid") if mark in text] == []


@pytest.fixture
def own(rendered: dict[str, Manifests], tmp_path: Path) -> Callable[[dict[str, Any]], Manifests]:
    """A copy of the city beside the others, with these fields of its own; lists are added to."""
    program = kubectl()
    assert program, rendered
    shutil.copytree(ROOT / "deploy" / "k8s", tmp_path / "k8s")
    place = tmp_path / "k8s" / "overlays" / "own"
    shutil.copytree(tmp_path / "k8s" / "overlays" / "city", place)

    def make(changes: dict[str, Any]) -> Manifests:
        written = yaml.safe_load((place / "kustomization.yaml").read_text())
        written["patches"] += changes.pop("patches", [])
        (place / "kustomization.yaml").write_text(yaml.safe_dump(written | changes))
        return Manifests.parsed(kustomize(program, "own", tmp_path), "city")

    return make


def test_an_overlay_of_ones_own_names_its_image(own: Callable[[dict[str, Any]], Manifests]) -> None:
    """As `kustomize edit set image openlpse=...` writes it: for every container of ours."""
    found = own(
        {"images": [{"name": "openlpse", "newName": "registry.example/openlpse", "digest": f"sha256:{'1' * 64}"}]}
    )
    images = {container["image"] for workload in found.ours.values() for container in workload.containers}
    assert images == {f"registry.example/openlpse@sha256:{'1' * 64}"}


def test_the_way_back_from_the_other_site(own: Callable[[dict[str, Any]], Manifests]) -> None:
    """As the README says it: from the archive of before, into one that is empty, with every policy held."""
    written = re.findall(r"```yaml\n(.*?)```", (ROOT / "deploy" / "k8s" / "README.md").read_text(), re.DOTALL)
    found = own(yaml.safe_load(written[0]))
    cluster = found.one("Cluster", "postgres")
    assert complaints([cluster], VERSIONS[0]) == []
    assert cluster["spec"]["bootstrap"] == {"recovery": {"source": cluster["spec"]["externalClusters"][0]["name"]}}
    (before,), (after,) = cluster["spec"]["externalClusters"], cluster["spec"]["plugins"]
    assert before["plugin"]["parameters"]["serverName"] == cluster["metadata"]["name"]
    assert before["plugin"]["parameters"]["barmanObjectName"] == after["parameters"]["barmanObjectName"]
    assert before["plugin"]["parameters"]["serverName"] != after["parameters"]["serverName"]
    assert [wrong for check in POLICIES.values() for wrong in check(found)] == []


def test_the_traefik_of_k3s_waits_for_a_slow_line() -> None:
    """Once for a cluster, in its own namespace, so in no overlay; the names are k3s' and of its chart's values."""
    written = yaml.safe_load((ROOT / "deploy" / "k8s" / "k3s" / "traefik.yaml").read_text())
    assert (written["apiVersion"], written["kind"]) == ("helm.cattle.io/v1", "HelmChartConfig")
    assert written["metadata"] == {"name": "traefik", "namespace": "kube-system"}
    values = yaml.safe_load(written["spec"]["valuesContent"])
    assert values == {"ports": {"websecure": {"transport": {"respondingTimeouts": {"readTimeout": "0s"}}}}}


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
