"""How statistics count a request, as SQL over its spells: one wording for a figure and for the list behind it."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from mla_tracker.domain.tallies import WAYS
from mla_tracker.domain.vocabulary import RequestKind, Side
from mla_tracker.queries.counted_clocks import OTHER_SIDE
from mla_tracker.queries.reports import seen
from mla_tracker.storage.visibility import Sight

NOT_STATED: Final = "not_stated"
"""Stands for the ground of a refusal that was recorded without one."""


class Figure(StrEnum):
    """What is counted of requests in a period; `ended` is the sum of the ways out."""

    OPENING = "opening"
    NEW = "new"
    REOPENED = "reopened"
    ENDED = "ended"
    CLOSING = "closing"
    ARRESTS = "arrests"
    CONSENTS = "consents"
    SURRENDERS = "surrenders"
    DECIDED_WITH_CONSENT = "decided_with_consent"
    DECIDED_WITHOUT_CONSENT = "decided_without_consent"


# Conditions over a row `c` of `rows`: a spell of a request in a period, or its days as an extradition.
COUNTED: Final[Mapping[Figure, str]] = {
    Figure.OPENING: "c.opened_on < c.from_day",
    Figure.NEW: "c.opened_on >= c.from_day and not c.reopened",
    Figure.REOPENED: "c.opened_on >= c.from_day and c.reopened",
    Figure.ENDED: "c.ended_on < c.to_day",
    Figure.CLOSING: "c.opened_on is not null and (c.ended_on is null or c.ended_on >= c.to_day)",
    Figure.ARRESTS: "c.arrested_on >= c.from_day and c.arrested_on < c.to_day",
    Figure.CONSENTS: "c.consented_on >= c.from_day and c.consented_on < c.to_day",
    Figure.SURRENDERS: "c.surrendered_on >= c.from_day and c.surrendered_on < c.to_day",
    Figure.DECIDED_WITH_CONSENT: "c.decided_on >= c.from_day and c.decided_on < c.to_day and c.with_consent",
    Figure.DECIDED_WITHOUT_CONSENT: "c.decided_on >= c.from_day and c.decided_on < c.to_day and not c.with_consent",
}
_SPELL: Final = "opened_on date, reopened boolean, ended_on date, way text, ground text"
_DAYS: Final = ("arrested_on", "consented_on", "surrendered_on")


def way(name: str) -> str:
    """The condition that a spell ended in the period in this way, one of `WAYS`."""
    if name not in WAYS:
        raise ValueError(name)
    return f"{COUNTED[Figure.ENDED]} and c.way = '{name}'"


def rows(sides: Sequence[Side], periods: str, sight: Sight) -> Iterator[str]:
    """Per side every spell that touches a period, and every extradition with a day in one.

    `periods` is a table expression with the alias `p` and the columns place, from_day (inclusive), to_day (exclusive).
    Each side is read by its own index.
    """
    for side in sides:
        same = f"""select '{side}' as side, p.place, p.from_day, p.to_day, r.id as request_id,
                r.{side}_country as own_country, r.{OTHER_SIDE[side]}_country as counterpart, r.kind, r.offences"""
        yield f"""
            {same}, s.number, s.opened_on, s.reopened, s.ended_on, s.way, s.ground,
                null::date as arrested_on, null::date as consented_on, null::date as surrendered_on,
                null::date as decided_on, null::boolean as with_consent, null::int as days
            from request r cross join lateral rows from (jsonb_to_recordset(r.tally -> '{side}') as ({_SPELL}))
                with ordinality as s(opened_on, reopened, ended_on, way, ground, number) join {periods}
                on s.opened_on < p.to_day and (s.ended_on is null or s.ended_on >= p.from_day)
            where {seen("r", side, sight)}"""
        yield f"""
            {same}, 0, null, null, null, null, null,
                d.arrested_on, d.consented_on, d.surrendered_on, d.decided_on, d.with_consent,
                case when d.decided_on >= d.arrested_on then d.decided_on - d.arrested_on end
            from request r cross join lateral (select {
            ", ".join(f"(r.tally ->> '{name}')::date as {name}" for name in (*_DAYS, "decided_on"))
        }, (r.tally ->> 'with_consent')::boolean as with_consent offset 0) as d join {periods}
                on {
            " or ".join(
                f"(d.{name} >= p.from_day and d.{name} < p.to_day)" for name in (*_DAYS, "decided_on")
            )
        }
            where {seen("r", side, sight)} and r.kind = '{RequestKind.EXTRADITION}'"""
