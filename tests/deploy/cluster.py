"""The rendered workloads as pods of podman on this machine, and what podman lacks of Kubernetes: values out of Secrets and ConfigMaps,
Services, readiness, Jobs, scaling, and rolling updates.

PostgreSQL, RabbitMQ and the object store run beside them; their names lead the pods to doors on this machine.
"""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx2
import yaml

from cli.installation import Installation
from tests.deploy.doors import Address, Door, certificate
from tests.deploy.manifests import Manifests, Workload
from tests.deploy.podman import Podman

__all__ = ["Cluster", "Pod"]

USER = 10001
FIRST_DOOR = 200
"""The last number of the first Service's address; pods get theirs from 2 on."""
Secrets = Mapping[str, Mapping[str, str]]


@dataclass
class Pod:
    name: str
    workload: str
    address: str
    ready: bool = False
    seconds: float = 0.0
    """From the order to start it until it was ready."""
    watch: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def container(self) -> str:
        return f"{self.name}-lpse"


class Cluster:
    def __init__(
        self, podman: Podman, manifests: Manifests, installation: Installation, secrets: Secrets, image: str
    ) -> None:
        self.podman, self.manifests, self.installation = podman, manifests, installation
        self.secrets, self.image = secrets, image
        self.pods: list[Pod] = []
        self.network = f"lpse-{uuid4().hex[:8]}"
        self.doors: dict[str, Door] = {}
        self._names: dict[str, str] = {}
        self._made = 0
        self._bridge = ""
        self._one_at_a_time = asyncio.Lock()
        """Pods that are made or removed side by side keep podman 4.3 waiting for ever."""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        try:
            await self.podman("network", "create", self.network)
            self._stack.push_async_callback(self.podman, "network", "rm", self.network)
            network = (await self.podman.told("network", self.network))[0]
            self._bridge = str(network["network_interface"])
            await self._open_doors(str(network["subnets"][0]["subnet"]))
            self._stack.push_async_callback(self._end_pods)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # Names

    async def _open_doors(self, subnet: str) -> None:
        services = {
            name: self._behind(one["spec"]) for name, one in self.manifests.of("Service").items() if self._is_ours(one)
        }
        beside = {"postgres-rw": self.installation.databases["tender"], "rabbitmq": self.installation.bus}
        beside["objects"] = self.installation.objects
        ports = {"postgres-rw": 5432, "rabbitmq": 5672, "objects": 8333}
        for place, name in enumerate([*services, *beside]):
            address = str(ip_network(subnet)[FIRST_DOOR + place])
            _ip("address", "add", f"{address}/32", "dev", "lo")
            self._stack.callback(_ip, "address", "del", f"{address}/32", "dev", "lo")
            self._names[name] = address
            if name in services:
                door = Door((address, 8000), services[name])
            else:
                tls = certificate(self.podman.home, name, address) if name == "postgres-rw" else None
                target = _place(beside[name])
                door = Door((address, ports[name]), lambda target=target: [target], tls)  # type: ignore[misc]
            self.doors[name] = await self._stack.enter_async_context(door)

    def _is_ours(self, service: Mapping[str, Any]) -> bool:
        return any(
            self.manifests.ours[name].serves for name in self._selected(service["spec"]) if name in self.manifests.ours
        )

    def _selected(self, spec: Mapping[str, Any]) -> list[str]:
        wanted = spec.get("selector", {}).items()
        return [name for name, one in self.manifests.workloads.items() if wanted <= one.labels.items()]

    def _behind(self, spec: Mapping[str, Any]) -> Any:
        selected = set(self._selected(spec))
        return lambda: [(pod.address, 8000) for pod in self.pods if pod.ready and pod.workload in selected]

    async def entrance(self, port: int) -> None:
        """What an Ingress is: the gateway's door for those outside."""
        door = Door(("127.0.0.1", port), lambda: [(self._names["gateway"], 8000)])
        await self._stack.enter_async_context(door)

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.installation.databases[service])
        try:
            yield connection
        finally:
            await connection.close()

    # Pods

    async def start(self, workload: str, *, image: str | None = None) -> Pod:
        """One more, which answers when this returns."""
        began = time.monotonic()
        spec = self.manifests.workloads[workload]
        for first in spec.pod.get(
            "initContainers", []
        ):  # podman 4.3 would start them again and again, as the pod itself
            await self._run(spec, first, image or self.image)
        pod = await self._play(spec, spec.main, image or self.image, "Always")
        self.pods.append(pod)
        pod.watch = asyncio.create_task(self._watch(pod))
        async with asyncio.timeout(120):
            while not pod.ready:
                await asyncio.sleep(0.05)
        pod.seconds = time.monotonic() - began
        return pod

    async def scale(self, workload: str, count: int) -> None:
        have = self.of(workload)
        await asyncio.gather(*(self.start(workload) for _ in range(count - len(have))))
        await asyncio.gather(*(self.end(pod) for pod in have[count:]))

    async def run(self, job: str, *, image: str | None = None) -> None:
        """To its end, which must be a good one."""
        spec = self.manifests.workloads[job]
        await self._run(spec, spec.main, image or self.image)

    async def _run(self, workload: Workload, container: Mapping[str, Any], image: str) -> None:
        pod = await self._play(workload, container, image, "Never")
        code = await self.podman("wait", pod.container, seconds=600)
        said = await self.podman.logs(pod.container)
        await self._remove(pod)
        assert code == "0", f"{pod.name} ended with {code}: {said}"

    async def update(self, service: str, image: str) -> None:
        """To another image, as `kubectl apply` does: the Job that migrates and the new pods at once; these wait for it."""
        jobs = [self.run(f"{service}-migrate", image=image)]
        jobs += [self._roll(f"{service}-{role}", image) for role in ("api", "worker")]
        async with asyncio.TaskGroup() as everything:
            for job in jobs:
                everything.create_task(job)

    async def _roll(self, workload: str, image: str) -> None:
        """`maxSurge: 1, maxUnavailable: 0`: each leaves when a new one is ready in its place."""
        for old in self.of(workload):
            await self.start(workload, image=image)
            await self.end(old)

    async def end(self, pod: Pod) -> None:
        """Forgotten by its Service at the same time as it is told to end: first the preStop pause, then SIGTERM."""
        pod.ready = False
        self.pods.remove(pod)
        if pod.watch:
            pod.watch.cancel()
        spec = self.manifests.workloads[pod.workload]
        await asyncio.sleep(spec.main["lifecycle"]["preStop"]["sleep"]["seconds"])
        # the container alone: with its pod its network would go, before it has said good-bye
        await self.podman("stop", "--time", str(spec.pod["terminationGracePeriodSeconds"]), pod.container)
        state = (await self.podman.told("container", pod.container))[0]["State"]
        await self._remove(pod)
        assert state["ExitCode"] == 0, f"{pod.name} ended with {state['ExitCode']}"

    async def kill(self, pod: Pod) -> None:
        """As a crash; podman starts it again, as the kubelet would."""
        state = (await self.podman.told("container", pod.container))[0]["State"]
        os.kill(int(state["Pid"]), 9)

    async def restarts(self, pod: Pod) -> int:
        return int((await self.podman.told("container", pod.container))[0]["RestartCount"])

    def of(self, workload: str) -> list[Pod]:
        return [pod for pod in self.pods if pod.workload == workload]

    async def _play(self, workload: Workload, container: Mapping[str, Any], image: str, restart: str) -> Pod:
        self._made += 1
        name = f"{workload.name}-{self._made}"
        file = self.podman.home / f"{name}.yaml"
        spec = _Spec(self.manifests, self.secrets, self.podman.home / name, self._names).of(
            workload, container, image, restart
        )
        file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}))
        async with self._one_at_a_time:
            await self.podman("kube", "play", "--network", self.network, str(file), seconds=300)
            self._keep_the_bridge()
        infra = (await self.podman.told("pod", name))["InfraContainerID"]
        networks = (await self.podman.told("container", infra))[0]["NetworkSettings"]["Networks"]
        return Pod(name, workload.name, networks[self.network]["IPAddress"])

    def _keep_the_bridge(self) -> None:
        """Its hardware address given by us, as plugins of Kubernetes do.

        By itself a bridge takes the lowest of its members': when that pod ends, what the others send goes nowhere until they
        ask for the address anew, up to a minute later.
        """
        address = Path(f"/sys/class/net/{self._bridge}/address").read_text().strip()
        _ip("link", "set", "dev", self._bridge, "address", address)

    async def _watch(self, pod: Pod) -> None:
        """Its readiness probe: at once while it starts, then in the probe's rhythm."""
        probe = self.manifests.workloads[pod.workload].main["readinessProbe"]
        failures, started = 0, False
        async with httpx2.AsyncClient(timeout=probe["timeoutSeconds"], trust_env=False, verify=False) as http:
            while True:
                answers = False
                with suppress(httpx2.HTTPError):
                    answers = (
                        await http.get(f"http://{pod.address}:8000{probe['httpGet']['path']}")
                    ).status_code == 200
                started = started or answers
                failures = 0 if answers else failures + 1
                pod.ready = answers or (pod.ready and failures < probe["failureThreshold"])
                await asyncio.sleep(probe["periodSeconds"] if started else 0.1)

    async def _end_pods(self) -> None:
        for pod in self.pods:
            if pod.watch:
                pod.watch.cancel()
        await asyncio.gather(*(self._remove(pod) for pod in self.pods))

    async def _remove(self, pod: Pod) -> None:
        async with self._one_at_a_time:
            await self.podman("pod", "rm", "--force", "--time", "2", pod.name)
            names = await self.podman("volume", "ls", "--quiet", "--filter", f"name={pod.name}-")
            if names:
                await self.podman("volume", "rm", "--force", *names.split())


