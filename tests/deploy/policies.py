"""What must hold of every overlay. Each policy returns a sentence for each thing that is wrong; what the code needs is asked of
the code: its parts, settings, keys, queues and rights."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import product
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import SettingsError

from cli.installation import OfficeSettings
from cli.serving import DRAIN_SECONDS
from cli.system import PARTS
from cli.wiring import topology
from gateway.proxy import UPLOAD_PATIENCE
from kit.bus.topology import AGAIN, BURIED
from kit.settings import GatewaySettings, Settings, TelemetrySettings
from services import SERVICES
from tests.deploy.manifests import OFFICE, ROOT, Manifests, Workload

__all__ = ["POLICIES", "Policy"]

Policy = Callable[[Manifests], Iterator[str]]
POLICIES: dict[str, Policy] = {}
PREFIX = "lpse"
PORT = 8000
SERVING = frozenset(f"{service}-{role}" for service in SERVICES for role in ("api", "worker")) | {"gateway-api"}
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"


WAITS = ["sh", "-c", 'trap "exit 0" TERM; sleep infinity & wait']
"""What the office does while nobody types (test_image.py stops it)."""


def policy(check: Policy) -> Policy:
    POLICIES[check.__name__] = check
    return check


def differs(what: str, found: Any, wanted: Any) -> Iterator[str]:
    if found != wanted:
        yield f"{what}: {found} instead of {wanted}"


def training(manifests: Manifests) -> bool:
    return manifests.overlay == "latihan"


def sets(what: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    for name in sorted(wanted - found):
        yield f"{what}: {name} is missing"
    for name in sorted(found - wanted):
        yield f"{what}: nobody needs {name}"


@policy
def workloads(manifests: Manifests) -> Iterator[str]:
    """An API and a worker of every service, a migration of each, the gateway and the office; of one image, by digest."""
    wanted = SERVING | {f"{service}-migrate" for service in SERVICES} | {OFFICE}
    wanted |= {"registry-seed"} if training(manifests) else set()
    yield from sets("workloads", set(manifests.ours), set(wanted))
    images = set()
    for name, workload in manifests.ours.items():
        part, _, role = name.partition("-")
        orders = {"api": ["serve", part, "--only", "api"], "worker": ["serve", part, "--only", "worker"]}
        orders |= {"migrate": ["db", "upgrade", part]} | ({"api": ["serve", part]} if part == "gateway" else {})
        orders |= {"seed": ["db", "seed", part], "": WAITS[2:]}
        yield from differs(f"{name} runs", workload.main["args"], orders[role])
        images |= {container["image"] for container in workload.containers}
        entries = [container.get("command") for container in workload.containers]
        yield from differs(f"{name} begins with", entries, [WAITS[:2] if name == OFFICE else None] * len(entries))
        if name == OFFICE:
            yield from differs("offices", workload.object["spec"]["replicas"], 1 if training(manifests) else 0)
    yield from differs("images", len(images), 1)
    yield from (f"{image} has no digest" for image in images if not re.search(r"@sha256:[0-9a-f]{64}$", image))
    for name, workload in manifests.workloads.items():
        for container in workload.containers:
            if "@" not in container["image"] and not re.search(r":\d+\.\d+", container["image"]):
                yield f"{name}: {container['image']} is no certain version"


@policy
def security(manifests: Manifests) -> Iterator[str]:
    for name, workload in manifests.workloads.items():
        pod = workload.pod
        whole = pod.get("securityContext", {})
        yield from differs(f"{name} runs as root", whole.get("runAsNonRoot"), True)
        yield from differs(f"{name} seccomp", whole.get("seccompProfile"), {"type": "RuntimeDefault"})
        yield from differs(f"{name} has a token", pod.get("automountServiceAccountToken"), False)
        yield from differs(f"{name} has service links", pod.get("enableServiceLinks"), False)
        if not whole.get("runAsUser"):
            yield f"{name} has no user of its own"
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(field):
                yield f"{name} has {field}"
        yield from (
            f"{name} mounts the machine's {volume['name']}" for volume in pod["volumes"] if "hostPath" in volume
        )
        for container in workload.containers:
            wanted = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            yield from differs(f"{name} {container['name']}", container.get("securityContext"), wanted)
            if "/tmp" not in {mount["mountPath"] for mount in container.get("volumeMounts", [])}:
                yield f"{name} {container['name']} has no place for temporary files"
        for volume in pod["volumes"]:
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{name}: {volume['name']} may fill the machine's disk"


@policy
def accounts(manifests: Manifests) -> Iterator[str]:
    """Each part is somebody of its own, without a token and without a right in the cluster."""
    parts = {part.name for part in PARTS} | {OFFICE}
    found = manifests.of("ServiceAccount")
    yield from sets("accounts", set(found), parts)
    for name, account in found.items():
        yield from differs(f"account {name} token", account.get("automountServiceAccountToken"), False)
    for name, workload in manifests.ours.items():
        yield from differs(f"{name} account", workload.pod.get("serviceAccountName"), workload.part)
    kinds = {one["kind"] for one in manifests.objects}
    yield from (
        f"{kind} is needed by nobody"
        for kind in kinds
        if re.search("Role$|RoleBinding$", kind) and kind != "DatabaseRole"
    )


@policy
def namespace(manifests: Manifests) -> Iterator[str]:
    if len(manifests.of("Namespace")) != 1:
        yield f"there are {len(manifests.of('Namespace'))} namespaces"
        return
    (own,) = manifests.of("Namespace").values()
    label = "pod-security.kubernetes.io/enforce"
    yield from differs("pod security", own["metadata"]["labels"].get(label), "restricted")
    for one in manifests.objects:
        if one["kind"] != "Namespace" and one["metadata"].get("namespace") != own["metadata"]["name"]:
            yield f"{one['kind']} {one['metadata']['name']} lies outside"


@policy
def probes(manifests: Manifests) -> Iterator[str]:
    """Ready is asked of the own database alone; alive says only that the loop answers; a start may take a minute."""
    paths = {"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"}
    for name, workload in manifests.workloads.items():
        if workload.ends or name == OFFICE:  # a shell that waits has nothing to be asked
            continue
        named = {port["name"]: port["containerPort"] for port in workload.main.get("ports", [])}
        for probe, path in paths.items():
            asked = workload.main.get(probe, {}).get("httpGet", {})
            if named.get(asked.get("port")) is None:
                yield f"{name} has no {probe} at one of its ports"
            elif workload.serves:
                yield from differs(f"{name} {probe}", asked.get("path"), path)
                yield from differs(f"{name} {probe} port", named[asked["port"]], PORT)
        start = workload.main.get("startupProbe", {})
        if start.get("periodSeconds", 0) * start.get("failureThreshold", 0) < 60:
            yield f"{name} has less than a minute to start"


@policy
def endings(manifests: Manifests) -> Iterator[str]:
    for name in SERVING & manifests.ours.keys():
        workload = manifests.ours[name]
        pause = workload.main.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if pause < 5:
            yield f"{name} stops listening before the endpoints have forgotten it"
        if workload.pod.get("terminationGracePeriodSeconds", 30) < pause + DRAIN_SECONDS + 10:
            yield f"{name} is killed before it has finished"
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        yield from differs(f"{name} update", workload.object["spec"].get("strategy"), rolling)


@policy
def resources(manifests: Manifests) -> Iterator[str]:
    for name, workload in manifests.workloads.items():
        for container in workload.containers:
            given = container.get("resources", {})
            yield from sets(f"{name} requests", set(given.get("requests", {})), {"cpu", "memory"})
            yield from sets(f"{name} limits", set(given.get("limits", {})), {"memory"})


@policy
def disruption(manifests: Manifests) -> Iterator[str]:
    """Of everything that stays: one pod of a kind may be asked to go at a time. PostgreSQL's is made by its operator."""
    budgets, pods = manifests.of("PodDisruptionBudget"), pods_of(manifests)
    wanted = {name for name, workload in manifests.workloads.items() if not workload.ends} - {OFFICE} | {"rabbitmq"}
    yield from sets("budgets", set(budgets), wanted)
    for name in budgets.keys() & wanted:
        spec = budgets[name]["spec"]
        yield from differs(f"budget {name}", spec.get("maxUnavailable"), 1)
        selected = {pod for pod, labels in pods.items() if matches(spec["selector"], labels)}
        yield from differs(f"budget {name} is for", selected, {name})


