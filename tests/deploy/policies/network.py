"""Who speaks with whom."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from cli.system import PARTS
from services import SERVICES
from tests.deploy.manifests import OFFICE, Manifests
from tests.deploy.policies.asking import NAME, PORT, SERVING, Pods, differs, matches, pods_of, policy, sets

Way = tuple[str, str, int]
PORTS = frozenset({PORT, 5432, 5672, 8333, 9333, 19333, 8888, 18888, 15672})


def opened(manifests: Manifests, pods: Pods, way: str) -> set[Way]:
    """(pod, peer of the same namespace, port): what the policies of each pod open on its way in (ingress) or out (egress)."""
    side = "from" if way == "ingress" else "to"
    specs = [
        one["spec"] for one in manifests.of("NetworkPolicy").values() if way.capitalize() in one["spec"]["policyTypes"]
    ]
    chosen = [[pod for pod, labels in pods.items() if matches(spec["podSelector"], labels)] for spec in specs]
    free = pods.keys() - {pod for each in chosen for pod in each}
    found = set(product(free, pods, PORTS))
    for spec, each in zip(specs, chosen, strict=True):
        for rule in spec.get(way, []):
            within = [
                one["podSelector"] for one in rule.get(side, [{"podSelector": {}}]) if "namespaceSelector" not in one
            ]
            peers = [peer for peer, labels in pods.items() if any(matches(selector, labels) for selector in within)]
            ports = {one["port"] for one in rule["ports"]} & PORTS if "ports" in rule else PORTS
            found |= set(product(each, peers, ports))
    return {(pod, peer, port) for pod, peer, port in found if pod != peer}


@policy
def network(manifests: Manifests) -> Iterator[str]:
    """Who may speak with whom is exactly who must."""
    pods = pods_of(manifests)
    wanted: set[Way] = {("gateway-api", f"{service}-api", PORT) for service in SERVICES}
    for name in pods.keys() - {"gateway-api"}:
        part = name.partition("-")[0]
        if part in SERVICES:
            wanted |= {(name, "postgres", 5432)} | ({(name, "rabbitmq", 5672)} if name in SERVING else set())
            wanted |= {(name, "objects", 8333) for owner in PARTS if owner.name == part and owner.bucket}
    wanted |= {(OFFICE, "postgres", 5432), (OFFICE, "rabbitmq", 5672), (OFFICE, "objects", 8333)}
    wanted |= {(OFFICE, "gateway-api", PORT)}
    wanted |= {("backup-documents", "objects", 8333)} if manifests.overlay == "city" else set()
    wanted |= set(product(("objects-bucket", "objects-unfinished"), ("objects",), (9333, 19333, 8888, 18888)))
    leave = opened(manifests, pods, "egress")
    enter = {(one, other, port) for other, one, port in opened(manifests, pods, "ingress")}
    # one policy is for all pods of a service: a migration may ask, and a worker be asked, what only its API does
    harmless = {(f"{service}-{job}", "rabbitmq", 5672) for service in SERVICES for job in ("migrate", "seed")}
    harmless |= {
        ("gateway-api", f"{service}-{role}", PORT) for service in SERVICES for role in ("worker", "migrate", "seed")
    }
    harmless |= {(f"{part.name}-migrate", "objects", 8333) for part in PARTS if part.bucket}
    for one, other, port in sorted(wanted - (leave & enter)):
        yield f"{one} cannot reach {other}:{port}"
    for one, other, port in sorted((leave | enter) - wanted - harmless):
        yield f"{one} may leave for or enter {other}:{port}"
    everybody = [one for one in manifests.of("NetworkPolicy").values() if one["spec"]["podSelector"] == {}]
    if not any(set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"} and len(one["spec"]) == 2 for one in everybody):
        yield "not everything is denied to begin with"
    asked = {port["port"] for one in everybody for rule in one["spec"].get("egress", []) for port in rule["ports"]}
    yield from differs("names are asked at", asked, {53})


ANYWHERE = "anywhere"
API_SERVER = (443, 6443)


@policy
def borders(manifests: Manifests) -> Iterator[str]:
    """Who of other namespaces comes in, and what goes out to them: the entrance, the operators, those who measure."""
    pods, found = pods_of(manifests), set[tuple[str, str, str, int]]()
    for name, one in manifests.of("NetworkPolicy").items():
        chosen = [pod for pod, labels in pods.items() if matches(one["spec"]["podSelector"], labels)]
        if not chosen:
            yield f"the policy {name} is for nobody"
        if one["spec"]["podSelector"] == {}:
            continue
        for way, side in (("ingress", "from"), ("egress", "to")):
            for rule in one["spec"].get(way, []):
                places = {place(peer) for peer in rule.get(side, [{}])} - {""}
                found |= set(product(chosen, [way], places, [port["port"] for port in rule["ports"]]))
    wanted = {("gateway-api", "ingress", "openlpse/entrance=true", PORT)}
    wanted |= {("acme", "ingress", "openlpse/entrance=true", 8089)}
    wanted |= {("postgres", "ingress", "kubernetes.io/metadata.name=cnpg-system", port) for port in (5432, 8000)}
    wanted |= {("rabbitmq", "ingress", "kubernetes.io/metadata.name=rabbitmq-system", 15672)}
    wanted |= {(server, "egress", ANYWHERE, port) for server in ("postgres", "rabbitmq") for port in API_SERVER}
    if manifests.overlay == "city":
        wanted |= {("backup-documents", "egress", ANYWHERE, 443)}
        wanted |= {(pod, "egress", ANYWHERE, 443) for pod in pods if pod.startswith("audit-")}
        wanted |= {("rabbitmq", "ingress", "kubernetes.io/metadata.name=keda", 15672)}
        wanted |= {(server, "ingress", "openlpse/telemetry=true", port) for server, port in MEASURED.items()}
        wanted |= {(name, "egress", "openlpse/telemetry=true", 4318) for name in SERVING & manifests.ours.keys()}
    yield from sets("over the border", set(map(str, found)), set(map(str, wanted)))


MEASURED = {"postgres": 9187, "rabbitmq": 15692}


def place(peer: Mapping[str, Any]) -> str:
    """Where a rule's peer is; nothing for the same namespace."""
    if "namespaceSelector" in peer:
        return ",".join(f"{key}={value}" for key, value in peer["namespaceSelector"]["matchLabels"].items())
    return "" if "podSelector" in peer else ANYWHERE


