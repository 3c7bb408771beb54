"""What a process is told of itself, where a test starts one."""

import json
from pathlib import Path

from services import SERVICES


def gateway(keys: Path) -> dict[str, str]:
    """Of a gateway of production with these keys; nobody answers at its services' addresses."""
    return {
        "LPSE_INSTANCE": "lpse-mojokerto",
        "LPSE_KEYS": str(keys / "gateway"),
        "LPSE_JWKS": str(keys / "jwks.json"),
        "LPSE_PUBLIC_URL": "https://lpse.example",
        "LPSE_UPSTREAMS": json.dumps(dict.fromkeys(SERVICES, "http://a")),
    }
