"""Builders for statistics: requests with a history of bare dates, as rows, with what a command would have computed.

`a_case().sent("2026-01-05").received("2026-01-09").ended("refused", "2026-03-02", ground="nationality")`
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from mla_tracker.domain.contradictions import judge
from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case
from mla_tracker.domain.life import life_of
from mla_tracker.domain.vocabulary import Act, RequestKind
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.requests import projection_content

RECORDED_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("UTC")


def day(text: str | date) -> date:
    return date.fromisoformat(text) if isinstance(text, str) else text


@dataclass(frozen=True)
class ACase:
    """A request without acts, by default an extradition request of Morocco to Spain."""

    kind: str = "extradition"
    requesting: str = "MA"
    requested: str = "ES"
    recorded_by: str = "ES"
    offences: tuple[str, ...] = ()
    acts: tuple[tuple[Act, date, dict[str, Any], str], ...] = ()
    id: UUID = field(default_factory=lambda: uuid7(RECORDED_AT))

    def between(self, requesting: str, requested: str) -> Self:
        return replace(self, requesting=requesting, requested=requested, recorded_by=requested)

    def about(self, *offences: str) -> Self:
        return replace(self, offences=offences)

    def of(self, kind: str) -> Self:
        return replace(self, kind=kind)

    def act(self, act: str, when: str | date, *, by: str | None = None, **data: Any) -> Self:
        return replace(self, acts=(*self.acts, (Act(act), day(when), data, by or self.recorded_by)))

    def sent(self, when: str | date) -> Self:
        return self.act("sent", when)

    def received(self, when: str | date) -> Self:
        return self.act("received", when)

    def ended(self, way: str, when: str | date, ground: str | None = None) -> Self:
        """By an act of its own where there is one, else closed with the outcome."""
        if way in {"executed", "refused", "withdrawn", "surrendered", "charged", "declined"}:
            return self.act(way, when, **({"ground": ground} if ground else {}))
        if way == "reclassified":
            return self.act(way, when, reclassified_as="enquiry")
        return self.act("closed", when, outcome=way)

    def reopened(self, when: str | date) -> Self:
        return self.act("reopened", when, reason="It came back.")

    def case(self) -> Case:
        """The same as the law looks at it."""
        events = tuple(
            Event(id=str(number), act=act, zone=ZONE, on=when, data=data, asserted_by=by)
            for number, (act, when, data, by) in enumerate(self.acts)
        )
        return Case(RequestKind(self.kind), self.requesting, self.requested, events)

    async def stored(self, db: Database) -> Self:
        """Write it in a transaction of its own."""
        async with db.transaction(DbRole.OWNER) as tx:
            await insert(tx, [self])
        return self


def a_case() -> ACase:
    """An extradition request of Morocco to Spain, recorded by Spain."""
    return ACase()


async def insert(tx: Tx, cases: Iterable[ACase]) -> None:
    """Write requests with what is read off their histories."""
    rows = []
    for one in cases:
        case = one.case()
        judge(case)
        life = life_of(case)
        assert life.misfits == (), "a closing that says nothing of the outcome, or another one"
        content = projection_content(life, (), first_act_on=case.first_day)
        rows.append(
            (
                one.id, one.kind, one.requesting, one.requested, one.recorded_by, list(one.offences), RECORDED_AT,
                *(content[name] for name in ("status", "outcome", "reclassified_as", "shared", "ended_on", "tally")),
            )
        )  # fmt: skip
    await tx.executemany(
        """
        insert into request (id, kind, requesting_country, requested_country, recorded_by, urgency, offences,
            created_at, updated_at, status, outcome, reclassified_as, shared, ended_on, tally)
        values ($1, $2, $3, $4, $5, 'routine', $6, $7, $7, $8, $9, $10, $11, $12, $13)
        """,
        rows,
    )
