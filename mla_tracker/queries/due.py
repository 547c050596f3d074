"""What is due, for one reader: the open clocks that the account sees, soonest first, without a word of what they are
about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.telling import TOLD, concerns
from mla_tracker.domain.vocabulary import Basis, Effect, FlagKind, Obligor, RequestKind, Side, Stage
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight

MOST: Final = 5000
"""So many late clocks, and so many to come, are looked at for one reader; who has more learns that there are more."""

SHORT_ID: Final = 13
"""Of an id of time: its milliseconds, and so enough to find the request by."""


@dataclass(frozen=True, slots=True)
class Due:
    """An open clock as one reader is told of it. `moves` counts what may have moved its date, `changed_at` when last.

    `zone` is that of the executing authority by which it is counted; None: that of the country.
    """

    clock_id: UUID
    request_id: UUID
    requesting_country: str
    requested_country: str
    handling: Handling
    own_side: Side
    kind: RequestKind
    stage: Stage
    effect: Effect
    basis: Basis
    obligor: Obligor
    counted_in: str
    zone: str | None
    due_on: date
    due_at: datetime
    own_reference: str | None
    assigned_to: str | None
    moves: int
    changed_at: datetime

    @property
    def told(self) -> dict[str, Any]:
        """What the audit asks about a row that is shown."""
        names = ("request_id", "requesting_country", "requested_country", "handling")
        return {name: getattr(self, name) for name in names}

    @property
    def own_country(self) -> str:
        """The country of the reader's side."""
        return self.requesting_country if self.own_side is Side.REQUESTING else self.requested_country

    @property
    def counterpart(self) -> str:
        """The other country."""
        return self.requested_country if self.own_side is Side.REQUESTING else self.requesting_country

    @property
    def reference(self) -> str:
        """What the reader's own side calls the request, or the beginning of its id."""
        return self.own_reference or str(self.request_id)[:SHORT_ID]


_SHOWN: Final = """
    c.id as clock_id, c.request_id, c.requesting_country, c.requested_country, c.handling, c.request_kind as kind,
    c.stage, c.effect, c.basis, c.obligor, c.counted_in_country as counted_in, c.due_on, c.due_at,
    case when r.recorded_by = c.{side}_country then coalesce(r.external_reference, r.reference_{side})
        else r.reference_{side} end as own_reference,
    r.assigned_{side} as assigned_to,
    r.version_{side} + (select count(*) from date_move m where m.request_id = c.request_id)::int as moves,
    greatest(r.updated_{side}_at, (select max(m.moved_at) from date_move m where m.request_id = c.request_id))
        as changed_at,
    case when c.counted_in_country = c.requested_country then (
        select e.data ->> 'zone' from request_event e
        where e.request_id = c.request_id and e.type = 'forwarded' and e.data ->> 'zone' is not null
            and not exists (select from event_void v where v.event_id = e.id)
        order by coalesce(e.occurred_on, (e.occurred_at at time zone 'UTC')::date) desc,
            e.data ->> 'zone' collate "C" desc limit 1) end as zone
"""
_OPEN: Final = """c.state = 'running' and c.effect in ('deadline', 'expiry', 'goal') and c.due_on is not null
    and c.due_at is not null"""


async def late(tx: Tx, actor: Actor, now: datetime, *, both_duties: bool = False, limit: int) -> list[Due]:
    """Running clocks that fell due by `now`, of the side whose duty they are; of very many, those that did so last.

    What lapses concerns both sides; with `both_duties` all else does too.
    """
    return await _due_between(tx, actor, None, now, both_duties=both_duties, limit=limit, order="desc")


async def coming(
    tx: Tx,
    actor: Actor,
    now: datetime,
    *,
    until: datetime | None = None,
    both_duties: bool = False,
    limit: int,
) -> list[Due]:
    """Running clocks that fall due after `now` and until an instant, inclusive (None: ever), the soonest of them.

    Asked for by themselves, so that no backlog of old lateness, as of an imported register, hides what is to come.
    """
    return await _due_between(tx, actor, now, until, both_duties=both_duties, limit=limit, order="asc")


