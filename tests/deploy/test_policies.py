"""Every overlay holds every policy; and each policy notices when what it asks for is taken away."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.manifests import Manifests
from tests.deploy.policies import POLICIES, Policy
from tests.deploy.removals import removals
from tests.deploy.schemas import VERSIONS, complaints


@pytest.mark.parametrize("name", POLICIES)
def test_policy_holds(manifests: Manifests, name: str) -> None:
    assert list(POLICIES[name](manifests)) == []


Change = Callable[[Manifests], Any]


def pod(manifests: Manifests, name: str) -> dict[str, Any]:
    """To be changed."""
    above = manifests.workloads[name].object["spec"]
    found: dict[str, Any] = above.get("jobTemplate", {"spec": above})["spec"]["template"]["spec"]
    return found


def main(manifests: Manifests, name: str) -> dict[str, Any]:
    found: dict[str, Any] = pod(manifests, name)["containers"][0]
    return found


def spec(manifests: Manifests, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = manifests.one(kind, name)["spec"]
    return found


def without(items: list[dict[str, Any]], name: str) -> None:
    items[:] = [one for one in items if one["name"] != name]


def config(manifests: Manifests, beginning: str) -> dict[str, str]:
    found: dict[str, str] = next(
        one["data"] for name, one in manifests.of("ConfigMap").items() if name.rpartition("-")[0] == beginning
    )
    return found


def swap(container: dict[str, Any], variable: str, value: str) -> None:
    next(one for one in container["env"] if one["name"] == variable)["value"] = value


def annotation(name: str) -> Change:
    return lambda manifests: manifests.one("Ingress", "openlpse")["metadata"]["annotations"].pop(name)


def removed(kind: str, name: str) -> Change:
    return lambda manifests: manifests.remove(kind, name)


TAKEN_AWAY: dict[str, tuple[str, Change]] = {
    "a worker": ("workloads", removed("Deployment", "helpdesk-worker")),
    "an API": ("workloads", removed("Deployment", "registry-api")),
    "what it runs": ("workloads", lambda m: main(m, "tender-worker").update(args=["serve", "tender"])),
    "the digest": ("workloads", lambda m: main(m, "audit-api").update(image="openlpse.invalid/openlpse:latest")),
    "a server's version": ("workloads", lambda m: main(m, "objects").update(image="docker.io/chrislusf/seaweedfs")),
    "not being root": ("security", lambda m: pod(m, "gateway-api")["securityContext"].pop("runAsNonRoot")),
    "the seccomp profile": ("security", lambda m: pod(m, "tender-api")["securityContext"].pop("seccompProfile")),
    "the dropped capabilities": ("security", lambda m: main(m, "tender-api")["securityContext"].pop("capabilities")),
    "the read-only root": ("security", lambda m: main(m, "objects")["securityContext"].pop("readOnlyRootFilesystem")),
    "the init container's context": (
        "security",
        lambda m: pod(m, "tender-api")["initContainers"][0].pop("securityContext"),
    ),
    "being without a token": ("security", lambda m: pod(m, "audit-worker").pop("automountServiceAccountToken")),
    "the size of /tmp": (
        "security",
        lambda m: [one.get("emptyDir", {}).clear() for one in pod(m, "audit-api")["volumes"]],
    ),
    "an account": ("accounts", removed("ServiceAccount", "tender")),
    "an account's being without a token": (
        "accounts",
        lambda m: m.one("ServiceAccount", "tender").pop("automountServiceAccountToken"),
    ),
    "a workload's own account": ("accounts", lambda m: pod(m, "tender-api").update(serviceAccountName="registry")),
    "pod security": (
        "namespace",
        lambda m: m.one("Namespace", "openlpse")["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"),
    ),
    "the namespace": ("namespace", lambda m: m.one("Deployment", "tender-api")["metadata"].update(namespace="default")),
    "the start-up probe": ("probes", lambda m: main(m, "registry-api").pop("startupProbe")),
    "the liveness probe": ("probes", lambda m: main(m, "registry-worker").pop("livenessProbe")),
    "the readiness probe": ("probes", lambda m: main(m, "gateway-api").pop("readinessProbe")),
    "ready's own question": (
        "probes",
        lambda m: main(m, "audit-api")["readinessProbe"]["httpGet"].update(path="/health/live"),
    ),
    "the store's probe": ("probes", lambda m: main(m, "objects").pop("readinessProbe")),
    "the minute to start": ("probes", lambda m: main(m, "audit-api")["startupProbe"].update(failureThreshold=3)),
    "the pause before the end": ("endings", lambda m: main(m, "gateway-api").pop("lifecycle")),
    "the time to finish": ("endings", lambda m: pod(m, "tender-worker").pop("terminationGracePeriodSeconds")),
    "the rolling update": ("endings", lambda m: spec(m, "Deployment", "tender-api").pop("strategy")),
    "a memory limit": ("resources", lambda m: main(m, "documents-api")["resources"].pop("limits")),
    "a request": ("resources", lambda m: main(m, "objects")["resources"]["requests"].pop("cpu")),
    "a budget": ("disruption", removed("PodDisruptionBudget", "tender-worker")),
    "the broker's budget": ("disruption", removed("PodDisruptionBudget", "rabbitmq")),
    "a budget's pods": (
        "disruption",
        lambda m: spec(m, "PodDisruptionBudget", "tender-api")["selector"]["matchLabels"].pop(
            "app.kubernetes.io/component"
        ),
    ),
    "the spread": ("spread", lambda m: pod(m, "tender-api").pop("topologySpreadConstraints")),
    "the spread over machines": ("spread", lambda m: pod(m, "tender-api")["topologySpreadConstraints"].pop(0)),
    "firmness": (
        "spread",
        lambda m: pod(m, "tender-api")["topologySpreadConstraints"][0].update(whenUnsatisfiable="ScheduleAnyway"),
    ),
    "the machines that take nothing": (
        "spread",
        lambda m: pod(m, "tender-api")["topologySpreadConstraints"][0].pop("nodeTaintsPolicy"),
    ),
    "what is being replaced": (
        "spread",
        lambda m: pod(m, "audit-worker")["topologySpreadConstraints"][0].pop("matchLabelKeys"),
    ),
    "the second gateway": ("spread", lambda m: spec(m, "HorizontalPodAutoscaler", "gateway-api").update(minReplicas=1)),
    "an API's growth": ("load", removed("HorizontalPodAutoscaler", "tender-api")),
    "whom it lets grow": (
        "load",
        lambda m: spec(m, "HorizontalPodAutoscaler", "tender-api")["scaleTargetRef"].update(name="audit-api"),
    ),
    "the room to grow": ("load", lambda m: spec(m, "HorizontalPodAutoscaler", "tender-api").update(maxReplicas=2)),
    "the load": ("load", lambda m: spec(m, "HorizontalPodAutoscaler", "tender-api").pop("metrics")),
    "being the only master": ("load", lambda m: spec(m, "Deployment", "tender-api").update(replicas=2)),
    "a copy of the database": ("spread", lambda m: spec(m, "Cluster", "postgres").update(instances=1)),
    "the broker's machines": ("spread", lambda m: spec(m, "RabbitmqCluster", "rabbitmq").pop("affinity")),
    "the denial": ("network", removed("NetworkPolicy", "default-deny")),
    "names": ("network", removed("NetworkPolicy", "names")),
    "a service's policy": ("network", removed("NetworkPolicy", "audit")),
    "the database's policy": ("network", removed("NetworkPolicy", "postgres")),
    "the broker's policy": ("network", removed("NetworkPolicy", "rabbitmq")),
    "the store's policy": ("network", removed("NetworkPolicy", "objects")),
    "the way to the store": ("network", lambda m: spec(m, "NetworkPolicy", "documents")["egress"].pop()),
    "who may come to a service": (
        "network",
        lambda m: spec(m, "NetworkPolicy", "tender")["ingress"][0]["from"][0].update(podSelector={}),
    ),
    "who may come in": ("borders", lambda m: spec(m, "NetworkPolicy", "gateway")["ingress"][0].pop("from")),
    "a door": ("doors", removed("Service", "tender")),
    "a door's pods": ("doors", lambda m: spec(m, "Service", "tender")["selector"].pop("app.kubernetes.io/component")),
    "the way in": ("entrance", removed("HTTPRoute", "openlpse")),
    "the issuer's way in": ("borders", removed("NetworkPolicy", "acme")),
    "the way without TLS": ("entrance", lambda m: spec(m, "Gateway", "openlpse")["listeners"].pop()),
    "the sending on to TLS": ("entrance", removed("HTTPRoute", "openlpse-http")),
    "the portal's staying behind TLS": (
        "entrance",
        lambda m: spec(m, "HTTPRoute", "openlpse")["parentRefs"][0].pop("sectionName"),
    ),
    "the certificate": ("entrance", removed("Certificate", "openlpse")),
    "the gateway as the only way in": (
        "entrance",
        lambda m: spec(m, "HTTPRoute", "openlpse")["rules"][0]["backendRefs"][0].update(name="registry"),
    ),
    "the patience with a slow line": (
        "patience",
        lambda m: spec(m, "HTTPRoute", "openlpse")["rules"][0].pop("timeouts"),
    ),
    "the store's door": ("doors", removed("Service", "objects")),
    "the store's inner doors": ("doors", lambda m: spec(m, "Service", "objects-inner")["ports"].pop()),
    "a policy's pods": (
        "borders",
        lambda m: spec(m, "NetworkPolicy", "audit")["podSelector"]["matchLabels"].update(
            {"app.kubernetes.io/name": "x"}
        ),
    ),
    "the operator's way to the database": (
        "borders",
        lambda m: spec(m, "NetworkPolicy", "postgres")["ingress"].pop(),
    ),
    "who measures": ("borders", removed("NetworkPolicy", "postgres-metrics")),
    "where measures go": ("measures", lambda m: config(m, "lpse").pop("LPSE_OTLP")),
    "the measures of a server": ("measures", removed("PodMonitor", "rabbitmq")),
    "the settings": (
        "references",
        lambda m: m.objects.remove(next(one for one in m.objects if one["kind"] == "ConfigMap")),
    ),
    "the broker": ("references", removed("RabbitmqCluster", "rabbitmq")),
    "the store's identities": ("secrets", lambda m: without(pod(m, "objects")["volumes"], "identities")),
    "a queue": ("queues", removed("Queue", "helpdesk-queue")),
    "a dead letters' queue": ("queues", removed("Queue", "helpdesk-dead")),
    "an argument": ("queues", lambda m: spec(m, "Queue", "tender-queue")["arguments"].pop("x-overflow")),
    "a queue's keeping": ("queues", lambda m: spec(m, "Queue", "tender-queue").pop("deletionPolicy")),
    "an exchange": ("queues", removed("Exchange", "dead")),
    "a subscription": ("queues", removed("Binding", "audit.everything")),
    "the way to the dead": ("queues", removed("Binding", "tender-dead")),
    "the way back": ("queues", removed("Binding", "tender-returned")),
    "its own ways": ("queues", removed("Exchange", "tender-letters")),
    "a user": ("rights", removed("User", "documents")),
    "a permission": ("rights", removed("Permission", "documents")),
    "the limit of what it reads": (
        "rights",
        lambda m: spec(m, "Permission", "tender")["permissions"].update(read="^lpse[.]"),
    ),
    "the limit of what it writes": (
        "rights",
        lambda m: spec(m, "Permission", "tender")["permissions"].update(write=".*"),
    ),
    "the limit of what it declares": (
        "rights",
        lambda m: spec(m, "Permission", "tender")["permissions"].update(configure=".*"),
    ),
    "the limit of what it tells": ("rights", removed("TopicPermission", "tender")),
    "whose events it tells": (
        "rights",
        lambda m: spec(m, "TopicPermission", "tender")["permissions"].update(write=".*"),
    ),
    "the reader's blindness": ("rights", lambda m: spec(m, "Permission", "keda")["permissions"].update(read=".*")),
    "a database": ("databases", removed("Database", "helpdesk")),
    "a role": ("databases", removed("DatabaseRole", "helpdesk")),
    "a role's password": ("databases", lambda m: spec(m, "DatabaseRole", "tender").pop("passwordSecret")),
    "a database's owner": ("databases", lambda m: spec(m, "Database", "tender").update(owner="lpse_registry")),
    "the walls between databases": ("databases", lambda m: spec(m, "Cluster", "postgres")["postgresql"].pop("pg_hba")),
    "the log's silence": (
        "databases",
        lambda m: spec(m, "Cluster", "postgres")["postgresql"]["parameters"].pop("log_error_verbosity"),
    ),
    "connections": (
        "databases",
        lambda m: spec(m, "Cluster", "postgres")["postgresql"]["parameters"].update(max_connections="300"),
    ),
    "connections for the most there may be": (
        "databases",
        lambda m: spec(m, "HorizontalPodAutoscaler", "audit-api").update(maxReplicas=20),
    ),
    "a secret": ("secrets", lambda m: without(main(m, "tender-api")["env"], "BUS_PASSWORD")),
    "the keys": ("secrets", lambda m: without(pod(m, "tender-api")["volumes"], "keys")),
    "whose secret it is": (
        "secrets",
        lambda m: main(m, "tender-api")["env"].append(
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "registry-database", "key": "password"}}}
        ),
    ),
    "a secret of the vault": ("secrets", removed("ExternalSecret", "gateway-keys")),
    "the private keys' place": ("keys", lambda m: without(main(m, "gateway-api")["volumeMounts"], "keys")),
    "the public keys": ("keys", lambda m: without(pod(m, "audit-worker")["volumes"], "jwks")),
    "the private keys' mode": (
        "keys",
        lambda m: [one["secret"].pop("defaultMode") for one in pod(m, "tender-api")["volumes"] if "secret" in one],
    ),
    "a variable": ("environment", lambda m: without(main(m, "audit-worker")["env"], "LPSE_BUS")),
    "the prefix": ("environment", lambda m: without(main(m, "audit-worker")["env"], "LPSE_PREFIX")),
    "the store's address": ("environment", lambda m: without(main(m, "documents-api")["env"], "LPSE_OBJECTS")),
    "the policy of the log": ("files_of_the_log", lambda m: without(main(m, "audit-worker")["env"], "LPSE_LOG_POLICY")),
    "the root of trust": ("files_of_the_log", lambda m: without(main(m, "audit-api")["env"], "LPSE_TRUST_ROOT")),
    "whom to believe in print": (
        "files_of_the_log",
        lambda m: without(main(m, "documents-api")["env"], "LPSE_TRUST_ROOT"),
    ),
    "what others lack": (
        "environment",
        lambda m: main(m, "helpdesk-api")["env"].append({"name": "LPSE_OBJECTS", "value": "http://objects:8333"}),
    ),
    "a setting that somebody reads": (
        "environment",
        lambda m: main(m, "audit-api")["env"].append({"name": "LPSE_PREFIKS", "value": "x"}),
    ),
    "the order": ("environment", lambda m: main(m, "audit-api")["env"].reverse()),
    "the instance": ("environment", lambda m: config(m, "lpse").pop("LPSE_INSTANCE")),
    "the public address": (
        "environment",
        lambda m: config(m, "lpse-gateway").update(LPSE_PUBLIC_URL="http://lpse.example"),
    ),
    "a service's address": (
        "environment",
        lambda m: config(m, "lpse-gateway").update(LPSE_UPSTREAMS='{"registry": "http://registry:8000"}'),
    ),
    "the encryption to the database": (
        "environment",
        lambda m: swap(
            main(m, "audit-api"),
            "LPSE_DATABASE",
            "postgresql://$(DATABASE_USER):$(DATABASE_PASSWORD)@postgres-rw:5432/$(DATABASE_USER)",
        ),
    ),
    "the waiting": ("environment", lambda m: pod(m, "tender-worker").pop("initContainers")),
    "the migration's address": ("environment", lambda m: main(m, "tender-migrate").pop("env")),
    "production": ("profile", lambda m: config(m, "lpse").update(LPSE_PROFILE="latihan")),
    "the office": ("workloads", removed("Deployment", "office")),
    "the office's being empty": ("workloads", lambda m: spec(m, "Deployment", "office").update(replicas=1)),
    "the office's waiting": ("workloads", lambda m: main(m, "office").update(args=["sleep infinity"])),
    "the office's way to a database": ("network", lambda m: spec(m, "NetworkPolicy", "office")["egress"].pop(0)),
    "a server's opening to the office": ("network", removed("NetworkPolicy", "rabbitmq-office")),
    "nobody's coming into the office": (
        "network",
        lambda m: spec(m, "NetworkPolicy", "office").update(
            ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 8000}]}]
        ),
    ),
    "the office's user": ("rights", removed("User", "office")),
    "the office's silence": ("rights", removed("TopicPermission", "office")),
    "what the office reads": (
        "rights",
        lambda m: spec(m, "Permission", "office")["permissions"].update(read="^lpse[.]"),
    ),
    "one database of the office": (
        "environment",
        lambda m: swap(
            main(m, "office"), "LPSE_DATABASES", '{"registry": "postgresql://$(REGISTRY_USER)@postgres-rw"}'
        ),
    ),
    "whose password the office uses": (
        "environment",
        lambda m: swap(
            main(m, "office"),
            "LPSE_DATABASES",
            next(one["value"] for one in main(m, "office")["env"] if one["name"] == "LPSE_DATABASES").replace(
                "TENDER_USER", "AUDIT_USER"
            ),
        ),
    ),
    "the name under which the office asks": (
        "environment",
        lambda m: without(main(m, "office")["env"], "LPSE_PUBLIC_URL"),
    ),
    "the office's public keys": ("keys", lambda m: without(pod(m, "office")["volumes"], "jwks")),
    "a migration": ("migrations", removed("Job", "tender-migrate-0.1.0")),
    "a migration's end": (
        "migrations",
        lambda m: spec(m, "Job", "tender-migrate-0.1.0").pop("ttlSecondsAfterFinished"),
    ),
    "a migration's label": (
        "migrations",
        lambda m: m.one("Job", "tender-migrate-0.1.0")["metadata"]["labels"].pop("app.kubernetes.io/component"),
    ),
    "a worker's scale": ("scaling", removed("ScaledObject", "audit-worker")),
    "the right queue": (
        "scaling",
        lambda m: spec(m, "ScaledObject", "audit-worker")["triggers"][0]["metadata"].update(queueName="lpse.tender"),
    ),
    "HTTP": (
        "scaling",
        lambda m: spec(m, "ScaledObject", "audit-worker")["triggers"][0]["metadata"].update(protocol="amqp"),
    ),
    "the last worker": ("scaling", lambda m: spec(m, "ScaledObject", "audit-worker").update(minReplicaCount=0)),
    "the copy of the log": ("backups", lambda m: spec(m, "Cluster", "postgres").pop("plugins")),
    "the copy of the databases": ("backups", removed("ScheduledBackup", "nightly")),
    "the other site": ("backups", removed("ObjectStore", "offsite")),
    "its being another": (
        "backups",
        lambda m: spec(m, "ObjectStore", "offsite")["configuration"].update(endpointURL="http://objects:8333"),
    ),
    "the copy of the documents": ("backups", removed("CronJob", "backup-documents")),
    "its never deleting": ("backups", lambda m: main(m, "backup-documents")["args"].__setitem__(0, "sync")),
    "its never changing": ("backups", lambda m: main(m, "backup-documents")["args"].remove("--immutable")),
    "what is copied": ("backups", lambda m: main(m, "backup-documents")["args"].__setitem__(1, "here:lpse-x")),
    "the copy's way to the store": ("network", removed("NetworkPolicy", "objects-backup")),
    "the copy's way out": ("borders", lambda m: spec(m, "NetworkPolicy", "backup-documents")["egress"].pop()),
    "the bucket": ("store", removed("Job", "objects-bucket")),
    "the store's one version": (
        "store",
        lambda m: main(m, "objects-unfinished").update(image="docker.io/chrislusf/seaweedfs:4.47"),
    ),
    "the forgetting": ("store", removed("CronJob", "objects-unfinished")),
    "the patience with what is unfinished": (
        "store",
        lambda m: main(m, "objects-unfinished").update(args=["weed shell"]),
    ),
    "the store": ("store", removed("StatefulSet", "objects")),
    "the versions": (
        "store",
        lambda m: main(m, "objects-bucket").update(args=[main(m, "objects-bucket")["args"][0].replace("-enable", "")]),
    ),
    "the disk": (
        "store",
        lambda m: main(m, "objects-bucket").update(args=["weed shell s3.bucket.create -name lpse-documents"]),
    ),
}


TAKEN_FROM_TRAINING: dict[str, tuple[str, Change]] = {
    "the size of a file": ("patience", annotation("nginx.ingress.kubernetes.io/proxy-body-size")),
    "a file's passing through": ("patience", annotation("nginx.ingress.kubernetes.io/proxy-request-buffering")),
    "the patience with an answer": ("patience", annotation("nginx.ingress.kubernetes.io/proxy-read-timeout")),
    "the seeding": ("workloads", removed("Job", "registry-seed-0.1.0")),
    "the seeding's end": ("migrations", lambda m: spec(m, "Job", "registry-seed-0.1.0").pop("activeDeadlineSeconds")),
    "the seeding's waiting": ("environment", lambda m: pod(m, "registry-seed").pop("initContainers")),
    "the seeding's profile": ("profile", lambda m: swap(main(m, "registry-seed"), "LPSE_PROFILE", "production")),
    "the accounts": ("secrets", lambda m: without(pod(m, "registry-seed")["volumes"], "training")),
    "the accounts' place": (
        "accounts_of_training",
        lambda m: swap(main(m, "registry-seed"), "LPSE_TRAINING", "/run/training.json"),
    ),
    "the office's knowing them": ("environment", lambda m: without(main(m, "office")["env"], "LPSE_TRAINING")),
    "the open office": ("workloads", lambda m: spec(m, "Deployment", "office").update(replicas=0)),
}


@pytest.mark.parametrize("what", [*TAKEN_AWAY, *TAKEN_FROM_TRAINING])
def test_it_is_noticed(rendered: dict[str, Manifests], what: str) -> None:
    name, change = (TAKEN_AWAY | TAKEN_FROM_TRAINING)[what]
    changed = rendered["city" if what in TAKEN_AWAY else "latihan"].copy()
    assert list(POLICIES[name](changed)) == []
    change(changed)
    assert list(POLICIES[name](changed)) != []


def test_nothing_can_be_missing_unnoticed(manifests: Manifests) -> None:
    taken = list(removals(manifests))
    assert len(taken) > 200
    missed = [what for what, left, changed in taken if not noticed(left) and not complaints(changed, VERSIONS[0])]
    assert not missed, "\n".join(missed)


def noticed(manifests: Manifests) -> bool:
    return any(said(check, manifests) for check in POLICIES.values())


def said(check: Policy, manifests: Manifests) -> bool:
    """Whether it says what is missing; a policy that cannot do without says nothing."""
    try:
        return any(True for _ in check(manifests))
    except (LookupError, ValueError):
        return False


def test_every_policy_can_fail() -> None:
    assert {name for name, _ in (TAKEN_AWAY | TAKEN_FROM_TRAINING).values()} == set(POLICIES)
