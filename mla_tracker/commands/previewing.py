"""What a changed policy, calendar, zone or list of parties would move: open requests counted both ways."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from mla_tracker.commands.projecting import days_of, law_of, misfits_of
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.clocks import Clock, evaluate
from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case
from mla_tracker.domain.life import life_of
from mla_tracker.domain.limits import Convention, Limit
from mla_tracker.domain.misfits import Misfit
from mla_tracker.domain.moves import Dated, dated, moves
from mla_tracker.domain.precedence import Law, side_of
from mla_tracker.domain.vocabulary import Act, ClockState, Side, Stage
from mla_tracker.storage import requests
from mla_tracker.storage.cases import case_of
from mla_tracker.storage.database import Tx
from mla_tracker.storage.local_days import LocalDays
from mla_tracker.storage.requests import StoredCase
from mla_tracker.storage.stale import OF_POLICY, OF_ZONE, Changed
from mla_tracker.storage.visibility import Sight

MOST_REQUESTS: Final = 5000
"""How many requests one preview counts, at some two milliseconds each."""

OPEN: Final = (ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED)


@dataclass(frozen=True, slots=True)
class Supposed:
    """A change as if it were in force: a policy with all limits as they would be then, a country's calendar with the
    days on which it differs, its zone, the rules of a zone with the day from which they differ, or the conventions with
    another list of parties, and those that requests `named`.

    `recomputed`: and each request were recomputed when the policy begins.
    """

    policy: Limit | None = None
    limits: tuple[Limit, ...] | None = None
    recomputed: bool = False
    country: str | None = None
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=dict)
    changed: Changed | None = None
    zone: ZoneInfo | None = None
    rules: ZoneInfo | None = None
    since: date | None = None
    conventions: Mapping[str, Convention] | None = None
    named: frozenset[str] = frozenset()

    def days(self, days: LocalDays) -> LocalDays:
        """The calendars and zones as they would be."""
        zones, named = dict(days.zones), dict(days.named)
        if self.country in zones and self.zone is not None:
            zones[self.country] = self.zone
        if self.rules is not None:
            for held in (zones, named):
                held |= {name: self.rules for name, zone in held.items() if zone.key == self.rules.key}
        return LocalDays({**days.calendars, **self.calendars}, zones, named)

    def law(self, law: Law) -> Law:
        """The law as it would be."""
        return replace(
            law,
            limits=law.limits if self.limits is None else self.limits,
            conventions=law.conventions if self.conventions is None else self.conventions,
        )


@dataclass(frozen=True, slots=True)
class Move:
    """An open clock whose end a change moves. `before` None: it would begin to run; `after` None: it would go.

    On the same day the instant alone may move, with the time zone or the opening hours.
    """

    request_id: UUID
    clock: str
    stage: Stage
    before: date | None
    after: date | None
    before_at: datetime | None = None
    after_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do to what the account sees.

    `open_clocks`: how many there are that it is about, of the policy's stage, counted in the country or the zone, or of
    requests that name such a convention. `left_out`: how many of the requests that it can reach were too many to
    count. `impossible`: requests with an act that would not fit any more, with the reason; they would be counted as
    well as can be, and warn of it.
    """

    open_clocks: int
    moves: Sequence[Move] = ()
    requests: int = 0
    left_out: int = 0
    impossible: Sequence[tuple[UUID, str]] = ()


async def effect_of(tx: Tx, supposed: Supposed, *, actor: Actor | None, now: datetime) -> Effect:
    """Count every open request that the change can reach with and without it; soonest new date first.

    `actor` None: whatever there is, for who runs the program.
    """
    open_clocks = await _open_clocks(tx, supposed, *_seen(actor, "clock", "request_id"))
    ids = await _reached(tx, supposed, actor)
    found, impossible = list[Move](), list[tuple[UUID, str]]()
    for request_id in ids[:MOST_REQUESTS]:
        stored = await requests.load(tx, request_id, lock=False)
        if stored is None:
            continue
        moved, misfits = await _moved(tx, stored, supposed, now)
        found += moved
        impossible += [(request_id, misfit.detail) for misfit in misfits[:1]]
    found.sort(key=lambda move: (move.after or move.before or date.max, move.request_id, move.clock))
    if actor is not None:
        told = {*(move.request_id for move in found), *(request_id for request_id, _ in impossible)}
        await note_reading_of(tx, told, route="preview", actor=actor, now=now, what=What.REQUEST_LISTED)
    looked_at = min(len(ids), MOST_REQUESTS)
    return Effect(open_clocks, found, looked_at, len(ids) - looked_at, impossible)


