"""S3 as one thread sees it: the only module that imports the SDK. Every call blocks; errors are ours.

The SDK's public `put_object` sends one set of headers for a whole object, so its parts travel without a checksum, and
SeaweedFS does not compare a body with the signed payload hash. Therefore the part calls below go through the SDK's own
request function and follow S3's checksum protocol: the algorithm is named when the upload begins, each part carries
its SHA-256, and the completion repeats them all. A store that knows the protocol refuses on any difference.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule
from minio.versioningconfig import VersioningConfig
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from kit.storage.errors import ObjectMissing, StorageError, StorageUnavailable

__all__ = ["Part", "Stat", "Wire"]

CHECKSUM = "x-amz-checksum-sha256"
REGION = "us-east-1"  # named, because the SDK otherwise asks the store before its first request
MISSING = {"NoSuchKey", "NoSuchVersion"}
FAILING = {"InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"}
# A request is repeated only where it cannot have been carried out, or where the store itself says that it failed:
# a PUT repeated after a lost answer would leave a second version that nobody knows.
PATIENT = Retry(
    total=4, connect=2, read=0, redirect=0, other=0, status=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]
)


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    etag: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Stat:
    key: str
    version_id: str | None
    size: int
    etag: str
    content_type: str
    modified: datetime | None


class _Client(Minio):
    """Signs a body with the checksum we give, instead of hashing the same bytes a second time."""

    def _build_headers(self, host: str, headers: Any = None, body: Any = None, creds: Any = None) -> Any:
        checksum = (headers or {}).get(CHECKSUM)
        built, date = super()._build_headers(host, headers, None if checksum else body, creds)
        if checksum:
            built["x-amz-content-sha256"] = base64.b64decode(checksum).hex()
            built["Content-Length"] = str(len(body))
        return built, date


class Wire:
    def __init__(self, endpoint: str, access_key: str, secret_key: str, bucket: str, connections: int) -> None:
        self.bucket = bucket
        url = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")

        def client(http: PoolManager) -> _Client:
            return _Client(
                url.netloc, access_key, secret_key, secure=url.scheme == "https", region=REGION, http_client=http
            )

        self._http = PoolManager(maxsize=connections, timeout=Timeout(connect=5, read=60), retries=PATIENT)
        self._client = client(self._http)
        self._quick = PoolManager(maxsize=1, timeout=Timeout(connect=2, read=2), retries=False)
        self._probe = client(self._quick)

    def close(self) -> None:
        self._http.clear()
        self._quick.clear()

    # the bucket

    def ensure_bucket(self, object_lock: bool) -> None:
        with _ours():
            if not self._client.bucket_exists(self.bucket):
                self._make_bucket(object_lock)
            if self._client.get_bucket_versioning(self.bucket).status != ENABLED:
                self._client.set_bucket_versioning(self.bucket, VersioningConfig(ENABLED))
            if self._client.get_bucket_lifecycle(self.bucket) is None:
                self._client.set_bucket_lifecycle(self.bucket, _forget_unfinished())
            if object_lock:
                self._client.get_object_lock_config(self.bucket)  # an error if the bucket was made without

    def _make_bucket(self, object_lock: bool) -> None:
        try:
            self._client.make_bucket(self.bucket, object_lock=object_lock)
        except S3Error as error:
            if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:  # another replica was quicker
                raise

    def remove_bucket(self) -> None:
        with _ours():
            for found in self._client.list_objects(self.bucket, recursive=True, include_version=True):
                self._client.remove_object(self.bucket, str(found.object_name), found.version_id)
            self._client.remove_bucket(self.bucket)

    def probe(self) -> str:
        """The store's own name and version; raises when it does not answer or our bucket is not there."""
        with _ours():
            answer = self._probe._execute("HEAD", self.bucket)  # noqa: SLF001
        return str(answer.headers.get("Server", ""))

    def versions(self, prefix: str) -> list[Stat]:
        with _ours():
            found = list(self._client.list_objects(self.bucket, prefix, recursive=True, include_version=True))
        return [
            Stat(str(one.object_name), one.version_id, one.size or 0, one.etag or "", "", one.last_modified)
            for one in found
            if not one.is_delete_marker
        ]

    # writing

    def put(self, key: str, body: bytearray, sha256: bytes, content_type: str) -> str:
        """An object in one request; returns its version id."""
        with _ours(key):
            headers = {"Content-Type": content_type, CHECKSUM: _b64(sha256)}
            return _version(self._send("PUT", key, body, headers, {}))

    def begin(self, key: str, content_type: str) -> str:
        """Opens an upload in parts; returns its id."""
        with _ours(key):
            headers = {"Content-Type": content_type, "x-amz-checksum-algorithm": "SHA256"}
            return self._client._create_multipart_upload(self.bucket, key, headers)  # type: ignore[arg-type]  # noqa: SLF001

    def put_part(self, key: str, upload_id: str, number: int, body: bytearray, sha256: bytes) -> Part:
        with _ours(key):
            query = {"partNumber": str(number), "uploadId": upload_id}
            answer = self._send("PUT", key, body, {CHECKSUM: _b64(sha256)}, query)
            return Part(number, answer.headers["etag"], sha256)

    def complete(self, key: str, upload_id: str, parts: list[Part]) -> str:
        """Joins the parts; returns the version id of the object."""
        with _ours(key):
            headers = {"Content-Type": "application/xml"}
            return _version(self._send("POST", key, _completion(parts), headers, {"uploadId": upload_id}))

    def abort(self, key: str, upload_id: str) -> None:
        with _ours(key):
            self._client._abort_multipart_upload(self.bucket, key, upload_id)  # noqa: SLF001

    def remove(self, key: str, version_id: str) -> None:
        """Removes this version for good; a version under a lock is refused with StorageError."""
        with _ours(key, version_id):
            self._client.remove_object(self.bucket, key, version_id)

    def _send(
        self, method: str, key: str, body: bytes | bytearray, headers: dict[str, str], query: dict[str, str]
    ) -> BaseHTTPResponse:
        return self._client._execute(  # noqa: SLF001
            method,
            self.bucket,
            key,
            body=body,  # type: ignore[arg-type]  # urllib3 takes any buffer: no copy of the part is made
            headers=headers,  # type: ignore[arg-type]
            query_params=query,  # type: ignore[arg-type]
            no_body_trace=True,
        )

    # reading

    def get(self, key: str, version_id: str | None, offset: int, length: int | None) -> BaseHTTPResponse:
        with _ours(key, version_id):
            return self._client.get_object(self.bucket, key, offset, length or 0, version_id=version_id)

    def read(self, response: BaseHTTPResponse, amount: int) -> bytes:
        with _ours():
            return response.read(amount)

    def stat(self, key: str, version_id: str | None) -> Stat:
        with _ours(key, version_id):
            found = self._client.stat_object(self.bucket, key, version_id=version_id)
        return Stat(
            key,
            found.version_id,
            found.size or 0,
            found.etag or "",
            found.content_type or "application/octet-stream",
            found.last_modified,
        )


