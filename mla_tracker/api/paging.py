"""Lists by key: a cursor holds where the last page ended, as of when, and for which filters.

docs/lists.md says what it promises, and that a write in flight may be missed.

position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
rows = await queries.….page(tx, …, after=position.after, as_of=position.as_of, limit=filters.limit + 1)
return answer(paging.page(rows, filters, position, key=lambda row: (row.created_at, row.id)))
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import Field

from mla_tracker.api.fields import Answer, Query
from mla_tracker.api.problems import INVALID_QUERY, Problem
from mla_tracker.domain.actors import Actor

Key = date | datetime | UUID | int | str | None
Item = TypeVar("Item")
Row = TypeVar("Row")

CURSOR_PATTERN: Final = r"^[A-Za-z0-9_-]+$"
_TAGS: Final[dict[type, str]] = {datetime: "t", date: "d", UUID: "u", int: "i", str: "s", type(None): "n"}


class PageQuery(Query):
    """The parameters of every list. Filters of a route are added in a subclass."""

    limit: int = Field(50, ge=1, le=200, description="How many items a page holds at most.")
    cursor: str | None = Field(
        None, max_length=2000, pattern=CURSOR_PATTERN, description="`next_cursor` of the page before."
    )


class Page(Answer, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[Item]
    next_cursor: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}Page"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: after these key values (exclusive; None: from the start), as of an instant."""

    after: tuple[Any, ...] | None
    as_of: datetime
    filters: str


def position(filters: PageQuery, actor: Actor, *, keys: Sequence[type], now: datetime) -> Position:
    """Where the page asked for begins. `keys` are the types of the sort key.

    Raises the 400 problem that names the cursor if it was changed, or made for other filters or countries.
    """
    digest = _digest(filters, actor)
    if filters.cursor is None:
        return Position(None, now, digest)
    try:
        padded = filters.cursor + "=" * (-len(filters.cursor) % 4)
        held = json.loads(base64.urlsafe_b64decode(padded))
        check, values = held.pop("c"), held["k"]
        if held["f"] != digest or check != _check(held) or len(values) != len(keys):
            raise ValueError
        after = tuple(_read(tag, text, kind) for (tag, text), kind in zip(values, keys, strict=True))
        return Position(after, _instant(held["a"]), digest)
    except (
        ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error
    ):  # fmt: skip
        sentence = (
            "Not a cursor of this list and filters. Send next_cursor as you got it, with the same filters."
        )
        raise Problem(INVALID_QUERY, sentence, errors=[("/cursor", sentence)]) from None


def page(
    rows: Sequence[Row],
    filters: PageQuery,
    position: Position,
    *,
    key: Callable[[Row], tuple[Key, ...]],
    item: Callable[[Row], Any] = lambda row: row,
) -> dict[str, Any]:
    """The page as its answer, from up to `limit + 1` rows: the last one only tells that there is more."""
    shown = rows[: filters.limit]
    more = len(rows) > filters.limit
    return {
        "items": [item(row) for row in shown],
        "next_cursor": cursor(key(shown[-1]), position) if more else None,
    }


def cursor(key: tuple[Key, ...], position: Position) -> str:
    """The cursor that continues after a sort key."""
    held: dict[str, Any] = {
        "k": [_write(value) for value in key],
        "a": position.as_of.astimezone(UTC).isoformat(),
        "f": position.filters,
    }
    held["c"] = _check(held)
    return base64.urlsafe_b64encode(json.dumps(held, separators=(",", ":")).encode()).decode().rstrip("=")


def _digest(filters: PageQuery, actor: Actor) -> str:
    wanted = filters.model_dump_json(exclude={"limit", "cursor"}, by_alias=True)
    whole = f"{type(filters).__name__} {wanted} {sorted(actor.countries)} {actor.role}"
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _check(held: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:16]


def _write(value: Key) -> tuple[str, str]:
    # asyncpg gives ids of a class of its own that derives from UUID.
    tag = "u" if isinstance(value, UUID) else _TAGS[type(value)]
    return tag, value.isoformat() if isinstance(value, date) else str(value)


def _read(tag: str, text: str, kind: type) -> Key:
    if tag == "n":
        return None
    if tag != _TAGS[kind] or "\0" in text:
        raise ValueError
    text.encode()
    if kind is datetime:
        return _instant(text)
    if kind is date:
        return date.fromisoformat(text)
    if kind is int:
        return _number(text)
    return UUID(text) if kind is UUID else text


def _instant(text: str) -> datetime:
    """An aware instant that has a time in UTC. Raises ValueError, OverflowError."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC)


def _number(text: str) -> int:
    """A number that the database can hold. Raises ValueError."""
    number = int(text)
    if not -(2**31) <= number < 2**31:
        raise ValueError
    return number