@policy
def spread(manifests: Manifests) -> Iterator[str]:
    """Over machines and zones; in a city never two of one kind on one machine while another has none. What is being
    replaced does not count, nor does a machine that takes nothing: else an update waits for it."""
    firm = "DoNotSchedule" if manifests.overlay == "city" else "ScheduleAnyway"
    for name in SERVING & manifests.ours.keys():
        workload = manifests.ours[name]
        found = {one["topologyKey"]: one for one in workload.pod.get("topologySpreadConstraints", [])}
        keys = {"kubernetes.io/hostname": firm, "topology.kubernetes.io/zone": "ScheduleAnyway"}
        yield from sets(f"{name} spread", set(found), set(keys))
        for key in found.keys() & keys:
            one = found[key]
            yield from differs(f"{name} {key}", (one["maxSkew"], one["whenUnsatisfiable"]), (1, keys[key]))
            counted = one.get("nodeTaintsPolicy"), one.get("matchLabelKeys")
            yield from differs(f"{name} {key} counts", counted, ("Honor", ["pod-template-hash"]))
            selected = {
                other for other, its in manifests.workloads.items() if matches(one["labelSelector"], its.labels)
            }
            yield from differs(f"{name} {key} is of", selected, {name})
    if manifests.overlay == "city":
        for server, field, kind in (("postgres", "instances", "Cluster"), ("rabbitmq", "replicas", "RabbitmqCluster")):
            spec = manifests.one(kind, server)["spec"]
            yield from differs(f"{server} {field}", spec[field], 3)
            if "affinity" not in spec:
                yield f"{server} may lie on one machine"
        for name in SERVING & manifests.ours.keys():
            if name.endswith("-api") and replicas(manifests, name)[0] < 2:
                yield f"there is one {name}"


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


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    told = {"In": lambda has, values: has in values, "NotIn": lambda has, values: has not in values}
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        told[one["operator"]](labels.get(one["key"]), one["values"]) for one in selector.get("matchExpressions", [])
    )


