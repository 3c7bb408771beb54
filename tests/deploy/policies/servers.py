"""What the servers hold for the services: databases, queues, a bucket, and their copies."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from cli.system import PARTS
from cli.wiring import topology
from kit.bus.topology import AGAIN, BURIED
from kit.settings import Settings
from services import SERVICES
from tests.deploy.manifests import OFFICE, Manifests
from tests.deploy.policies.asking import PREFIX, SERVING, differs, policy, replicas, sets, specs


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
def store(manifests: Manifests) -> Iterator[str]:
    """The bucket of every part that has one is made before it is needed, its writes reach the disk, and what was never finished goes."""
    orders = str(manifests.workloads["objects-bucket"].main["args"]) if "objects-bucket" in manifests.workloads else ""
    done = ("s3.bucket.create -name $bucket", "s3.bucket.versioning -name $bucket -enable")
    for order in (*done, "-locationPrefix=/buckets/$bucket/ -fsync -apply"):
        if order not in orders:
            yield f"the buckets lack {order}"
    for part in PARTS:
        if part.bucket:
            bucket = f"{PREFIX}-{part.bucket}"
            if not re.search(rf"for bucket in [^;]*\b{bucket}\b", orders):
                yield f"nobody makes the bucket {bucket}"
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
        if part.bucket and part.copied:
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
