"""How reports count a clock, as SQL over a row `c` of clock: one wording for a figure and for the list behind it.

Every function takes the placeholder of `as_of` (timestamptz). A paused clock counts as if it resumed at `as_of`.
"""

from collections.abc import Mapping
from enum import StrEnum

from mla_tracker.domain.vocabulary import Side

OTHER_SIDE: Mapping[Side, Side] = {Side.REQUESTING: Side.REQUESTED, Side.REQUESTED: Side.REQUESTING}
DAY_SECONDS = 86_400

# The instant at which a cancelled clock stood still, if it did when it was cancelled.
_LEFT_PAUSED = """(select min((spell ->> 'from')::timestamptz)
        from jsonb_array_elements(c.pauses) spell where spell ->> 'to' is null)"""


class Result(StrEnum):
    """What became of a duty, each clock in exactly one; `met_extended`: in time only thanks to an extension."""

    MET = "met"
    MET_EXTENDED = "met_extended"
    MET_LATE = "met_late"
    OPEN_IN_TIME = "open_in_time"
    OPEN_OVERDUE = "open_overdue"
    ENDED_OVERDUE = "ended_overdue"


STOPPED = (Result.MET, Result.MET_EXTENDED, Result.MET_LATE)
OPEN = (Result.OPEN_IN_TIME, Result.OPEN_OVERDUE)

STORED_STATES: Mapping[Result, frozenset[str]] = {
    Result.MET: frozenset({"met"}),
    Result.MET_EXTENDED: frozenset({"met"}),
    Result.MET_LATE: frozenset({"met_late"}),
    Result.OPEN_IN_TIME: frozenset({"running", "paused"}),
    Result.OPEN_OVERDUE: frozenset({"running", "paused"}),
    Result.ENDED_OVERDUE: frozenset({"cancelled"}),
}
"""The stored states in which a clock of that result can be."""


def result(as_of: str) -> str:
    """The result as text; null where nothing is counted: pending, or cancelled before it fell due.

    A clock is overdue if its due instant lies at or before `as_of`, or before the instant at which it last
    stood still or was cancelled.
    """
    return f"""case c.state
        when 'met' then case when c.met_extended then 'met_extended' else 'met' end
        when 'met_late' then 'met_late'
        when 'running' then case when c.due_at <= {as_of} then 'open_overdue' else 'open_in_time' end
        when 'paused' then case when c.due_at <= c.paused_since then 'open_overdue' else 'open_in_time' end
        when 'cancelled' then case when c.due_at <= least(c.stopped_at, {_LEFT_PAUSED}) then 'ended_overdue' end
        end"""


def counted_on(as_of: str) -> str:
    """The date by which a clock is counted: `due_on`, for a paused one later by the whole days it stands still."""
    return f"""case when c.state = 'paused'
        then c.due_on + {_whole_days(f"{as_of} - c.paused_since")} else c.due_on end"""


def counted_at(as_of: str) -> str:
    """The instant by which a clock is counted: `due_at`, for a paused one later by the time it stands still."""
    return f"""case when c.state = 'paused'
        then c.due_at + greatest({as_of} - c.paused_since, interval '0') else c.due_at end"""


_DAYS_TAKEN = "greatest(c.stopped_on - c.started_on, 0)"


def days_taken() -> str:
    """Days from the legal start date to the date of the stop; null for a limit that is counted backwards."""
    return f"case when c.due_on >= c.started_on then {_DAYS_TAKEN} end"


def days_taken_without_pauses() -> str:
    """The same less the days that the clock stood still in between, spells that overlap counted once."""
    stood_still = f"""(select coalesce(sum(extract(epoch from upper(still) - lower(still))), 0)
        from unnest((
            select range_agg(tstzrange((spell ->> 'from')::timestamptz, (spell ->> 'to')::timestamptz))
            from jsonb_array_elements(c.pauses) spell
            where spell ->> 'to' is null or (spell ->> 'to')::timestamptz > (spell ->> 'from')::timestamptz
        ) * tstzmultirange(tstzrange(c.started_at, c.started_at + interval '1 day' * {_DAYS_TAKEN}))) still)"""
    return f"""case when c.due_on >= c.started_on and c.pauses = '[]' then {_DAYS_TAKEN}
        when c.due_on >= c.started_on then greatest({_DAYS_TAKEN} - round({stood_still} / {DAY_SECONDS})::int, 0) end"""


def days_open(as_of: str) -> str:
    """Whole days since an open clock started; null for a limit that is counted backwards."""
    return f"""case when c.state in ('running', 'paused') and c.due_on >= c.started_on
        then {_whole_days(f"{as_of} - c.started_at")} end"""


def days_overdue(as_of: str) -> str:
    """Days begun since an open clock ran out, 1 on the first; null for one that has not."""
    stands_at = f"case when c.state = 'paused' then c.paused_since else {as_of} end"
    return f"""case when c.state in ('running', 'paused') and c.due_at <= {stands_at}
        then {_whole_days(f"{stands_at} - c.due_at")} + 1 end"""


def _whole_days(interval: str) -> str:
    return f"floor(greatest(extract(epoch from {interval}), 0) / {DAY_SECONDS})::int"
