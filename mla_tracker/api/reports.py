"""Figures for ministries: GET /reports/sla and GET /reports/ageing, as JSON, CSV or XLSX."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response, get

from mla_tracker.api.answers import JSON, answer
from mla_tracker.api.fields import Answer
from mla_tracker.api.problems import NOT_ACCEPTABLE
from mla_tracker.api.report_bodies import AgeingCell, AgeingQuery, AgeingReport, SlaCell, SlaQuery, SlaReport
from mla_tracker.api.routes import documented
from mla_tracker.api.tabular import MEDIA, chosen, table_answer
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import Effect, Side
from mla_tracker.queries import ageing, reports
from mla_tracker.queries.ageing import AgeingWanted, Section
from mla_tracker.queries.counted_clocks import OPEN, STOPPED, Result
from mla_tracker.queries.counted_requests import Figure
from mla_tracker.queries.reports import BASES, Dimension, ReportBasis, SlaWanted, Whose, duty_of
from mla_tracker.storage.replica import Figures

WORKLIST: Final = "/api/v1/clocks"
COUNTED_REQUESTS: Final = "/api/v1/reports/statistics/requests"

Cell = Mapping[str, Any]


@get(
    "/reports/sla",
    **documented(
        "How fast duties were done",
        tag="reports",
        may=Deed.READ_REPORTS,
        query=SlaQuery,
        answer=SlaReport,
        media=MEDIA,
        problems=[NOT_ACCEPTABLE],
        description="Deadlines due in the period by what became of them, and the days taken by those met in it. "
        "CSV and XLSX hold the cells without the totals.",
    ),
)
async def read_sla(
    filters: SlaQuery, actor: Actor, now: datetime, request: Request[Any, Any, Any]
) -> Response[bytes]:
    """Only requests of your countries are counted; law and policy never in one cell."""
    media = chosen(request.headers.get("Accept"))
    wanted = filters.wanted()
    table, as_of = await figures_of(request).read(
        actor, now, lambda tx, as_of: reports.sla(tx, wanted, actor=actor, as_of=as_of)
    )
    cells = [cell | sla_lists(cell, wanted) for cell in table.cells]
    about = {"from": wanted.from_day, "to": wanted.to_day, "as_of": as_of, "whose": wanted.whose}
    if media != JSON:
        header = [*about, *_columns(SlaCell, wanted.group_by)]
        rows = ([(about | cell)[name] for name in header] for cell in cells)
        return table_answer(media, f"sla-{wanted.from_day}-{wanted.to_day}", about, header, rows)
    totals = [cell | sla_lists(cell, wanted) for cell in table.totals]
    return answer({**about, "group_by": wanted.group_by, "cells": cells, "totals": totals})


@get(
    "/reports/ageing",
    **documented(
        "How long open requests and duties have waited",
        tag="reports",
        may=Deed.READ_REPORTS,
        query=AgeingQuery,
        answer=AgeingReport,
        media=MEDIA,
        problems=[NOT_ACCEPTABLE],
        description="Open requests, deadlines still to be met, and those of them that ran out, in bands of days. "
        "CSV and XLSX hold the cells without the totals.",
    ),
)
async def read_ageing(
    filters: AgeingQuery, actor: Actor, now: datetime, request: Request[Any, Any, Any]
) -> Response[bytes]:
    """Only requests of your countries are counted; drafts are not."""
    media = chosen(request.headers.get("Accept"))
    wanted = filters.wanted()
    tables, as_of = await figures_of(request).read(
        actor, now, lambda tx, as_of: ageing.ageing(tx, wanted, actor=actor, as_of=as_of)
    )
    spans = ageing.bands(wanted.bounds)
    about = {"as_of": as_of, "whose": wanted.whose}
    if media != JSON:
        names = [
            f"days_{first}_{last}" if last is not None else f"days_{first}_or_more" for first, last in spans
        ]
        columns = [name for name in _columns(AgeingCell, wanted.group_by) if name not in ("counts", "list")]
        header = [*about, "section", *columns, *names, "list"]
        rows = (
            [(about | cell | dict(zip(names, cell["counts"], strict=True)))[name] for name in header]
            for section, table in tables.items()
            for cell in (
                {"section": section, **cell, **ageing_list(cell, section, wanted, as_of=as_of)}
                for cell in table.cells
            )
        )
        return table_answer(media, f"ageing-{as_of:%Y-%m-%d}", about, header, rows)
    shown = {
        section.value: {
            "cells": [cell | ageing_list(cell, section, wanted, as_of=as_of) for cell in table.cells],
            "totals": [cell | ageing_list(cell, section, wanted, as_of=as_of) for cell in table.totals],
        }
        for section, table in tables.items()
    }
    bands = [{"first_day": first, "last_day": last} for first, last in spans]
    return answer({**about, "group_by": wanted.group_by, "bands": bands, **shown})


def figures_of(request: Request[Any, Any, Any]) -> Figures:
    """Where this node reads reports."""
    figures: Figures = request.app.state.figures
    return figures


def sla_lists(cell: Cell, wanted: SlaWanted) -> dict[str, str]:
    """Where the worklist shows exactly the clocks of a cell: those due in its period, and those stopped in it."""
    first, end = wanted.from_day, wanted.to_day
    if cell["month"] is not None:
        month = date.fromisoformat(f"{cell['month']}-01")
        next_month = (month + timedelta(days=31)).replace(day=1)
        first, end = max(first, month), min(end, next_month)
    due = {"due_from": first, "due_before": end, "result": ",".join(Result)}
    stopped = {"stopped_from": first, "stopped_before": end, "result": ",".join(STOPPED)}
    return {"list": _list(cell, wanted.whose, due), "stopped_list": _list(cell, wanted.whose, stopped)}


def ageing_list(cell: Cell, section: Section, wanted: AgeingWanted, *, as_of: datetime) -> dict[str, str]:
    """Where exactly the clocks of a cell are listed, or its requests."""
    if section is Section.REQUESTS:
        return {"list": _books(cell, as_of)}
    results = OPEN if section is Section.CLOCKS else (Result.OPEN_OVERDUE,)
    return {"list": _list(cell, wanted.whose, {"result": ",".join(results)})}


def _books(cell: Cell, as_of: datetime) -> str:
    """The address of the requests of a cell: what is on the books, whatever day it is where it came or ended."""
    today = as_of.date()
    parameters = {
        "as": cell["as"],
        "from": today,
        "to": today + timedelta(days=2),
        "figure": Figure.CLOSING.value,
        **{name: cell[name] for name in ("counterpart", "kind") if cell[name] is not None},
    }
    return f"{COUNTED_REQUESTS}?{urlencode(parameters)}"


def _list(cell: Cell, whose: Whose, narrowed: Mapping[str, object]) -> str:
    """The address of the worklist of a cell's deadlines."""
    side = Side(cell["as"])
    parameters = {
        "as": side.value,
        "obligor": duty_of(side, whose).value,
        "effect": Effect.DEADLINE.value,
        "basis": ",".join(BASES[ReportBasis(cell["basis"])]),
        **{name: cell[name] for name in ("counterpart", "kind", "stage") if cell.get(name) is not None},
        **narrowed,
    }
    return f"{WORKLIST}?{urlencode(parameters, safe=',')}"


def _columns(model: type[Answer], group_by: Sequence[Dimension]) -> list[str]:
    """The columns of a table of cells: first what they are of, in the order asked for, then the figures."""
    identity = ["as", "basis", *group_by]
    every = [field.alias or name for name, field in model.model_fields.items()]
    return [*identity, *(name for name in every if name not in {*identity, *Dimension})]