async def _moved(
    tx: Tx, stored: StoredCase, supposed: Supposed, now: datetime
) -> tuple[list[Move], list[Misfit]]:
    """The clocks that would move, and what would not fit any more though it does now."""
    days = await days_of(tx, stored.record, (event.data for event in stored.events), now)
    case = case_of(stored, days)
    law = await law_of(tx, stored.record, case)
    before, stood = _counted(case, law, days)
    changed_law = supposed.law(law)
    changed_days = supposed.days(days)
    if changed_days.zones != days.zones or changed_days.named != days.named:
        case = case_of(stored, changed_days)
        changed_law = supposed.law(await law_of(tx, stored.record, case))
    if supposed.recomputed and supposed.policy is not None:
        case = _recomputed(case, supposed.policy)
    after, misfits = _counted(case, changed_law, changed_days)
    known = {misfit.what for misfit in stood}
    moved = [
        Move(
            stored.record.id,
            move.key,
            move.stage,
            move.before.due_on if move.before else None,
            move.after.due_on if move.after else None,
            move.before.due_at if move.before else None,
            move.after.due_at if move.after else None,
        )
        for move in moves(_open(before), _open(after))
    ]
    return moved, [misfit for misfit in misfits if misfit.what not in known]


def _counted(case: Case, law: Law, days: LocalDays) -> tuple[Sequence[Clock], list[Misfit]]:
    life = life_of(case)
    clocks, _ = evaluate(case, life, law, days.calendars)
    return clocks, [*misfits_of(case, life), *(misfit for clock in clocks for misfit in clock.misfits)]


def _open(clocks: Iterable[Clock]) -> list[Dated]:
    return [dated(clock) for clock in clocks if clock.state in OPEN]


def _recomputed(case: Case, policy: Limit) -> Case:
    zone = case.zones[side_of(policy.obligor)]
    act = Event("preview", Act.RECOMPUTED, zone, on=policy.valid_from, data={"stage": policy.stage.value})
    return replace(case, events=(*case.events, act))


def _seen(
    actor: Actor | None, row: str, of: str = "id", *, account: str = "$2"
) -> tuple[str, tuple[Any, Any]]:
    """The condition that an account sees a row (without one: any), with its values, at $1 and the place `account`."""
    if actor is None:
        return f"$1::text[] is null and {account}::uuid is null", (None, None)
    sight = Sight.of(actor, countries="$1", account=account)
    return sight.seen(row, of), (list(actor.countries), actor.account_id)


async def open_clocks_in(tx: Tx, country: str) -> int:
    """How many open clocks are counted in a country, of those that each of its accounts sees: the figure is kept."""
    seen = "(clock.shared or clock.recorded_by = any($1::text[])) and clock.handling = 'open' and $2::uuid is null"
    return await _open_clocks(tx, Supposed(country=country), seen, ([country], None))


async def _open_clocks(tx: Tx, supposed: Supposed, seen: str, viewer: Sequence[Any]) -> int:
    about: list[Any]
    if supposed.policy is not None:
        limit = supposed.policy
        side = "requesting_country" if side_of(limit.obligor) is Side.REQUESTING else "requested_country"
        condition, about = f"{side} = $4 and stage = $5", [limit.country, limit.stage.value]
    elif supposed.conventions is not None:
        condition = "request_id in (select id from request where status <> 'closed' and convention = any($4))"
        about = [sorted(supposed.named)]
    elif supposed.rules is not None:
        condition = """
            counted_in_country in (
                select country from (
                    select distinct on (country) country, zone from calendar_version where region = ''
                    order by country, version desc
                ) held where zone = $4)
        """
        about = [supposed.rules.key]
    else:
        condition, about = "counted_in_country = $4", [supposed.country]
    number: int = await tx.fetchval(
        f"select count(*) from clock where {condition} and state = any($3) and {seen}",
        *viewer, [state.value for state in OPEN], *about,
    )  # fmt: skip
    return number


async def _reached(tx: Tx, supposed: Supposed, actor: Actor | None) -> list[UUID]:
    """The open requests whose dates the change can move, oldest first."""
    about: list[Any]
    if supposed.policy is not None:
        limit = supposed.policy
        since = date(1600, 1, 1) if supposed.recomputed else limit.valid_from
        condition, about = OF_POLICY, [limit.country, side_of(limit.obligor).value, since]
    elif supposed.conventions is not None:
        condition, about = "convention = any($2)", [sorted(supposed.named)]
    elif supposed.rules is not None:
        condition, about = OF_ZONE, [supposed.rules.key, supposed.since]
    elif supposed.zone is not None:
        condition, about = "(requesting_country = $2 or requested_country = $2)", [supposed.country]
    else:
        if supposed.changed is None:
            return []
        condition = """
            (requesting_country = $2 or requested_country = $2) and (stale_since is not null or exists (
                select from clock where clock.request_id = request.id and clock.counted_in_country = $2
                    and clock.state in ('running', 'paused') and least(started_on, due_on) <= $4
                    and greatest(started_on, due_on) >= $3))
        """
        about = [supposed.country, supposed.changed.first, supposed.changed.last]
    seen, (countries, account) = _seen(actor, "request", account=f"${len(about) + 2}")
    rows = await tx.fetch(
        f"select id from request where status <> 'closed' and {seen} and ({condition}) order by id",
        countries, *about, account,
    )  # fmt: skip
    return [row["id"] for row in rows]