class _Spec:
    """A pod's description as podman takes it: every value in its place."""

    def __init__(self, manifests: Manifests, secrets: Secrets, home: Path, names: Mapping[str, str]) -> None:
        self._manifests, self._secrets, self._home, self._names = manifests, secrets, home, names

    def of(self, workload: Workload, container: Mapping[str, Any], image: str, restart: str) -> dict[str, Any]:
        pod = workload.pod
        values = [{"name": name, "value": value} for name, value in self._environment(container)]
        mounts = [mount | {"name": f"{self._home.name}-{mount['name']}"} for mount in container["volumeMounts"]]
        # podman runs no probe of a pod, and would take its port on this machine
        kept = {key: container[key] for key in ("args", "securityContext", "resources")}
        made = kept | {"name": "lpse", "image": image, "env": values, "volumeMounts": mounts}
        return {
            "containers": [made],
            "securityContext": pod["securityContext"],
            "restartPolicy": restart,
            "hostAliases": [{"ip": ip, "hostnames": [name]} for name, ip in self._names.items()],
            "volumes": [self._volume(volume) for volume in pod["volumes"]],
        }

    def _environment(self, container: Mapping[str, Any]) -> list[tuple[str, str]]:
        given = {one["name"]: one for one in container.get("env", [])}
        values: dict[str, str] = {}
        for name, plain in self._manifests.environment(container):
            value = self._secret(given[name]) if plain is None else plain
            values[name] = re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], value)
        return list(values.items())

    def _secret(self, variable: Mapping[str, Any]) -> str:
        ref = variable["valueFrom"]["secretKeyRef"]
        return self._secrets[ref["name"]][ref["key"]]

    def _volume(self, volume: Mapping[str, Any]) -> dict[str, Any]:
        name = f"{self._home.name}-{volume['name']}"
        if "emptyDir" in volume:
            return {"name": name, "emptyDir": {}}
        kept = volume.get("secret", {}).get("secretName") or volume["configMap"]["name"]
        mode = volume.get("secret", {}).get("defaultMode", 0o644)
        folder = self._home / volume["name"]
        folder.mkdir(parents=True)
        for file, text in self._secrets[kept].items():
            (folder / file).write_text(text)
            (folder / file).chmod(mode)
            os.chown(folder / file, 0, USER)
        os.chown(folder, 0, USER)
        folder.chmod(0o750)
        return {"name": name, "hostPath": {"path": str(folder), "type": "Directory"}}


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _place(address: str) -> Address:
    found = urlsplit(address)
    return str(found.hostname), int(found.port or 0)