@policy
def measures(manifests: Manifests) -> Iterator[str]:
    """In a city, what serves tells its measures to a collector, and Prometheus asks the servers."""
    if manifests.overlay != "city":
        return
    for name in SERVING & manifests.ours.keys():
        told = dict(manifests.environment(manifests.ours[name].main)).get("LPSE_OTLP") or ""
        if urlsplit(told).port != 4318:
            yield f"{name} tells no measures"
    found = manifests.of("PodMonitor")
    yield from sets("measured", set(found), set(MEASURED))
    pods = pods_of(manifests)
    for name in found.keys() & set(MEASURED):
        chosen = {pod for pod, labels in pods.items() if matches(found[name]["spec"]["selector"], labels)}
        yield from differs(f"the monitor {name} is for", chosen, {name})


@policy
def doors(manifests: Manifests) -> Iterator[str]:
    """A Service for every API, of its pods alone, by the name at which the gateway looks for it."""
    found = manifests.of("Service")
    wanted = {part.name for part in PARTS}
    yield from sets("services", set(found), wanted | {"objects", "objects-inner"})
    for name in wanted & found.keys():
        spec = found[name]["spec"]
        selected = {
            o for o, one in manifests.workloads.items() if matches({"matchLabels": spec["selector"]}, one.labels)
        }
        yield from differs(f"service {name} leads to", selected, {f"{name}-api"})
        ports = {port["name"]: port["containerPort"] for port in manifests.ours[f"{name}-api"].main["ports"]}
        yield from differs(
            f"service {name}", [(one["port"], ports.get(one["targetPort"])) for one in spec["ports"]], [(PORT, PORT)]
        )

    for name, ports in (("objects", {8333}), ("objects-inner", {9333, 19333})):
        spec = found.get(name, {}).get("spec", {"ports": []})
        yield from differs(f"service {name}", {one["port"] for one in spec["ports"]}, ports)
        yield from differs(f"service {name} leads to", spec.get("selector"), {NAME: "objects"})
    inner = found.get("objects-inner", {}).get("spec", {})
    early = inner.get("clusterIP"), inner.get("publishNotReadyAddresses")
    yield from differs("the store's name for itself", early, ("None", True))
