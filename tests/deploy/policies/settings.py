"""What each process is told, and which Secrets and keys it sees."""

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from unittest.mock import patch
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import SettingsError

from cli.installation import OfficeSettings
from cli.system import PARTS
from kit.settings import GatewaySettings, Settings, TelemetrySettings
from services import SERVICES
from tests.deploy.manifests import OFFICE, Manifests, Workload
from tests.deploy.policies.asking import PORT, PREFIX, SERVING, differs, policy, sets, specs, training


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
def files_of_the_log(manifests: Manifests) -> Iterator[str]:
    """In a city witnesses see the log, and whoever checks it or prints a receipt finds whom to believe."""
    both = {"LPSE_LOG_POLICY": "policy", "LPSE_TRUST_ROOT": "trust-root"}
    readers = {"audit-api": both, "audit-worker": both, "documents-api": {"LPSE_TRUST_ROOT": "trust-root"}}
    for name, files in readers.items():
        workload = manifests.ours[name]
        told = dict(manifests.environment(workload.main))
        wanted = files if manifests.overlay == "city" else {}
        mounts = {one["mountPath"]: one for one in workload.main["volumeMounts"]}
        volumes = {volume["name"]: volume.get("configMap") for volume in workload.pod["volumes"]}
        for variable, file in wanted.items():
            folder, _, last = str(told.get(variable)).rpartition("/")
            mount = mounts.get(folder, {})
            yield from differs(f"{name} {variable}", last, file)
            yield from differs(f"{name} {variable}", volumes.get(mount.get("name", "")), {"name": "lpse-log"})
            yield from (f"{name} may write {variable}" for _ in [1] if mount and not mount.get("readOnly"))


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
