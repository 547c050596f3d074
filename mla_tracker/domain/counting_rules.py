"""How the law counts: periods, and the counting rules as data with the provisions they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mla_tracker.domain.vocabulary import Roll, Unit

ELAPSED_UNITS = frozenset({Unit.MINUTES, Unit.HOURS})
"""Counted as elapsed time, to an exact instant."""

WORKING_TIME_UNITS = frozenset({Unit.WORKING_SECONDS, Unit.WORKING_MINUTES, Unit.WORKING_HOURS})
"""Counted within opening hours, to an exact instant."""

MONTH_UNITS = frozenset({Unit.MONTHS, Unit.YEARS})


@dataclass(frozen=True, slots=True)
class Period:
    """So many of a unit; a negative amount counts backwards."""

    amount: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class CountingRule:
    """How a period is counted where the limit says so.

    - `count_start_day`: the day of the event is the first day counted ("starting with the day").
    - `exclude_start_hour`: of a period in hours, the local hour of the event is not counted.
    - `roll`: where a period in days or longer goes that would end on a day not worked. `next_working_day`
      leaves periods counted backwards where they end; `previous_working_day` moves both.
    - `min_working_days`: a forward period in days or longer ends no earlier than on its n-th working day.
    - `minimum_from_days`: shorter periods (in days or working days) are free of that minimum.
    - `min_from_start_day`: in periods of weeks, months and years the day of the event counts towards the
      minimum.
    - `shift_start`: an event on a day not worked counts as one on the next working day (backwards: the
      previous one).
    - `only_working_days`: a period in days is one in working days.
    - `source`: instrument and article; `provisions`: the closer place, by step (start, hour, end, roll,
      minimum).
    """

    name: str = "custom"
    count_start_day: bool = False
    exclude_start_hour: bool = False
    roll: Roll = Roll.NONE
    min_working_days: int = 0
    min_from_start_day: bool = False
    shift_start: bool = False
    source: str | None = None
    minimum_from_days: int = 0
    only_working_days: bool = False
    provisions: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, step: str) -> str | None:
        """The provision behind one step of the count."""
        return self.provisions.get(step, self.source)


_REGULATION = "Regulation (EEC, Euratom) No 1182/71"

RULES: Mapping[str, CountingRule] = {
    rule.name: rule
    for rule in (
        CountingRule(
            name="calendar",
            source="practice under treaties",
        ),
        CountingRule(
            name="eu-1182-71",
            exclude_start_hour=True,
            roll=Roll.NEXT_WORKING_DAY,
            min_working_days=2,
            # Art. 3(5) speaks of "any period of two days or more".
            minimum_from_days=2,
            # Case C-171/03 Toeters: periods in weeks, months or years run from the day of the event itself.
            min_from_start_day=True,
            source=f"{_REGULATION} Art. 3",
            provisions={
                "start": f"{_REGULATION} Art. 3(1)",
                "hour": f"{_REGULATION} Art. 3(1)",
                "end": f"{_REGULATION} Art. 3(2)",
                "roll": f"{_REGULATION} Art. 3(4)",
                "minimum": f"{_REGULATION} Art. 3(5)",
            },
        ),
        CountingRule(
            name="roll-forward",
            roll=Roll.NEXT_WORKING_DAY,
            source="in the style of ETS 76 Art. 5, which itself does not cover criminal matters",
        ),
        CountingRule(
            name="inclusive",
            count_start_day=True,
            source='Extradition Act 2003 (United Kingdom): "starting with the day"',
        ),
        CountingRule(name="instants", source="limits in hours run from instant to instant"),
        CountingRule(
            name="working-days",
            only_working_days=True,
            source="policies of countries",
        ),
    )
}
"""The named rules. A limit names one of them; whoever asks the engine directly may write their own."""
