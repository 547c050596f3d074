"""One act of a history, and when it took place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from mla_tracker.domain.acts import RANK
from mla_tracker.domain.local_time import day_begins_at
from mla_tracker.domain.vocabulary import Act


@dataclass(frozen=True)
class Event:
    """One act of a history, with the instant or the local day on which it took place.

    `zone` is the zone of the country where it took place; `asserted_by` the country that says so.
    """

    id: str
    act: Act
    zone: ZoneInfo
    at: datetime | None = None
    on: date | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    asserted_by: str = ""

    @cached_property
    def day(self) -> date:
        """The day of the act where it took place."""
        if self.on is not None:
            return self.on
        assert self.at is not None
        return self.at.astimezone(self.zone).date()

    @cached_property
    def earliest(self) -> datetime:
        """The first instant (UTC) at which the act can have happened."""
        return self.at if self.at is not None else day_begins_at(self.day, self.zone)

    @cached_property
    def latest(self) -> datetime:
        """The last instant (UTC, exclusive for a bare date) at which the act can have happened."""
        return self.at if self.at is not None else day_begins_at(self.day + timedelta(days=1), self.zone)

    @cached_property
    def content(self) -> tuple[int, str, str]:
        """A sort key made of what the act says, for acts that nothing else puts in order; ids say nothing."""
        said = (
            repr(sorted(((k, v) for k, v in self.data.items() if k != "in_reply_to"), key=str))
            if self.data
            else "[]"
        )
        return (RANK[self.act], said, self.asserted_by)

    def told(self) -> str:
        """The act with its date, for messages to people."""
        when = (
            self.day.isoformat()
            if self.at is None
            else self.at.astimezone(self.zone).isoformat(timespec="minutes")
        )
        return f"{self.act.value.replace('_', ' ')} on {when}"
