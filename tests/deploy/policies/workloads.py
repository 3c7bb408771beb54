"""What runs: which workloads, as whom, how they begin, grow, move and end."""

import re
import tomllib
from collections.abc import Iterator

from cli.serving import DRAIN_SECONDS
from cli.system import PARTS
from cli.wiring import topology
from services import SERVICES
from tests.deploy.manifests import OFFICE, ROOT, Manifests
from tests.deploy.policies.asking import (
    COMPONENT,
    PORT,
    PREFIX,
    SERVING,
    differs,
    matches,
    pods_of,
    policy,
    replicas,
    sets,
    training,
)

__all__ = ["WAITS"]

WAITS = ["sh", "-c", 'trap "exit 0" TERM; sleep infinity & wait']
"""What the office does while nobody types (test_image.py stops it)."""


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