async def _due_between(
    tx: Tx,
    actor: Actor,
    after: datetime | None,
    until: datetime | None,
    *,
    both_duties: bool,
    limit: int,
    order: Literal["asc", "desc"],
) -> list[Due]:
    """In the order in which they fall due; `order` says from which end they are cut."""
    if not actor.countries:
        return []
    sight = Sight.of(actor, countries="$1", account="$2")
    parts = []
    for side in Side:
        other_first = "" if side is Side.REQUESTING else " and not c.requesting_country = any($1)"
        duty = "true" if both_duties else f"(c.effect = 'expiry' or {_whose(side)})"
        parts.append(
            f"""(select '{side}' as own_side, {_SHOWN.format(side=side)}
            from clock c join request r on r.id = c.request_id
            where c.{side}_country = any($1){other_first} and {_OPEN}
                and ($3::timestamptz is null or c.due_at > $3) and ($4::timestamptz is null or c.due_at <= $4)
                and {duty} and {sight.counted("c", "request_id")}
            order by c.due_at {order}, c.id {order} limit $5)"""
        )
    rows = await tx.fetch(
        f"select * from ({' union all '.join(parts)}) found order by due_at {order}, clock_id {order} limit $5",
        list(actor.countries), actor.account_id, after, until, limit,
    )  # fmt: skip
    return [_due(row) for row in (rows if order == "asc" else reversed(rows))]


@dataclass(frozen=True, slots=True)
class FlagDue:
    """A flag that stands, with its clock."""

    kind: FlagKind
    level: int
    raised_at: datetime
    clock: Due


async def flags_due(tx: Tx, actor: Actor, flags: Mapping[UUID, datetime]) -> list[FlagDue]:
    """Those of some flags that still stand as they were raised, on clocks that the account sees; soonest due first."""
    if not actor.countries:
        return []
    sight = Sight.of(actor, countries="$1", account="$2")
    found: dict[UUID, FlagDue] = {}
    for side in Side:
        rows = await tx.fetch(
            f"""
            select '{side}' as own_side, f.id, f.kind as flag_kind, f.level, f.raised_at, {_SHOWN.format(side=side)}
            from flag f join clock c on c.request_id = f.request_id and c.clock_key = f.clock_key
                join request r on r.id = c.request_id
            where f.id = any($3) and f.cleared_at is null and f.settled_at is null and c.due_at = f.due_at
                and c.{side}_country = any($1) and {_OPEN} and {sight.counted("c", "request_id")}
            """,
            list(actor.countries), actor.account_id, list(flags),
        )  # fmt: skip
        for row in rows:
            if flags[row["id"]] == row["raised_at"]:
                clock = {name: value for name, value in row.items() if name not in _OF_FLAG}
                flag = FlagDue(FlagKind(row["flag_kind"]), row["level"], row["raised_at"], _due(clock))
                found.setdefault(row["id"], flag)
    return sorted(found.values(), key=lambda flag: (flag.clock.due_at, flag.clock.clock_id))


_OF_FLAG: Final = frozenset({"id", "flag_kind", "level", "raised_at"})


async def desk_of(tx: Tx, actor: Actor) -> dict[str, list[str]]:
    """The names of open accounts of officers and heads that the account can know of, by country."""
    rows = await tx.fetch(
        "select country, array_agg(name) as names from account cross join unnest(countries) country "
        "where disabled_at is null and role = any($1) and country = any($2) group by country",
        [role.value for role in TOLD], list(actor.countries),
    )  # fmt: skip
    return {row["country"]: row["names"] for row in rows}


def of_reader(found: Sequence[Due], actor: Actor, desk: dict[str, list[str]]) -> list[Due]:
    """Those of them that are this reader's business."""
    return [
        one
        for one in found
        if concerns(actor.role, actor.name, one.assigned_to, desk.get(one.own_country, ()))
    ]


def _whose(side: Side) -> str:
    """That the duty is this side's, or also its own since the reader speaks for both."""
    mine = "c.obligor = 'requesting'" if side is Side.REQUESTING else "c.obligor <> 'requesting'"
    both = "c.requesting_country = any($1) and c.requested_country = any($1)"
    return f"({mine} or {both})"


def _due(row: Record | dict[str, Any]) -> Due:
    words: dict[str, Any] = {
        "own_side": Side(row["own_side"]),
        "handling": Handling(row["handling"]),
        "kind": RequestKind(row["kind"]),
        "stage": Stage(row["stage"]),
        "effect": Effect(row["effect"]),
        "basis": Basis(row["basis"]),
        "obligor": Obligor(row["obligor"]),
    }
    return Due(**{**row, **words})
