"""What a policy is, and the questions that several of them ask."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from services import SERVICES
from tests.deploy.manifests import Manifests

__all__ = [
    "COMPONENT",
    "NAME",
    "POLICIES",
    "PORT",
    "PREFIX",
    "SERVING",
    "Pods",
    "Policy",
    "differs",
    "matches",
    "pods_of",
    "policy",
    "replicas",
    "sets",
    "specs",
    "training",
]

Policy = Callable[[Manifests], Iterator[str]]
POLICIES: dict[str, Policy] = {}
PREFIX = "lpse"
PORT = 8000
SERVING = frozenset(f"{service}-{role}" for service in SERVICES for role in ("api", "worker")) | {"gateway-api"}
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"


def policy(check: Policy) -> Policy:
    POLICIES[check.__name__] = check
    return check


def differs(what: str, found: Any, wanted: Any) -> Iterator[str]:
    if found != wanted:
        yield f"{what}: {found} instead of {wanted}"


def sets(what: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    for name in sorted(wanted - found):
        yield f"{what}: {name} is missing"
    for name in sorted(found - wanted):
        yield f"{what}: nobody needs {name}"


def training(manifests: Manifests) -> bool:
    return manifests.overlay == "latihan"


def specs(manifests: Manifests, kind: str) -> list[dict[str, Any]]:
    return [one["spec"] for one in manifests.of(kind).values()]


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    told = {"In": lambda has, values: has in values, "NotIn": lambda has, values: has not in values}
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        told[one["operator"]](labels.get(one["key"]), one["values"]) for one in selector.get("matchExpressions", [])
    )


def replicas(manifests: Manifests, name: str) -> tuple[int, int]:
    """The fewest and the most there may be of a workload, in peace."""
    for scaler in manifests.of("HorizontalPodAutoscaler").values():
        if scaler["spec"]["scaleTargetRef"]["name"] == name:
            return scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"]
    for scaler in manifests.of("ScaledObject").values():
        if scaler["spec"]["scaleTargetRef"]["name"] == name:
            return scaler["spec"]["minReplicaCount"], scaler["spec"]["maxReplicaCount"]
    fixed = manifests.ours[name].object["spec"].get("replicas", 1)
    return fixed, fixed


Pods = dict[str, dict[str, str]]


def pods_of(manifests: Manifests) -> Pods:
    """By their labels: the workloads' and those that operators start."""
    found = {name: workload.labels for name, workload in manifests.workloads.items()}
    found |= {"postgres": {"cnpg.io/cluster": "postgres"}, "rabbitmq": {NAME: "rabbitmq"}}
    return found | {"acme": {"acme.cert-manager.io/http01-solver": "true"}}