Pods = dict[str, dict[str, str]]
Way = tuple[str, str, int]


PORTS = frozenset({PORT, 5432, 5672, 8333, 9333, 19333, 8888, 18888, 15672})


def pods_of(manifests: Manifests) -> Pods:
    """By their labels: the workloads' and those that operators start."""
    found = {name: workload.labels for name, workload in manifests.workloads.items()}
    found |= {"postgres": {"cnpg.io/cluster": "postgres"}, "rabbitmq": {NAME: "rabbitmq"}}
    return found | {"acme": {"acme.cert-manager.io/http01-solver": "true"}}


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
    harmless |= {("documents-migrate", "objects", 8333)}
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
def references(manifests: Manifests) -> Iterator[str]:
    """What is named is there, but for the public keys, which belong to the installation and not to a release."""
    for name, workload in manifests.ours.items():
        for container in workload.containers:
            asked = {source["configMapRef"]["name"] for source in container.get("envFrom", [])}
            yield from (f"{name} has no ConfigMap {one}" for one in sorted(asked - manifests.of("ConfigMap").keys()))
    for one in manifests.objects:
        servers = {("Cluster", "cluster"), ("RabbitmqCluster", "rabbitmqClusterReference")}
        for kind, field in servers:
            server = one.get("spec", {}).get(field, {}).get("name")
            if server is not None and server not in manifests.of(kind):
                yield f"{one['kind']} {one['metadata']['name']} is of no {kind} that is there"


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


