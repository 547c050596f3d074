"""Parameters and answers of the reports."""

from datetime import date
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from mla_tracker.api.fields import Answer, Country, Day, Instant, Query, wrong
from mla_tracker.domain.vocabulary import RequestKind, Side, Stage
from mla_tracker.queries.ageing import BOUNDS, AgeingWanted
from mla_tracker.queries.reports import Dimension, ReportBasis, SlaWanted, Whose

MOST_DAYS: Final = 20 * 365 + 5
MOST_BANDS: Final = 10
LONGEST_BAND: Final = 36_500

Named = TypeVar("Named")


def each_once(values: list[Named]) -> list[Named]:
    """The values, or the error that names one that stands there twice."""
    doubled = [value for value in values if values.count(value) > 1]
    if doubled:
        raise wrong(f"{doubled[0]} is named twice. Name it once.")
    return values


Bound = Annotated[int, Field(ge=0, le=LONGEST_BAND)]


class ReportQuery(Query):
    """What the reports have in common."""

    as_: Side | None = Field(
        None,
        alias="as",
        description="As what your country stands in the requests. Left out: both, in cells of their own.",
    )
    basis: ReportBasis | None = Field(
        None,
        description="`law`: law and agreements; `policy`: a ministry's own targets. Left out: both, each in cells of "
        "its own.",
    )
    whose: Whose = Field(
        Whose.OURS,
        description="`ours`: what your country had to do; `theirs`: what the other side had to do.",
    )

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides asked for."""
        return (self.as_,) if self.as_ else tuple(Side)

    @property
    def bases(self) -> tuple[ReportBasis, ...]:
        """The bases asked for."""
        return (self.basis,) if self.basis else tuple(ReportBasis)


class SlaQuery(ReportQuery):
    """Of which period, divided by what."""

    from_: Day = Field(alias="from", description="The first day of the period.")
    to: Day = Field(description="The day after its last; at most 20 years after `from`.")
    group_by: Annotated[list[Dimension], AfterValidator(each_once)] = Field(
        default=[],
        max_length=len(Dimension),
        json_schema_extra={"uniqueItems": True},
        description="What the cells are divided by, in this order.",
    )

    @field_validator("to")
    @classmethod
    def _after_from(cls, to: date, found: ValidationInfo) -> date:
        start = found.data.get("from_")
        if start is not None and to <= start:
            raise wrong(
                f"Not after from ({start}). Give a later date; it is the day after the last of the period."
            )
        if start is not None and (to - start).days > MOST_DAYS:
            raise wrong(f"More than 20 years after from ({start}). Ask for a shorter period.")
        return to

    def wanted(self) -> SlaWanted:
        """The same for the query."""
        return SlaWanted(self.from_, self.to, self.group_by, self.sides, self.bases, self.whose)


class AgeingQuery(ReportQuery):
    """Divided by what, in which bands."""

    group_by: Annotated[list[Literal["counterpart", "kind"]], AfterValidator(each_once)] = Field(
        default=[],
        max_length=2,
        json_schema_extra={"uniqueItems": True},
        description="What the cells are divided by, in this order.",
    )
    bands: Annotated[list[Bound], AfterValidator(each_once), AfterValidator(sorted)] = Field(
        default=list(BOUNDS),
        min_length=1,
        max_length=MOST_BANDS,
        json_schema_extra={"uniqueItems": True},
        description="The last day of each band; one more band takes what is older.",
    )

    def wanted(self) -> AgeingWanted:
        """The same for the query."""
        divided = [Dimension(name) for name in self.group_by]
        return AgeingWanted(divided, self.bands, self.sides, self.bases, self.whose)


class SlaCell(Answer):
    """What became of some duties. Counts are of clocks due in the period, days taken of clocks stopped in it."""

    as_: Side = Field(alias="as")
    basis: ReportBasis
    counterpart: Country | None
    kind: RequestKind | None
    stage: Stage | None
    month: str | None = Field(description="YYYY-MM: of the due date for counts, of the stop for days taken.")
    due: int = Field(description="All that fell due; the sum of the six that follow.")
    met: int
    met_extended: int = Field(description="In time only thanks to an extension.")
    met_late: int
    open_in_time: int = Field(description="Not yet due at `as_of`.")
    open_overdue: int
    ended_overdue: int = Field(description="Cancelled, after the due date had passed.")
    on_time_rate: float | None = Field(description="(met + met_extended) ÷ due.")
    on_time_rate_so_far: float | None = Field(description="(met + met_extended) ÷ (due - open_in_time).")
    stopped: int = Field(description="Clocks met, in time or late, on a day of the period.")
    median_days: float | None = Field(description="From start to stop.")
    p90_days: float | None
    mean_days: float | None
    median_days_without_pauses: float | None
    p90_days_without_pauses: float | None
    mean_days_without_pauses: float | None
    open: int = Field(description="open_in_time + open_overdue.")
    median_open_days: float | None
    oldest_open_days: int | None
    list: str = Field(description="The clocks that are counted here.")
    stopped_list: str = Field(description="The clocks whose days are taken here.")


class SlaReport(Answer):
    """How fast duties were done."""

    from_: Day = Field(alias="from")
    to: Day
    as_of: Instant
    group_by: list[Dimension]
    whose: Whose
    cells: list[SlaCell]
    totals: list[SlaCell] = Field(description="One for each side and basis asked for.")


class AgeingCell(Answer):
    """How long some requests or duties have waited."""

    as_: Side = Field(alias="as")
    basis: ReportBasis | None
    counterpart: Country | None
    kind: RequestKind | None
    total: int
    counts: list[int] = Field(description="One for each of `bands`.")
    median_days: float | None
    oldest_days: int | None
    list: str = Field(description="The clocks, or the requests, that are counted here.")


class AgeingTable(Answer):
    """Cells, and one row of totals for each side and basis asked for."""

    cells: list[AgeingCell]
    totals: list[AgeingCell]


class Band(Answer):
    """A span of days, both ends inclusive; the last one has no end."""

    first_day: int
    last_day: int | None


class AgeingReport(Answer):
    """What is open, by how long it has waited."""

    as_of: Instant
    group_by: list[Literal["counterpart", "kind"]]
    whose: Whose
    bands: list[Band]
    requests: AgeingTable = Field(description="Open requests, by days since received, or sent.")
    clocks: AgeingTable = Field(description="Deadlines still to be met, by days since their start.")
    overdue: AgeingTable = Field(description="Those of them that ran out, by days since.")
