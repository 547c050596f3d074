"""How long persons and texts of a closed request are kept: years after its closing, by the rules of its countries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from mla_tracker.domain.counting_days import same_number
from mla_tracker.domain.vocabulary import RequestKind

LONGEST_YEARS: Final = 100
FIRST_VERSION: Final = 1
REGRET: Final = timedelta(days=7)
"""How long a rule and what was recorded last of a request stand before anything is erased by them: a slip of the pen in
either would destroy what nobody can bring back."""

BEHIND_UTC: Final = timedelta(hours=12)
AHEAD_OF_UTC: Final = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What a country says: years after closing, None to keep; of the kinds in `by_kind` what stands there instead.

    Version 1 is that of a country which has said nothing, and `set_at` is None then.
    """

    country: str
    version: int = FIRST_VERSION
    years: int | None = None
    by_kind: Mapping[str, int | None] = field(default_factory=dict)
    set_at: datetime | None = None

    def years_for(self, kind: RequestKind) -> int | None:
        """The years for requests of a kind; None: they are kept."""
        return self.by_kind.get(kind.value, self.years)


@dataclass(frozen=True, slots=True)
class Closing:
    """The act by which a request was closed, and when anything was last recorded in its history."""

    occurred_on: date | None
    occurred_at: datetime | None
    last_recorded_at: datetime

    @property
    def day(self) -> date:
        """The day of closing; of an instant, the latest day that it was anywhere."""
        if self.occurred_on is not None:
            return self.occurred_on
        assert self.occurred_at is not None
        return (self.occurred_at + AHEAD_OF_UTC).date()


def kept_until(kind: RequestKind, closing: Closing, rules: Sequence[RetentionRule]) -> date | None:
    """The last day on which persons and texts are kept: the latest by any of the rules. None: they are kept.

    From 29 February years lead to 28 February where there is no 29th, as in every other period of ours. Nobody's rule:
    nobody says that it is to be forgotten.
    """
    ends: list[date] = []
    for rule in rules:
        years = rule.years_for(kind)
        if years is None:
            return None
        ends.append(same_number(closing.day, years * 12, "/years"))
    return max(ends, default=None)


def is_to_be_forgotten(
    until: date | None, closing: Closing, rules: Iterable[RetentionRule], now: datetime
) -> bool:
    """Whether the last day has ended everywhere on earth, and neither closing nor rules are too fresh to act on."""
    if until is None or (now - BEHIND_UTC).date() <= until:
        return False
    said = [closing.last_recorded_at, *(rule.set_at for rule in rules if rule.set_at is not None)]
    return all(at + REGRET <= now for at in said)
