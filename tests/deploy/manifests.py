"""What kustomize makes of an overlay, and the questions that policies ask about it."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services import SERVICES

__all__ = ["OFFICE", "OVERLAYS", "ROOT", "Manifests", "Workload", "kubectl", "kustomize"]

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("single-node", "city", "latihan")
OFFICE = "office"
"""Where an operator types."""


def kubectl() -> str | None:
    """Of the environment's wheel; where there is none for this machine, the machine's own."""
    own = Path(sys.executable).with_name("kubectl")
    return str(own) if own.exists() else shutil.which("kubectl")


def kustomize(program: str, overlay: str, root: Path = ROOT / "deploy") -> str:
    command = [program, "kustomize", str(root / "k8s" / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "kustomize warns"
    return done.stdout


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet, Job or CronJob of ours, by `registry-api`; a Job without its version."""

    name: str
    object: dict[str, Any]

    @property
    def template(self) -> dict[str, Any]:
        spec = self.object["spec"]
        return dict(spec.get("jobTemplate", {"spec": spec})["spec"]["template"])

    @property
    def pod(self) -> dict[str, Any]:
        return dict(self.template["spec"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.template["metadata"]["labels"])

    @property
    def ends(self) -> bool:
        """By itself, when it is done."""
        return self.object["kind"] in {"Job", "CronJob"}

    @property
    def main(self) -> dict[str, Any]:
        return dict(self.pod["containers"][0])

    @property
    def containers(self) -> Iterator[dict[str, Any]]:
        yield from self.pod["containers"]
        yield from self.pod.get("initContainers", [])

    @property
    def part(self) -> str:
        return self.name.partition("-")[0]

    @property
    def serves(self) -> bool:
        return self.object["kind"] == "Deployment" and self.name != OFFICE


class Manifests:
    def __init__(self, objects: Iterable[dict[str, Any]], overlay: str) -> None:
        self.objects = list(objects)
        self.overlay = overlay

    @classmethod
    def parsed(cls, text: str, overlay: str) -> "Manifests":
        return cls(yaml.safe_load_all(text), overlay)

    def copy(self) -> "Manifests":
        return Manifests(deepcopy(self.objects), self.overlay)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """By name."""
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    def one(self, kind: str, name: str) -> dict[str, Any]:
        return self.of(kind)[name]

    def remove(self, kind: str, name: str) -> None:
        self.objects.remove(self.one(kind, name))

    @property
    def workloads(self) -> dict[str, Workload]:
        found = [one for one in self.objects if one["kind"] in {"Deployment", "StatefulSet", "Job", "CronJob"}]
        named = [(one["metadata"]["name"].removesuffix(f"-{self.version}"), one) for one in found]
        return {name: Workload(name, one) for name, one in named}

    @property
    def ours(self) -> dict[str, Workload]:
        """What runs this project's image."""
        return {name: one for name, one in self.workloads.items() if one.part in {*SERVICES, "gateway", OFFICE}}

    @property
    def version(self) -> str:
        (namespace,) = self.of("Namespace").values()
        return str(namespace["metadata"]["labels"]["app.kubernetes.io/version"])

    def environment(self, container: Mapping[str, Any]) -> list[tuple[str, str | None]]:
        """In the order in which Kubernetes knows them: whole ConfigMaps first; None for what a Secret holds."""
        taken: list[tuple[str, str | None]] = []
        for source in container.get("envFrom", []):
            taken += self.of("ConfigMap").get(source["configMapRef"]["name"], {}).get("data", {}).items()
        return taken + [(one["name"], self._value(one)) for one in container.get("env", [])]

    def _value(self, variable: Mapping[str, Any]) -> str | None:
        source = variable.get("valueFrom", {}).get("configMapKeyRef")
        return variable.get("value") if source is None else self.of("ConfigMap")[source["name"]]["data"][source["key"]]
