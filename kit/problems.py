"""What can be wrong, without saying how it is told: pure, so that rules may raise it.

A sentence is a template with named places, so that the portal can translate it; the values stand beside it. A place may
be filled by another problem, or several: the reasons, which have codes and places of their own.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["Conflict", "Forbidden", "NotFound", "Problem", "Reason", "RuleViolation", "Unauthenticated"]


class Problem(Exception):
    """A refusal with its reason, the article or rule that says so, and what to do next.

    `code` is stable and for programs; `detail` and `remedy` are for people. `extra` is added to the problem document
    as it is (a receipt, a list of deficiencies).
    """

    status = 400
    title = "The request cannot be carried out"

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        article: str | None = None,
        remedy: str | None = None,
        status: int | None = None,
        extra: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.template = detail
        self.article = article
        self.remedy = remedy
        self.params = params
        self.extra = dict(extra or {})
        if status is not None:
            self.status = status

    @property
    def detail(self) -> str:
        return self.template.format(**{name: _text(value) for name, value in self.params.items()})

    def __str__(self) -> str:
        return self.detail

    def document(self) -> dict[str, Any]:
        """The members of RFC 9457 with ours: `code`, `article`, `remedy`, `params`, and `reasons` by the place they fill."""
        known = {
            "type": f"urn:lpse:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "article": self.article,
            "remedy": self.remedy,
            "params": {name: _text(value) for name, value in self.params.items()} or None,
            "reasons": {name: told for name, value in self.params.items() if (told := _reasons(value))} or None,
        }
        return {name: value for name, value in known.items() if value is not None} | self.extra


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _reasons(value: object) -> list[dict[str, Any]]:
    return [
        {key: told for key, told in part.document().items() if key in {"code", "detail", "params", "reasons"}}
        for part in (value if isinstance(value, tuple) else (value,))
        if isinstance(part, Problem)
    ]


class Reason(Problem):
    """Why another problem stands: it fills a place of that one's sentence and is never raised itself."""


class RuleViolation(Problem):
    """A rule of the regulation, or of the law behind it, does not allow this."""

    status = 422
    title = "A rule does not allow this"


class Conflict(Problem):
    """The request is right in itself but not in the present state."""

    status = 409
    title = "Not in the present state"


class NotFound(Problem):
    status = 404
    title = "Not found"

    def __init__(self, noun: str, identifier: object) -> None:
        super().__init__(
            "not_found",
            "There is no {noun} {identifier}, or it is not yours to see.",
            remedy="Check the identifier; lists show what you may see.",
            noun=noun,
            identifier=identifier,
        )


class Forbidden(Problem):
    status = 403
    title = "Not allowed"


class Unauthenticated(Problem):
    status = 401
    title = "Log in first"
