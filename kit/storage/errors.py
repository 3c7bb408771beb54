"""What can go wrong with stored bytes, in our words: nobody outside this package meets an error of the SDK."""

from kit.problems import Problem

__all__ = ["ObjectMissing", "SizeMismatch", "StorageError", "StorageUnavailable", "StoreBusy"]


class StorageError(Problem):
    """The store answered, and refused: missing rights, a lock, a checksum that does not match, a bad range."""

    status = 502
    title = "The object store refused"

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(
            "storage_refused",
            "The object store refused: {reason} ({store_code}).",
            remedy="Try again; if it is refused again, tell the operator of this LPSE.",
            reason=reason,
            store_code=code,
        )


class StorageUnavailable(Problem):
    """The store did not answer, or not to the end. `reason` is for the operator: it names addresses."""

    status = 503
    title = "The object store does not answer"

    def __init__(self, reason: object) -> None:
        super().__init__(
            "storage_unavailable",
            "The object store does not answer.",
            remedy="Try again in a moment; of a file that was being sent nothing was stored.",
        )
        self.reason = str(reason)


class StoreBusy(Problem):
    status = 503
    title = "Too many uploads at once"

    def __init__(self) -> None:
        super().__init__(
            "uploads_busy",
            "More files are being sent than can be taken at once.",
            remedy="Send the file again in a moment, with the same grant.",
            extra={"retry_after": 5},
        )


class ObjectMissing(Problem):
    status = 404
    title = "Not in the object store"

    def __init__(self, key: str, version_id: str | None) -> None:
        super().__init__(
            "object_missing",
            "The object store holds no {key} in version {version_id}.",
            remedy="Tell the operator of this LPSE: a recorded file must be in the store.",
            key=key,
            version_id=version_id,
        )


class SizeMismatch(Problem):
    """The sender sent more or fewer bytes than it declared."""

    title = "Not as many bytes as declared"

    def __init__(self, declared: int, received: int) -> None:
        super().__init__(
            "size_mismatch",
            "{declared} bytes were declared, but {received} came."
            if received < declared
            else "{declared} bytes were declared, but more came ({received} when the upload was stopped).",
            remedy="Nothing was stored. Send the whole file again and declare its exact size.",
            declared=declared,
            received=received,
        )
