"""The two lock files as the system itself reads them."""

from pathlib import Path

from cli.sbom import Pin, pins

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-test.lock")


def locked(name: str) -> dict[str, Pin]:
    return {pin.name: pin for pin in pins((ROOT / name).read_text())}
