"""The yearly figures: GET /reports/statistics, the requests behind them, and opening balances that were restated."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from mla_tracker.api import paging
from mla_tracker.api.answers import JSON, answer
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.problems import NOT_ACCEPTABLE
from mla_tracker.api.reports import COUNTED_REQUESTS, figures_of
from mla_tracker.api.routes import documented
from mla_tracker.api.statistics_bodies import (
    BalanceEntry,
    CountedQuery,
    CountedRequest,
    OpeningBalance,
    StatisticsQuery,
    StatisticsReport,
    StatisticsRow,
)
from mla_tracker.api.tabular import MEDIA, chosen, table_answer
from mla_tracker.commands import opening_balances as commands
from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import DatedInFuture, NotAllowed
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.tallies import WAYS
from mla_tracker.queries import opening_balances, statistics
from mla_tracker.queries.counted_requests import Figure
from mla_tracker.queries.statistics import GROUNDED, Division
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

Row = Mapping[str, Any]


@get(
    "/reports/statistics",
    **documented(
        "What is on the books, what came, how it ended",
        tag="reports",
        may=Deed.READ_REPORTS,
        query=StatisticsQuery,
        answer=StatisticsReport,
        media=MEDIA,
        problems=[NOT_ACCEPTABLE],
        description="opening + new + reopened - every way out = closing, in every row. CSV and XLSX hold the cells "
        "without the totals.",
    ),
)
async def read_statistics(
    filters: StatisticsQuery, actor: Actor, now: datetime, request: Request[Any, Any, Any]
) -> Response[bytes]:
    """Only requests of your countries are counted; drafts never."""
    media = chosen(request.headers.get("Accept"))
    wanted = filters.wanted()
    table, as_of = await figures_of(request).read(
        actor, now, lambda tx, _: statistics.statistics(tx, wanted, actor=actor)
    )
    cells = [cell | lists(cell, wanted.group_by) for cell in table.cells]
    about = {"from": wanted.from_day, "to": wanted.to_day, "as_of": as_of, "by": wanted.by}
    if media != JSON:
        names = [field.alias or name for name, field in StatisticsRow.model_fields.items() if name != "lists"]
        left_out = {str(division) for division in Division} - {str(division) for division in wanted.group_by}
        header = ["as_of", *(name for name in names if name not in left_out)]
        rows = [[_flat({"as_of": as_of} | cell, name) for name in header] for cell in cells]
        named = f"statistics-{wanted.from_day}-{wanted.to_day}"
        return table_answer(media, named, about | {"group_by": ", ".join(wanted.group_by)}, header, rows)
    totals = [cell | lists(cell, ()) for cell in table.totals]
    return answer({**about, "group_by": wanted.group_by, "cells": cells, "totals": totals})


def _flat(cell: Row, name: str) -> Any:
    """A figure as one cell of a table; grounds as "age 1, nationality 2"."""
    value = cell[name]
    if isinstance(value, Mapping):
        return ", ".join(f"{ground} {number}" for ground, number in value.items()) or None
    return value


def lists(cell: Row, columns: Sequence[Division]) -> dict[str, Any]:
    """Where the requests behind a row, and behind each figure of it that is not 0, are listed."""
    same = {name: cell[name] for name in ("as", "from", "to")}
    same |= {str(name): cell[name] for name in Division if cell[name] is not None}
    if Division.OFFENCE in columns and cell["offence"] is None:
        same["without_offence"] = "true"
    figures = {str(figure): {"figure": str(figure)} for figure in Figure if cell[figure]}
    ways = {way: {"figure": "ended", "way": way} for way in WAYS if cell[way]}
    grounds = {
        f"{way}:{ground}": {"figure": "ended", "way": str(way), "ground": ground}
        for way in GROUNDED
        for ground in cell[f"{way}_by_ground"]
    }
    return {
        "list": _address(same),
        "lists": {name: _address(same | more) for name, more in (figures | ways | grounds).items()},
    }


def _address(parameters: Mapping[str, Any]) -> str:
    return f"{COUNTED_REQUESTS}?{urlencode(parameters)}"


@get(
    "/reports/statistics/requests",
    **documented(
        "List the requests that a figure of the statistics counts",
        tag="reports",
        may=Deed.READ_REPORTS,
        query=CountedQuery,
        answer=Page[CountedRequest],
        description="By the day that counts for the figure. A request stands here once for each time that it was on "
        "the books.",
    ),
)
async def list_counted_requests(
    filters: CountedQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Exactly those that the report counts, as they read now."""
    position = paging.position(filters, actor, keys=(date, UUID, int), now=now)
    after = position.after
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await statistics.counted(
            tx,
            filters.wanted(),
            actor=actor,
            after=(after[0], after[1], after[2]) if after else None,
            limit=filters.limit + 1,
        )
        await note_reading(
            tx,
            rows[: filters.limit],
            route="GET /reports/statistics/requests",
            actor=actor,
            now=now,
            what=What.REQUEST_LISTED,
        )
    return answer(
        paging.page(
            rows,
            filters,
            position,
            key=lambda row: (row["day"], row["request_id"], row["number"]),
            item=_shown,
        )
    )


def _shown(row: Row) -> dict[str, Any]:
    apart = {
        "day", "number", "own_country", "requesting_country", "requested_country", "reference_requesting",
        "reference_requested",
    }  # fmt: skip
    return {
        **{name: value for name, value in row.items() if name not in apart},
        "reopened": bool(row["reopened"]),
        "references": {"requesting": row["reference_requesting"], "requested": row["reference_requested"]},
    }


@post(
    "/reports/opening-balances",
    **documented(
        "State an opening balance that is not what the record counts",
        tag="reports",
        may=Deed.STATE_BALANCES,
        body=BalanceEntry,
        answer=OpeningBalance,
        status=201,
        idempotent=True,
        problems=[NotAllowed, DatedInFuture],
        examples={
            "counted by hand": {
                "country": "MA",
                "as": "requested",
                "kind": "evidence",
                "first_day": "2026-01-01",
                "count": 17,
                "reason": "The books of 2025 hold two requests that were never entered here.",
            }
        },
        description="The statistics show it beside what they count, with the difference. Statements are added, never "
        "changed: the last one for the same side, kind and day holds.",
    ),
)
async def restate_opening(
    entry: BalanceEntry, actor: Actor, database: Database, now: datetime, idempotency: IdempotencyKey | None
) -> Response[bytes]:
    """Answers with the statement."""
    done = await commands.restate_opening(
        database, entry.entry(), actor=actor, now=now, idempotency=idempotency
    )
    return answer(done.view, status=201, replayed=done.replayed)


class BalancesQuery(PageQuery):
    """Which page is wanted."""


@get(
    "/reports/opening-balances",
    **documented(
        "List the opening balances that your countries stated, last first",
        tag="reports",
        may=Deed.READ_REPORTS,
        query=BalancesQuery,
        answer=Page[OpeningBalance],
    ),
)
async def list_opening_balances(
    filters: BalancesQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Also those that a later one replaced."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        rows = await opening_balances.balances(
            tx,
            actor=actor,
            after=(position.after[0], position.after[1]) if position.after else None,
            as_of=position.as_of,
            limit=filters.limit + 1,
        )
    return answer(paging.page(rows, filters, position, key=lambda row: (row["recorded_at"], row["id"])))