@policy
def entrance(manifests: Manifests) -> Iterator[str]:
    """From outside to the gateway alone, over TLS, under the name that the portal believes to have; without TLS to there."""
    (config,) = (one["data"] for name, one in manifests.of("ConfigMap").items() if name.startswith("lpse-gateway-"))
    hosts, backends, secrets = set(), set(), set()
    for one in manifests.of("Ingress").values():
        for rule in one["spec"]["rules"]:
            hosts.add(rule["host"])
            backends |= {path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
        secrets |= {tls["secretName"] for tls in one["spec"].get("tls", [])}
    for one in manifests.of("HTTPRoute").values():
        hosts |= set(one["spec"]["hostnames"])
        backends |= {to["name"] for rule in one["spec"]["rules"] for to in rule.get("backendRefs", [])}
    for one in manifests.of("Gateway").values():
        hosts |= {listener["hostname"] for listener in one["spec"]["listeners"]}
        yield from without_tls(manifests, one["spec"]["listeners"])
        secrets |= {
            ref["name"]
            for listener in one["spec"]["listeners"]
            if "tls" in listener
            for ref in listener["tls"]["certificateRefs"]
        }
    certified = {
        one["spec"]["secretName"]: set(one["spec"]["dnsNames"]) for one in manifests.of("Certificate").values()
    }
    yield from differs("hosts", hosts, {urlsplit(config["LPSE_PUBLIC_URL"]).hostname})
    yield from differs("the entrance leads to", backends, {"gateway"})
    yield from differs("certificates", certified, dict.fromkeys(secrets, hosts) or {"one": hosts})


def without_tls(manifests: Manifests, listeners: list[dict[str, Any]]) -> Iterator[str]:
    """A way in that whoever types the bare name and the certificate's issuer need; the portal itself is not there."""
    found = {(one["name"], one["protocol"], one["port"], "tls" in one) for one in listeners}
    yield from differs("listeners", found, {("https", "HTTPS", 443, True), ("http", "HTTP", 80, False)})
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    wanted = {"https": [False], "http": [True]}
    routes = {
        ref.get("sectionName"): [rule.get("filters") == [redirect] for rule in one["spec"]["rules"]]
        for one in manifests.of("HTTPRoute").values()
        for ref in one["spec"]["parentRefs"]
    }
    yield from differs("only sent on to TLS", routes, wanted)


PASSES_ON = "nginx.ingress.kubernetes.io/proxy-"


@policy
def patience(manifests: Manifests) -> Iterator[str]:
    """The entrance cuts no file: how large it is and how long it takes is the gateway's to say."""
    for name, one in manifests.of("HTTPRoute").items():
        for rule in one["spec"]["rules"]:
            if "backendRefs" in rule:
                yield from differs(
                    f"{name} ends after", rule.get("timeouts"), {"request": "0s", "backendRequest": "0s"}
                )
    for name, one in manifests.of("Ingress").items():
        told = one["metadata"].get("annotations", {})
        yield from differs(f"{name} takes at most", told.get(f"{PASSES_ON}body-size"), "0")
        yield from differs(f"{name} stores what comes", told.get(f"{PASSES_ON}request-buffering"), "off")
        for side in ("read", "send"):
            if int(told.get(f"{PASSES_ON}{side}-timeout", 0)) <= UPLOAD_PATIENCE:
                yield f"{name} is less patient than the gateway: {side}"


@policy
def queues(manifests: Manifests) -> Iterator[str]:
    """Exchanges, queues with their arguments, and bindings as the code declares them."""
    wanted = topology(PREFIX)
    exchanges = {one["spec"]["name"]: one["spec"]["type"] for one in manifests.of("Exchange").values()}
    direct = {wanted.dead, *map(wanted.letters, SERVICES)}
    yield from differs("exchanges", exchanges, {wanted.events: "topic", **dict.fromkeys(direct, "direct")})
    found = {
        one["spec"]["name"]: {"x-queue-type": one["spec"]["type"], **one["spec"].get("arguments", {})}
        for one in manifests.of("Queue").values()
    }
    declared = {wanted.queue(service): wanted.arguments(service) for service in SERVICES}
    declared |= {wanted.dead_queue(service): wanted.dead_arguments() for service in SERVICES}
    yield from sets("queues", set(found), set(declared))
    for name in found.keys() & declared.keys():
        yield from differs(f"queue {name}", found[name], declared[name])
    for one in (*manifests.of("Queue").values(), *manifests.of("Vhost").values()):
        yield from differs(f"{one['metadata']['name']} kept", one["spec"].get("deletionPolicy"), "retain")
    bound = {(spec["source"], spec["routingKey"], spec["destination"]) for spec in specs(manifests, "Binding")}
    ties = {(wanted.events, key, wanted.queue(to)) for to, keys in wanted.subscriptions.items() for key in keys}
    ties |= {(wanted.dead, service, wanted.dead_queue(service)) for service in SERVICES}
    ties |= {(wanted.letters(service), BURIED, wanted.dead_queue(service)) for service in SERVICES}
    ties |= {(wanted.letters(service), AGAIN, wanted.queue(service)) for service in SERVICES}
    yield from sets("bindings", set(map(str, bound)), set(map(str, ties)))
    hosts = {
        spec["vhost"]
        for kind in ("Exchange", "Queue", "Binding", "Permission", "TopicPermission")
        for spec in specs(manifests, kind)
    }
    yield from differs("virtual hosts", hosts, {spec["name"] for spec in specs(manifests, "Vhost")})


def specs(manifests: Manifests, kind: str) -> list[dict[str, Any]]:
    return [one["spec"] for one in manifests.of(kind).values()]


@policy
def rights(manifests: Manifests) -> Iterator[str]:
    """Of the broker's users, by what their expressions do with every name there is."""
    shape = topology(PREFIX)
    names = ["", "amq.default", "amq.topic", shape.events, shape.dead, "xlpse.events", "lpse.eventsx", "lpsexevents"]
    names += [
        name
        for service in SERVICES
        for name in (
            shape.queue(service),
            shape.dead_queue(service),
            shape.letters(service),
            f"{shape.queue(service)}x",
        )
    ]
    keys = [f"{service}.noun.verb.v1" for service in SERVICES] + [f"x{service}.noun.verb.v1" for service in SERVICES]
    found = {spec["userReference"]["name"]: spec["permissions"] for spec in specs(manifests, "Permission")}
    topics = {spec["userReference"]["name"]: spec["permissions"] for spec in specs(manifests, "TopicPermission")}
    users = manifests.of("User")
    others = {"keda"} if manifests.of("ScaledObject") else set()
    for what, there in (("users", set(users)), ("permissions", set(found))):
        yield from sets(what, there, {*SERVICES, OFFICE} | others)
    yield from sets("topic permissions", set(topics), {*SERVICES, OFFICE})
    for user in found.keys() - others:
        own = shape.office() if user == OFFICE else shape.rights(user)
        for right in ("configure", "write", "read"):
            yield from differs(
                f"{user} may {right}", taken(found[user][right], names), taken(getattr(own, right), names)
            )
        if user in topics:
            yield from differs(f"{user} publishes through", topics[user]["exchange"], shape.events)
            yield from differs(f"{user} publishes", taken(topics[user]["write"], keys), taken(own.topics, keys))
    for user in found.keys() & others:
        for right, expression in found[user].items():
            yield from differs(f"{user} may {right}", taken(expression, names[1:]), set())
    for name in users:
        tags = ["monitoring"] if name in others else None
        yield from differs(f"{name} is", users[name]["spec"].get("tags"), tags)
        yield from differs(
            f"{name} proves itself by", users[name]["spec"]["importCredentialsSecret"]["name"], f"{name}-bus"
        )


def taken(expression: str, names: list[str]) -> set[str]:
    return {name for name in names if re.search(expression, name)}


@policy
def databases(manifests: Manifests) -> Iterator[str]:
    """A database and a role for each part that has one, open to nobody else; no person's data in the server's log."""
    owners = {part.name for part in PARTS if part.database}
    roles = {one["metadata"]["name"]: one["spec"] for one in manifests.of("DatabaseRole").values()}
    made = {one["metadata"]["name"]: one["spec"] for one in manifests.of("Database").values()}
    yield from sets("roles", set(roles), owners)
    yield from sets("databases", set(made), owners)
    for name in owners & roles.keys() & made.keys():
        own = f"{PREFIX}_{name}"
        yield from differs(f"role {name}", (roles[name]["name"], roles[name].get("login")), (own, True))
        yield from differs(f"password of {name}", roles[name].get("passwordSecret"), {"name": f"{name}-database"})
        yield from differs(f"database {name}", (made[name]["name"], made[name]["owner"]), (own, own))
        kept = made[name].get("databaseReclaimPolicy"), roles[name].get("databaseRoleReclaimPolicy")
        yield from differs(f"database {name} kept", kept, ("retain", "retain"))
    server = manifests.one("Cluster", "postgres")["spec"]["postgresql"]
    wanted = ["hostssl sameuser all all scram-sha-256", "host all all all reject"]
    yield from differs("who may enter", server.get("pg_hba"), wanted)
    quiet = {"log_error_verbosity": "terse", "log_min_error_statement": "panic"}
    quiet |= {"log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0"}
    yield from differs("the log holds", {name: server["parameters"].get(name) for name in quiet}, quiet)
    most, wanted = int(server["parameters"]["max_connections"]), connections(manifests)
    if most < wanted:
        yield f"{most} connections are too few: at the most there are {wanted}"


def connections(manifests: Manifests) -> int:
    """All pools full: as many processes of each workload as there may be, and one more while it is updated; tender asks the
    database's time through a pool of its own, and each has one for `/health/ready`. Beside them an operator's commands, the
    Jobs, and PostgreSQL's own."""
    pool, asked, others = Settings.model_fields["database_pool"].default, 2, 40
    return others + sum(
        (replicas(manifests, name)[1] + 1) * (pool + 1 + (asked if name.startswith("tender-") else 0))
        for name in SERVING & manifests.ours.keys()
        if name != "gateway-api"
    )


def needed_secrets(name: str, training: bool) -> set[str]:
    if name == OFFICE:
        found = {f"{part.name}-database/{key}" for part in PARTS if part.database for key in ("username", "password")}
        found |= {"office-bus/username", "office-bus/password", "documents-objects/key", "documents-objects/secret"}
        return found | ({"latihan-accounts"} if training else set())
    part = next(part for part in PARTS if part.name == name.partition("-")[0])
    found = {f"{part.name}-database/{key}" for key in ("username", "password")} if part.database else set()
    if name not in SERVING:
        return found | ({"latihan-accounts"} if name.endswith("-seed") else set())
    found |= {f"{part.name}-bus/{key}" for key in ("username", "password")} if part.database else set()
    found |= {f"{part.name}-objects/{key}" for key in ("key", "secret")} if part.bucket else set()
    return found | ({f"{part.name}-keys"} if part.purposes else set())


def secrets_of(workload: Workload) -> set[str]:
    found = {volume["secret"]["secretName"] for volume in workload.pod["volumes"] if "secret" in volume}
    for container in workload.containers:
        for one in container.get("env", []):
            if "secretKeyRef" in one.get("valueFrom", {}):
                ref = one["valueFrom"]["secretKeyRef"]
                found.add(f"{ref['name']}/{ref['key']}")
        found |= {source["secretRef"]["name"] for source in container.get("envFrom", []) if "secretRef" in source}
    return found


@policy
def secrets(manifests: Manifests) -> Iterator[str]:
    """Each workload sees its own Secrets and no other; none stands in the manifests; the vault has them all."""
    for name, workload in manifests.ours.items():
        yield from sets(f"secrets of {name}", secrets_of(workload), needed_secrets(name, training(manifests)))
    if "objects" in manifests.workloads:
        yield from sets("secrets of objects", secrets_of(manifests.workloads["objects"]), {"objects-identities"})
    if "backup-documents" in manifests.workloads:
        keys = {f"{name}/{key}" for name in ("backup-objects", "offsite-documents") for key in ("key", "secret")}
        yield from sets("secrets of the copy", secrets_of(manifests.workloads["backup-documents"]), keys)
    yield from (f"the Secret {name} stands in the manifests" for name in manifests.of("Secret"))
    vault = manifests.of("ExternalSecret")
    if vault:
        asked = {ref.partition("/")[0] for workload in manifests.workloads.values() for ref in secrets_of(workload)}
        asked |= {spec["importCredentialsSecret"]["name"] for spec in specs(manifests, "User")}
        asked |= {
            spec["passwordSecret"]["name"] for spec in specs(manifests, "DatabaseRole") if "passwordSecret" in spec
        }
        asked |= {one["name"] for spec in specs(manifests, "TriggerAuthentication") for one in spec["secretTargetRef"]}
        for spec in specs(manifests, "ObjectStore"):
            asked |= {one["name"] for one in spec["configuration"]["s3Credentials"].values()}
        yield from sets("the vault", {one["spec"]["target"]["name"] for one in vault.values()}, asked)


@policy
def keys(manifests: Manifests) -> Iterator[str]:
    """Private keys of those who sign, for their eyes; the public ones of all for all."""
    signing = {part.name for part in PARTS if part.purposes}
    for name in (SERVING | {OFFICE}) & manifests.ours.keys():
        workload = manifests.ours[name]
        volumes = {volume["name"]: volume for volume in workload.pod["volumes"]}
        mounts = {one["mountPath"]: one for one in workload.main["volumeMounts"]}
        told = dict(manifests.environment(workload.main))
        public = mounts.get(str(told.get("LPSE_JWKS")).rpartition("/")[0], {})
        yield from differs(
            f"{name} public keys", volumes.get(public.get("name", ""), {}).get("configMap"), {"name": "lpse-jwks"}
        )
        private = mounts.get(str(told.get("LPSE_KEYS")), {})
        kept = volumes.get(private.get("name", ""), {}).get("secret")
        wanted = {"secretName": f"{workload.part}-keys", "defaultMode": 0o440} if workload.part in signing else None
        yield from differs(f"{name} private keys", kept, wanted)
        yield from (f"{name} may write its keys" for one in (public, private) if one and not one.get("readOnly"))


@policy
def accounts_of_training(manifests: Manifests) -> Iterator[str]:
    """Where whoever is told of their file finds it, and may only read it."""
    for name, workload in manifests.ours.items():
        told = dict(manifests.environment(workload.main)).get("LPSE_TRAINING")
        if told is None:
            continue
        mount = next((one for one in workload.main["volumeMounts"] if f"{one['mountPath']}/training.json" == told), {})
        kept = {volume["name"]: volume.get("secret") for volume in workload.pod["volumes"]}.get(mount.get("name", ""))
        wanted = {"secretName": "latihan-accounts", "defaultMode": 0o440}
        yield from differs(f"{name} accounts", (kept, mount.get("readOnly")), (wanted, True))


def reads(name: str) -> type[Settings | GatewaySettings | OfficeSettings]:
    return {"gateway-api": GatewaySettings, OFFICE: OfficeSettings}.get(name, Settings)


OBJECTS = {"objects", "objects_key", "objects_secret"}
ALONE = {"upgrade": {"database"}, "wait": {"database"}, "seed": {"database", "profile", "training"}}
"""What `lpse db` reads."""


@policy
def environment(manifests: Manifests) -> Iterator[str]:
    """Each process gets the settings it needs and none that it does not read, and would start with them."""
    for name, workload in manifests.ours.items():
        model = reads(name)
        bucket = any(part.bucket for part in PARTS if part.name == workload.part)
        known = set(model.model_fields) - (OBJECTS if model is Settings and not bucket else set())
        needs = {field for field, info in model.model_fields.items() if info.is_required()} | {"instance", "profile"}
        needs |= {"upstreams", "public_url", "trusted_proxies"} if model is GatewaySettings else {"prefix"}
        needs |= OBJECTS if bucket else set()
        needs |= {"public_url"} if name == OFFICE else set()
        needs |= {"training"} if name == OFFICE and training(manifests) else set()
        known |= set(TelemetrySettings.model_fields) if name == OFFICE else set()
        for container in workload.containers:
            told = manifests.environment(container)
            yield from (f"{name} {container['name']}: {wrong}" for wrong in unknown_references(told))
            given = {variable.removeprefix("LPSE_").lower() for variable, _ in told if variable.startswith("LPSE_")}
            if container.get("args", [""])[0] == "db":
                yield from sets(f"{name} {container['name']}", given, ALONE[container["args"][1]])
            else:
                yield from (f"{name} lacks LPSE_{field.upper()}" for field in sorted(needs - given))
                yield from (f"{name} does not read LPSE_{field.upper()}" for field in sorted(given - known))
                yield from would_start(name, model, told)
        waits = [["db", "wait", workload.part]] if starts_after_migration(name) else []
        yield from differs(f"{name} waits", [one["args"] for one in workload.pod.get("initContainers", [])], waits)


def starts_after_migration(name: str) -> bool:
    return name.endswith("-seed") or (name in SERVING and reads(name) is Settings)


def unknown_references(told: list[tuple[str, str | None]]) -> Iterator[str]:
    """Kubernetes puts in only what stands before; what has no LPSE_ is there to be put in."""
    before: set[str] = set()
    used: set[str] = set()
    for variable, value in told:
        asked = set(re.findall(r"\$\((\w+)\)", value or ""))
        yield from (f"{variable} names {one}, which does not stand before it" for one in sorted(asked - before))
        used |= asked
        before.add(variable)
    yield from (f"nobody reads {one}" for one in sorted(before - used) if not one.startswith("LPSE_"))


def would_start(
    name: str, model: type[Settings | GatewaySettings | OfficeSettings], told: list[tuple[str, str | None]]
) -> Iterator[str]:
    values: dict[str, str] = {}
    for variable, value in told:
        filled = sha256(variable.encode()).hexdigest()[:20] if value is None else value
        values[variable] = re.sub(r"\$\((\w+)\)", lambda found: values.get(found[1], found[0]), filled)
    try:
        with patch.dict(os.environ, values, clear=True):
            read = model()
    except (ValidationError, SettingsError) as error:
        yield f"{name} would not start: {error}"
        return
    if isinstance(read, GatewaySettings):
        yield from differs("upstreams", read.upstreams, {service: f"http://{service}:{PORT}" for service in SERVICES})
        return
    part = name.partition("-")[0]
    own = (
        {service: f"{service.upper()}_" for service in read.databases}
        if isinstance(read, OfficeSettings)
        else {part: ""}
    )
    addresses = read.databases if isinstance(read, OfficeSettings) else {part: read.database}
    for service, prefix in own.items():
        there = urlsplit(addresses[service].get_secret_value())
        user = values[f"{prefix or 'DATABASE_'}USER"]
        found = (there.username, there.hostname, there.path, there.query)
        yield from differs(f"{name} database of {service}", found, (user, "postgres-rw", f"/{user}", "sslmode=require"))
    bus = urlsplit(read.bus.get_secret_value())
    found = (bus.username, bus.scheme, bus.hostname, bus.port, bus.path)
    yield from differs(f"{name} bus", found, (values["BUS_USER"], "amqp", "rabbitmq", 5672, "/lpse"))
    yield from differs(f"{name} prefix", read.prefix, PREFIX)
    if isinstance(read, OfficeSettings):
        yield from differs(f"{name} gateway", read.gateway, f"http://gateway:{PORT}")


@policy
def profile(manifests: Manifests) -> Iterator[str]:
    """Everybody's is the overlay's, told in one place, but for the Job that must not change with that place."""
    wanted = "latihan" if training(manifests) else "production"
    for name, workload in manifests.ours.items():
        told = dict(manifests.environment(workload.main))
        if not workload.ends or "LPSE_PROFILE" in told:
            yield from differs(f"{name} profile", told.get("LPSE_PROFILE"), wanted)
        if "LPSE_INSTANCE" in told:
            instance = str(told["LPSE_INSTANCE"])
            yield from differs(f"{name} instance", instance.startswith("latihan"), training(manifests))


@policy
def migrations(manifests: Manifests) -> Iterator[str]:
    """A Job cannot be changed: each release's carries its version, and it ends one day. Operators find all of them
    by their label, to wait for them or to delete them."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    yield from differs("version", manifests.version, version)
    limits = {"backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"}
    jobs = {f"{service}-migrate" for service in SERVICES} | ({"registry-seed"} if training(manifests) else set())
    for name in sorted(jobs):
        job = manifests.of("Job").get(f"{name}-{version}", {"metadata": {}, "spec": {}})
        yield from (f"{name} has no {field}" for field in sorted(limits - job["spec"].keys()))
        kind = job["metadata"].get("labels", {}).get(COMPONENT)
        yield from differs(f"{name} is found by", kind, name.rpartition("-")[2])


@policy
def scaling(manifests: Manifests) -> Iterator[str]:
    """In a city, workers by the length of their own queue over HTTP, never fewer than one."""
    found = manifests.of("ScaledObject")
    wanted = {f"{service}-worker" for service in SERVICES} if manifests.overlay == "city" else set()
    yield from sets("scaled", set(found), wanted)
    (own,) = manifests.of("Namespace")
    for name in found.keys() & wanted:
        spec = found[name]["spec"]
        service = name.removesuffix("-worker")
        yield from differs(f"{name} scales", spec["scaleTargetRef"]["name"], name)
        if spec["minReplicaCount"] < 1 or "replicas" in manifests.ours[name].object["spec"]:
            yield f"{name} may be put to nothing, or has two masters"
        looked = [
            {key: one["metadata"].get(key) for key in ("protocol", "host", "vhostName", "queueName", "mode")}
            for one in spec["triggers"]
        ]
        queue = topology(PREFIX).queue(service)
        wants = {
            "protocol": "http",
            "host": f"http://rabbitmq.{own}.svc:15672",
            "vhostName": PREFIX,
            "queueName": queue,
            "mode": "QueueLength",
        }
        yield from differs(f"{name} looks at", looked, [wants])
        if spec["triggers"][0]["authenticationRef"]["name"] not in manifests.of("TriggerAuthentication"):
            yield f"{name} has no way to ask"


@policy
def load(manifests: Manifests) -> Iterator[str]:
    """In a city, every API by the load of its processor, and by nothing else."""
    found = manifests.of("HorizontalPodAutoscaler")
    apis = {name for name in SERVING if name.endswith("-api")} if manifests.overlay == "city" else set()
    yield from sets("scaled by load", set(found), apis)
    for name in found.keys() & apis & manifests.ours.keys():
        spec = found[name]["spec"]
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        yield from differs(f"{name} scales", spec["scaleTargetRef"], target)
        if not 2 <= spec.get("minReplicas", 1) < spec["maxReplicas"]:
            yield f"{name} may fall to one, or cannot grow"
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
        yield from differs(f"{name} grows by", spec.get("metrics"), [{"type": "Resource", "resource": cpu}])
        if "replicas" in manifests.ours[name].object["spec"]:
            yield f"{name} has two masters"


@policy
def store(manifests: Manifests) -> Iterator[str]:
    """The bucket of every part that has one is made before it is needed, its writes reach the disk, and what was never finished goes."""
    orders = str(manifests.workloads["objects-bucket"].main["args"]) if "objects-bucket" in manifests.workloads else ""
    for part in PARTS:
        if part.bucket:
            bucket = f"{PREFIX}-{part.bucket}"
            made = f"s3.bucket.create -name {bucket}", f"s3.bucket.versioning -name {bucket} -enable"
            yield from (
                f"the bucket {bucket} lacks {order}"
                for order in (*made, f"-locationPrefix=/buckets/{bucket}/ -fsync -apply")
                if order not in orders
            )
            seen = manifests.workloads["objects"].main["args"] if "objects" in manifests.workloads else []
            yield from (
                f"the store lacks {flag}"
                for flag in ("-s3.autoCreateBucket=false", "-master.telemetry=false")
                if flag not in seen
            )
    nightly = manifests.workloads.get("objects-unfinished")
    if nightly is None or "s3.clean.uploads -timeAgo=48h" not in str(nightly.main["args"]):
        yield "nobody forgets what was begun and never finished"
    versions = {one.main["image"] for one in manifests.workloads.values() if one.part == "objects"}
    yield from differs("versions of the store and of who gives it orders", len(versions), 1)
    claims = (
        manifests.workloads["objects"].object["spec"].get("volumeClaimTemplates", [])
        if "objects" in manifests.workloads
        else []
    )
    yield from differs("the store keeps", [one["metadata"]["name"] for one in claims], ["data"])


PLUGIN = "barman-cloud.cloudnative-pg.io"


@policy
def backups(manifests: Manifests) -> Iterator[str]:
    """In a city, everything is copied to another site: the databases with their log, the bytes of each part that has some."""
    if manifests.overlay != "city":
        return
    places = {name: one["spec"]["configuration"] for name, one in manifests.of("ObjectStore").items()}
    plugins = {one["name"]: one for one in manifests.one("Cluster", "postgres")["spec"].get("plugins", [])}
    archive = plugins.get(PLUGIN, {})
    yield from differs("the database's log is copied", archive.get("isWALArchiver"), True)
    yield from differs("the databases' place", {archive.get("parameters", {}).get("barmanObjectName")}, set(places))
    yield from differs(
        "copies of the databases are kept",
        [one.get("retentionPolicy") for one in specs(manifests, "ObjectStore")],
        ["30d"],
    )
    yield from differs(
        "whole copies are made of",
        [
            (one["cluster"]["name"], one["method"], one["pluginConfiguration"]["name"])
            for one in specs(manifests, "ScheduledBackup")
        ],
        [("postgres", "plugin", PLUGIN)],
    )
    ends = [one["endpointURL"] for one in places.values()]
    for part in PARTS:
        if part.bucket:
            yield from copies(manifests, f"{PREFIX}-{part.bucket}", f"backup-{part.name}", ends)
    for end in ends:
        url = urlsplit(end)
        if url.scheme != "https" or "." not in str(url.hostname) or str(url.hostname).endswith(".invalid"):
            yield f"{end} is no other site"


def copies(manifests: Manifests, bucket: str, name: str, ends: list[str]) -> Iterator[str]:
    """To the same site, without a word that could change or delete what lies there."""
    if name not in manifests.workloads:
        yield f"nobody copies {bucket}"
        return
    workload = manifests.workloads[name]
    order, source, target, *flags = workload.main["args"]
    told = dict(manifests.environment(workload.main))
    yield from differs(f"{name} does", order, "copy")
    yield from sets(
        f"{name}", {flag for flag in flags if flag.startswith("--immu") or "delete" in flag}, {"--immutable"}
    )
    for what, (remote, _, there), wanted, end in (
        ("from", source.partition(":"), bucket, ["http://objects:8333"]),
        ("to", target.partition(":"), "openlpse-documents", ends),
    ):
        yield from differs(f"{name} copies {what}", there, wanted)
        yield from differs(f"{name} copies {what}", [told.get(f"RCLONE_CONFIG_{remote.upper()}_ENDPOINT")], end)
    yield from differs(f"{name} beside itself", workload.object["spec"].get("concurrencyPolicy"), "Forbid")
