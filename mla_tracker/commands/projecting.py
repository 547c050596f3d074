"""From a stored history to what it means: the case as the law sees it, its life, its clocks, its warnings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.catalogue.neighbours import contiguous, regions_of
from mla_tracker.domain.agreements import in_force_between
from mla_tracker.domain.clocks import Clock, evaluate
from mla_tracker.domain.contradictions import contradictions
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case
from mla_tracker.domain.life import Life, life_of
from mla_tracker.domain.misfits import Misfit
from mla_tracker.domain.precedence import Law, RelianceOnAgreement
from mla_tracker.storage.agreements import agreement_of, limits_of, load
from mla_tracker.storage.cases import case_of, zone_names
from mla_tracker.storage.clocks import clock_rows, replace_all
from mla_tracker.storage.database import DbRole, Tx
from mla_tracker.storage.law import stored_law
from mla_tracker.storage.local_days import LocalDays, days_in_force
from mla_tracker.storage.requests import (
    RequestRecord,
    StoredCase,
    projection_content,
    request_row,
    save_projection,
)
from mla_tracker.storage.rows import Row


@dataclass(frozen=True, slots=True)
class Projection:
    """Everything computed from one history. `misfits`: what does not fit in it, of which `warnings` tell too."""

    case: Case
    life: Life
    clocks: tuple[Clock, ...]
    warnings: tuple[Step, ...]
    misfits: tuple[Misfit, ...]


async def project(tx: Tx, stored: StoredCase, now: datetime, days: LocalDays | None = None) -> Projection:
    """Read the whole history and count every clock, as well as can be where something does not fit in it.

    What was accepted once may not fit any more, since calendars, time zones and laws change: that is told in `misfits`,
    and only an entry is ever refused for it (`misfits.refuse_new`). `days`, where they are loaded already, are those of
    `days_of` the request.
    """
    days = days or await days_of(tx, stored.record, (event.data for event in stored.events), now)
    case = case_of(stored, days)
    life = life_of(case)
    amiss = misfits_of(case, life)
    clocks, warnings = evaluate(case, life, await law_of(tx, stored.record, case), days.calendars)
    # Who extends a limit must be told on the spot if that moved nothing.
    moved_nothing = (
        step for clock in clocks for step in clock.warnings if step.code.startswith("extension-")
    )
    return Projection(
        case,
        life,
        clocks,
        (*(misfit.warning for misfit in amiss), *life.warnings, *warnings, *moved_nothing),
        (*amiss, *(misfit for clock in clocks for misfit in clock.misfits)),
    )


def misfits_of(case: Case, life: Life) -> list[Misfit]:
    """What cannot be as it stands in a history, whatever its clocks say."""
    return [*contradictions(case), *life.misfits]


async def days_of(
    tx: Tx, record: RequestRecord, data: Iterable[Mapping[str, Any]], now: datetime
) -> LocalDays:
    """Calendars and zones of a request's two countries, and the zones that the data of its acts name."""
    countries = (record.requesting_country, record.requested_country)
    return await days_in_force(tx, countries, now, zone_names(data))


async def law_of(tx: Tx, record: RequestRecord, case: Case) -> Law:
    """All that can set a limit for a request."""
    stored = await stored_law(tx)
    return Law(
        limits=stored.limits,
        conventions=stored.conventions,
        agreement=await _reliance(tx, record.agreement_id, case) if record.agreement_id else None,
        contiguous=contiguous(case.requesting_country, case.requested_country),
        requester_regions=regions_of(case.requesting_country),
    )


async def _reliance(tx: Tx, agreement_id: UUID, case: Case) -> RelianceOnAgreement | None:
    """The agreement that the request names, and whether it binds both countries on the day the law is judged."""
    # Read whatever it has become: what a clock is must not depend on who counts it.
    async with tx.acting_as(DbRole.JOBS):
        row = await load(tx, agreement_id)
    if row is None:
        return None
    governs = in_force_between(
        agreement_of(row), case.requesting_country, case.requested_country, case.first_day
    )
    return RelianceOnAgreement(str(agreement_id), row.fields.title, governs, limits_of(row))


def rows_of_new(
    stored: StoredCase, projection: Projection, appended: Mapping[str, Sequence[Row]], now: datetime
) -> dict[str, Sequence[Row]]:
    """The rows of a new request with its projection and what hangs on it, by table; see `storage.rows.insert`."""
    row = request_row(stored.record, _content(projection))
    computed = clock_rows(stored.record, projection.clocks, shared=projection.life.shared, now=now)
    return {"request": [row], **appended, **computed}


async def save(
    tx: Tx,
    stored: StoredCase,
    projection: Projection,
    *,
    now: datetime,
    known_to: Collection[str] | None = None,
) -> None:
    """Write a projection over the one that stood there, and bring checks and flags in line with it.

    The change raises the version for the countries that it is `known_to`; None: for all that may see the request.
    """
    record, shared = stored.record, projection.life.shared
    sides = record.countries if shared else (record.recorded_by,)
    known = sides if known_to is None else [side for side in sides if side in known_to]
    await save_projection(tx, record, _content(projection), known_to=known, now=now)
    await replace_all(tx, record, projection.clocks, shared=shared, now=now)


def _content(projection: Projection) -> dict[str, Any]:
    return projection_content(projection.life, projection.warnings, first_act_on=projection.case.first_day)
