"""Persons as officers record them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from mla_tracker.commands.persons import NewPerson, record_person
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.persons import Part
from mla_tracker.storage.database import Database

NAME = "Julia Ruiz Ortega"


@dataclass(frozen=True)
class PersonBuilder:
    """A suspect of whom a name is known."""

    entry: NewPerson

    def as_a(self, part: Part) -> Self:
        return replace(self, entry=replace(self.entry, part=part))

    def known(self, **content: Any) -> Self:
        return replace(self, entry=replace(self.entry, content={**self.entry.content, **content}))

    async def recorded(self, db: Database, request_id: UUID, actor: Actor, now: datetime) -> UUID:
        """Record it; gives the id of the person."""
        return (await record_person(db, request_id, self.entry, actor=actor, now=now)).id


def a_person(name: str = NAME) -> PersonBuilder:
    names = [{"kind": "current", "family_names": None, "given_names": None, "as_written": name}]
    return PersonBuilder(
        NewPerson(
            Part.SUSPECT,
            {
                "names": names,
                "sex": None,
                "born_on": None,
                "birth_place": None,
                "birth_country": None,
                "nationalities": [],
                "identifiers": [],
                "remarks": None,
            },
        )
    )
