"""Builders for agreements: `an_agreement().signed("2020-03-02").in_force("2021-01-01")`."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self
from uuid import UUID

from mla_tracker.domain.agreements import Agreement, AgreementEvent, Party
from mla_tracker.domain.vocabulary import AgreementAct, AgreementKind, AgreementScope


def _day(day: str | None) -> date | None:
    return date.fromisoformat(day) if day else None


@dataclass(frozen=True)
class AgreementBuilder:
    """An agreement of the domain, by default on legal assistance between Morocco and Spain."""

    number: int = 1
    title: str = "Convention on legal assistance in criminal matters"
    about: AgreementKind = AgreementKind.MUTUAL_LEGAL_ASSISTANCE
    recorder: str = "MA"
    members: tuple[Party, ...] = (Party("MA"), Party("ES"))
    dates: dict[str, date | None] = field(default_factory=dict)
    events: tuple[AgreementEvent, ...] = ()

    def titled(self, title: str, number: int = 1) -> Self:
        return replace(self, title=title, number=number)

    def on(self, kind: str) -> Self:
        return replace(self, about=AgreementKind(kind))

    def recorded_by(self, country: str) -> Self:
        return replace(self, recorder=country)

    def between(self, *members: str | Party) -> Self:
        return replace(self, members=tuple(Party(m) if isinstance(m, str) else m for m in members))

    def signed(self, day: str) -> Self:
        return self._dated("signed_on", day)

    def applied(self, day: str) -> Self:
        return self._dated("provisionally_applied_from", day)

    def in_force(self, day: str) -> Self:
        return self._dated("in_force_from", day)

    def ended(self, day: str) -> Self:
        return self._dated("terminated_on", day)

    def then(self, act: str, day: str, *, by: str | None = None, effective: str | None = None) -> Self:
        event = AgreementEvent(AgreementAct(act), date.fromisoformat(day), by, _day(effective))
        return replace(self, events=(*self.events, event))

    def build(self) -> Agreement:
        scope = AgreementScope.BILATERAL if len(self.members) == 2 else AgreementScope.MULTILATERAL
        return Agreement(
            id=UUID(int=self.number),
            title=self.title,
            kind=self.about,
            scope=scope,
            recorded_by=self.recorder,
            parties=self.members,
            events=self.events,
            **self.dates,
        )

    def _dated(self, name: str, day: str) -> Self:
        return replace(self, dates={**self.dates, name: _day(day)})


def an_agreement() -> AgreementBuilder:
    return AgreementBuilder()


def a_party(
    name: str, *, signed: str | None = None, bound: str | None = None, left: str | None = None
) -> Party:
    return Party(name, _day(signed), _day(bound), _day(left))


def an_agreement_body(**fields: Any) -> dict[str, Any]:
    """The body of `POST /agreements`: the smallest that is taken, with whatever else is given."""
    return {
        "title": "Convention on legal assistance in criminal matters",
        "kind": "mutual_legal_assistance",
        "parties": ["MA", "ES"],
        **fields,
    }