@contextmanager
def _ours(key: str = "", version_id: str | None = None) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in MISSING:
            raise ObjectMissing(key, version_id) from error
        if error.code in FAILING:
            raise StorageUnavailable(error.message) from error
        raise StorageError(error.code or "unknown", error.message or "no reason given") from error
    except (HTTPError, OSError, ServerError, InvalidResponseError) as error:
        raise StorageUnavailable(error) from error
    except MinioException as error:
        raise StorageError("unexpected", str(error)) from error


def _forget_unfinished() -> LifecycleConfig:
    """What a killed service or a killed store leaves of an upload goes away by itself."""
    rule = Rule(
        ENABLED,
        rule_filter=Filter(prefix=""),
        rule_id="unfinished-uploads",
        abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=2),
    )
    return LifecycleConfig([rule])


def _completion(parts: list[Part]) -> bytes:
    root = ET.Element("CompleteMultipartUpload")
    for part in parts:
        element = ET.SubElement(root, "Part")
        ET.SubElement(element, "PartNumber").text = str(part.number)
        ET.SubElement(element, "ETag").text = part.etag
        ET.SubElement(element, "ChecksumSHA256").text = _b64(part.sha256)
    return ET.tostring(root)


def _version(answer: BaseHTTPResponse) -> str:
    version = answer.headers.get("x-amz-version-id")
    if not version:
        raise StorageError("not_versioned", "the bucket keeps no versions, so a stored file could be overwritten")
    return version


def _b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
