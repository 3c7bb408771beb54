"""Lists by cursor: a page starts after the last row of the one before, however many rows came meanwhile."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Row, Select, literal, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute

from kit.db import Db, is_unavailable
from kit.problems import Problem

__all__ = ["Cursor", "Limit", "Page", "page", "page_of_rows"]

ITEM = TypeVar("ITEM")

By = InstrumentedAttribute[Any] | ColumnElement[Any]

Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100, description="Rows per page")]


class Page(BaseModel, Generic[ITEM]):
    items: list[ITEM]
    next: str | None = None


async def page(
    db: Db,
    query: Select[Any],
    by: Sequence[InstrumentedAttribute[Any]],
    *,
    cursor: str | None,
    limit: int,
    descending: bool = True,
) -> tuple[list[Any], str | None]:
    """The records of one page and the cursor of the next. `by` are NOT NULL columns that together are unique."""
    rows, following = await page_of_rows(db, query, by, cursor=cursor, limit=limit, descending=descending)
    return [row[0] for row in rows], following


async def page_of_rows(
    db: Db,
    query: Select[Any],
    by: Sequence[By],
    *,
    cursor: str | None,
    limit: int,
    descending: bool = True,
) -> tuple[list[Row[Any]], str | None]:
    """The same for a query that selects single columns, those of `by` among them."""
    if cursor is not None:
        after = [literal(value, column.type) for value, column in zip(_decode(cursor, by), by, strict=True)]
        query = query.where(tuple_(*by) < tuple_(*after) if descending else tuple_(*by) > tuple_(*after))
    order = [column.desc() if descending else column.asc() for column in by]
    try:
        rows = list((await db.execute(query.order_by(*order).limit(limit + 1))).all())
    except DBAPIError as error:
        if cursor is None or is_unavailable(error):
            raise
        raise _invalid() from error  # a value in it is none that the column could hold
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], _encode([_value(last, column) for column in by])


def _value(row: Row[Any], column: By) -> Any:
    """Of a record by its attribute, of a row of columns by its name."""
    return getattr(row if column.key in row._fields else row[0], str(column.key))


def _encode(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _decode(cursor: str, by: Sequence[By]) -> list[Any]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return [_typed(value, column.type.python_type) for value, column in zip(plain, by, strict=True)]
    except (ValueError, TypeError, binascii.Error) as error:
        raise _invalid() from error


def _invalid() -> Problem:
    return Problem("cursor_invalid", "This cursor is none of ours.", remedy="Start again from the first page.")


def _typed(value: Any, kind: type[Any]) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    return UUID(value) if kind is UUID else kind(value)
