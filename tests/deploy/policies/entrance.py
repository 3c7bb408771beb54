"""How people come in."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from gateway.proxy import UPLOAD_PATIENCE
from tests.deploy.manifests import Manifests
from tests.deploy.policies.asking import differs, policy


@policy
def entrance(manifests: Manifests) -> Iterator[str]:
    """From outside to the gateway alone, over TLS, under the name that the portal believes to have; without TLS to there."""
    (config,) = (one["data"] for name, one in manifests.of("ConfigMap").items() if name.startswith("lpse-gateway-"))
    hosts, backends, secrets = set(), set(), set()
    for one in manifests.of("Ingress").values():
        for rule in one["spec"]["rules"]:
            hosts.add(rule["host"])
            backends |= {path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
        secrets |= {tls["secretName"] for tls in one["spec"].get("tls", [])}
    for one in manifests.of("HTTPRoute").values():
        hosts |= set(one["spec"]["hostnames"])
        backends |= {to["name"] for rule in one["spec"]["rules"] for to in rule.get("backendRefs", [])}
    for one in manifests.of("Gateway").values():
        hosts |= {listener["hostname"] for listener in one["spec"]["listeners"]}
        yield from without_tls(manifests, one["spec"]["listeners"])
        secrets |= {
            ref["name"]
            for listener in one["spec"]["listeners"]
            if "tls" in listener
            for ref in listener["tls"]["certificateRefs"]
        }
    certified = {
        one["spec"]["secretName"]: set(one["spec"]["dnsNames"]) for one in manifests.of("Certificate").values()
    }
    yield from differs("hosts", hosts, {urlsplit(config["LPSE_PUBLIC_URL"]).hostname})
    yield from differs("the entrance leads to", backends, {"gateway"})
    yield from differs("certificates", certified, dict.fromkeys(secrets, hosts) or {"one": hosts})


def without_tls(manifests: Manifests, listeners: list[dict[str, Any]]) -> Iterator[str]:
    """A way in that whoever types the bare name and the certificate's issuer need; the portal itself is not there."""
    found = {(one["name"], one["protocol"], one["port"], "tls" in one) for one in listeners}
    yield from differs("listeners", found, {("https", "HTTPS", 443, True), ("http", "HTTP", 80, False)})
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    wanted = {"https": [False], "http": [True]}
    routes = {
        ref.get("sectionName"): [rule.get("filters") == [redirect] for rule in one["spec"]["rules"]]
        for one in manifests.of("HTTPRoute").values()
        for ref in one["spec"]["parentRefs"]
    }
    yield from differs("only sent on to TLS", routes, wanted)


PASSES_ON = "nginx.ingress.kubernetes.io/proxy-"


@policy
def patience(manifests: Manifests) -> Iterator[str]:
    """The entrance cuts no file: how large it is and how long it takes is the gateway's to say."""
    for name, one in manifests.of("HTTPRoute").items():
        for rule in one["spec"]["rules"]:
            if "backendRefs" in rule:
                yield from differs(
                    f"{name} ends after", rule.get("timeouts"), {"request": "0s", "backendRequest": "0s"}
                )
    for name, one in manifests.of("Ingress").items():
        told = one["metadata"].get("annotations", {})
        yield from differs(f"{name} takes at most", told.get(f"{PASSES_ON}body-size"), "0")
        yield from differs(f"{name} stores what comes", told.get(f"{PASSES_ON}request-buffering"), "off")
        for side in ("read", "send"):
            if int(told.get(f"{PASSES_ON}{side}-timeout", 0)) <= UPLOAD_PATIENCE:
                yield f"{name} is less patient than the gateway: {side}"
