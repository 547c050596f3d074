"""Parameters and answers of the statistics; docs/statistics.md defines every figure."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from mla_tracker.api.fields import Answer, Country, Day, Entry, Id, Instant, Line, Query, wrong
from mla_tracker.api.paging import PageQuery
from mla_tracker.api.report_bodies import MOST_DAYS, each_once
from mla_tracker.commands.opening_balances import NewBalance
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.tallies import WAYS
from mla_tracker.domain.vocabulary import PostponementGround, RefusalGround, RequestKind, Side, Status
from mla_tracker.queries.counted_requests import NOT_STATED, Figure
from mla_tracker.queries.statistics import By, CountedFilter, Division, StatisticsWanted

Way = StrEnum("Way", {way.upper(): way for way in WAYS})  # type: ignore[misc] # its words are those of the domain
Way.__doc__ = "How a request left the books."
Ground = StrEnum(  # type: ignore[misc] # as above
    "Ground", {word.upper(): word for word in (*RefusalGround, *PostponementGround, NOT_STATED)}
)
Ground.__doc__ = "The ground of a refusal; `not_stated` where none is on record."


class _Period(Query):
    from_: Day = Field(alias="from", description="The first day of the period.")
    to: Day = Field(description="The day after its last; at most 20 years after `from`.")

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


class StatisticsQuery(_Period):
    """Of which period, cut and divided how."""

    as_: Side | None = Field(
        None,
        alias="as",
        description="As what your country stands in the requests. Left out: both, in rows of their own.",
    )
    by: By = Field(
        By.PERIOD,
        description="`period`: one row for all of it; `year`: one for every twelve months from its first day on, so "
        "that financial years are had by beginning in July.",
    )
    group_by: Annotated[list[Division], AfterValidator(each_once)] = Field(
        default=[],
        max_length=len(Division),
        json_schema_extra={"uniqueItems": True},
        description="What the rows are divided by, in this order. A request stands in the row of each of its offences.",
    )

    def wanted(self) -> StatisticsWanted:
        """The same for the query."""
        sides = (self.as_,) if self.as_ else tuple(Side)
        return StatisticsWanted(self.from_, self.to, self.by, self.group_by, sides)


class StatisticsRow(Answer):
    """One row of the ledger: opening + new + reopened - every way out = closing."""

    as_: Side = Field(alias="as")
    from_: Day = Field(alias="from")
    to: Day
    counterpart: Country | None
    kind: RequestKind | None
    offence: str | None
    opening: int = Field(description="On the books when the span began.")
    new: int = Field(description="Came in the span: were sent, or received.")
    reopened: int = Field(description="Came back in the span after they had ended.")
    executed: int
    executed_in_part: int
    not_executable: int
    granted: int
    surrendered: int
    refused: int
    withdrawn: int
    returned_incomplete: int
    lapsed: int
    charged: int
    declined: int
    reclassified: int = Field(description="Found to be an enquiry, which is no request.")
    ended: int = Field(description="The sum of the twelve ways out before it.")
    closing: int = Field(description="On the books when the span ended, or now if it has not.")
    refused_by_ground: dict[str, int] = Field(description="Sums to `refused`.")
    declined_by_ground: dict[str, int] = Field(description="Sums to `declined`.")
    opening_restated: int | None = Field(description="The opening balance that your country stated.")
    opening_difference: int | None = Field(description="opening_restated - opening.")
    closing_restated: int | None = Field(description="closing + opening_difference.")
    restated_because: str | None
    arrests: int = Field(description="Persons arrested in the span, provisionally or not.")
    consents: int = Field(description="Consents to surrender given in the span and not withdrawn.")
    surrenders: int
    decided_with_consent: int = Field(description="Final decisions on extradition in the span.")
    decided_without_consent: int
    mean_days_with_consent: float | None = Field(description="From arrest to the final decision.")
    median_days_with_consent: float | None
    mean_days_without_consent: float | None
    median_days_without_consent: float | None
    list: str = Field(description="The requests that were on the books in the span.")
    lists: dict[str, str] = Field(description="The requests behind each figure that is not 0.")


class StatisticsReport(Answer):
    """The yearly figures."""

    from_: Day = Field(alias="from")
    to: Day
    as_of: Instant
    by: By
    group_by: list[Division]
    cells: list[StatisticsRow]
    totals: list[StatisticsRow] = Field(
        description="One for each side and span: of requests, not sums of rows."
    )


class CountedQuery(PageQuery, _Period):
    """Which figure of which row."""

    as_: Side = Field(alias="as", description="As what your country stands in the requests.")
    figure: Figure | None = Field(None, description="Left out: all that were on the books in the span.")
    way: list[Way] | None = Field(None, description="Only those that ended in the span in one of these ways.")
    ground: Ground | None = Field(None, description="Only those that ended in the span on this ground.")
    counterpart: Country | None = None
    kind: RequestKind | None = None
    offence: Line | None = None
    without_offence: bool = Field(False, description="Only requests that name no offence.")

    def wanted(self) -> CountedFilter:
        """The same for the query."""
        return CountedFilter(
            side=self.as_,
            from_day=self.from_,
            to_day=self.to,
            figure=self.figure,
            ways=[way.value for way in self.way or ()],
            ground=self.ground.value if self.ground else None,
            counterpart=self.counterpart,
            kind=self.kind,
            offence=self.offence,
            without_offence=self.without_offence,
        )


class CountedReferences(Answer):
    """What each side calls the request."""

    requesting: str | None
    requested: str | None


class CountedRequest(Answer):
    """A request as statistics count it: once for each time that it was on the books."""

    request_id: Id
    kind: RequestKind
    status: Status
    handling: Handling
    counterpart: Country
    references: CountedReferences
    offences: list[str]
    opened_on: Day | None = Field(description="Came, or came back. Null for figures of extradition.")
    reopened: bool
    ended_on: Day | None
    way: str | None
    ground: str | None
    arrested_on: Day | None
    consented_on: Day | None
    decided_on: Day | None
    surrendered_on: Day | None
    days_from_arrest: int | None = Field(description="From arrest to the final decision.")


class BalanceEntry(Entry):
    """What the books of your country showed when a span began."""

    country: Country = Field(description="Your own.")
    as_: Side = Field(alias="as", description="As what it stands in the requests.")
    kind: RequestKind | None = Field(None, description="Left out: requests of all kinds.")
    first_day: Day = Field(description="The first day of the span.")
    count: int = Field(ge=0, le=1_000_000)
    reason: Line = Field(description="Why it is not what the record counts.")

    def entry(self) -> NewBalance:
        """The same for the command."""
        return NewBalance(self.country, self.as_, self.kind, self.first_day, self.count, self.reason)


class OpeningBalance(Answer):
    """A statement on an opening balance. None is ever changed: a later one replaces it."""

    id: Id
    country: Country
    as_: Side = Field(alias="as")
    kind: RequestKind | None
    first_day: Day
    count: int
    reason: str
    recorded_at: Instant
    replaced: bool
