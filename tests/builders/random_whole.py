"""Requests of a seed with all that hangs on them: acts taken back and replaced, links, persons, notes, by both."""

import itertools
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.notes import erase_note, record_note
from mla_tracker.commands.persons import NewPerson, change_person, erase_person, record_person
from mla_tracker.commands.requests import log_request, record_event, void_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import OF_EITHER_SIDE, OF_REQUESTING_SIDE
from mla_tracker.domain.errors import DomainError
from mla_tracker.domain.persons import ErasureGround, Part
from mla_tracker.domain.vocabulary import Act
from mla_tracker.queries.requests import history
from mla_tracker.storage.database import Database, DbRole
from tests.builders.random_cases import LAST, NOW, RandomCases
from tests.builders.secrets import MARK

COUNTRIES = ("ES", "PT", "MA", "MD")
WORDS = ('=1+1; "quoted"', "-\nTwo lines\t", "  blanks  ", "@ ' ,;", "القضية", "plain", "plain")
ERASED = f"{MARK} erased"


class RandomWhole:
    """Records requests in the name of an account of each country, and keeps their ids in `made`.

    Now and then `everyone`, an account of all of them, takes something back.
    """

    def __init__(
        self, seed: int, db: Database, accounts: Mapping[str, Actor], everyone: Actor | None = None
    ) -> None:
        self.everyone = everyone
        self.cases = RandomCases(seed)
        self.random = random.Random(seed)
        self.name = f"W{seed}"
        self.db, self.accounts = db, accounts
        self.made: list[UUID] = []
        self.sides: list[tuple[tuple[Actor, Actor], Actor | None]] = []
        self.alone: Actor | None = None
        self.now = NOW

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def words(self) -> str:
        return self.random.choice(WORDS)

    def later(self) -> datetime:
        """Mostly the same instant, as when a program records much at once."""
        self.now += timedelta(milliseconds=self.random.choice((0, 0, 0, 1, 40)))
        return self.now

    async def record(self, number: int) -> None:
        """So many requests."""
        while len(self.made) < number:
            entry = self.cases.request()
            own = entry.requesting_country if self.chance(0.8) else entry.requested_country
            recorder = self.accounts[own]
            self.alone = recorder if self.chance(0.4) else None
            entry = replace(entry, external_reference=f"{self.name}-{len(self.made)}", subject="One line")
            acts, entry = list(entry.events), replace(entry, events=())
            request_id = (await log_request(self.db, entry, actor=recorder, now=self.later())).id
            sides = (self.accounts[entry.requesting_country], self.accounts[entry.requested_country])
            for act in acts:
                act = replace(act, note=self.words() if self.chance(0.3) else None)
                await self._act(request_id, act, sides)
                if self.chance(0.2):
                    await self._act(
                        request_id, act, sides
                    )  # the same once more, for another to answer or replace
            await self._questions(request_id, sides)
            for side in sides if self.alone is None else (self.alone,):
                for _ in range(self.random.choice((0, 1, 3))):
                    await self._void(request_id, side)
                await self._persons(request_id, side)
                await self._notes(request_id, side)
            self.made.append(request_id)
            self.sides.append((sides, self.alone))
        await self._links()

    async def _act(self, request_id: UUID, act: NewEvent, sides: tuple[Actor, Actor]) -> None:
        if act.type in OF_EITHER_SIDE or act.type is Act.RECEIVED:
            side = self.random.choice(sides)
        else:
            side = sides[act.type not in OF_REQUESTING_SIDE]
        if self.alone not in (None, side):
            return
        if act.type is Act.INFORMATION_SUPPLIED:
            answered = [one for one in await self._history(request_id, side) if one["voided"] is None]
            if answered:
                data = {**act.data, "in_reply_to": str(self.random.choice(answered)["id"])}
                act = replace(act, data=data)
        with suppress(DomainError):
            await record_event(self.db, request_id, act, actor=side, now=self.later())

    async def _questions(self, request_id: UUID, sides: tuple[Actor, Actor]) -> None:
        """Some that say the same, and answers to this or that."""
        for act in self.random.choice(
            (
                (),
                (Act.INFORMATION_REQUESTED, Act.INFORMATION_REQUESTED, Act.INFORMATION_SUPPLIED),
                (Act.INFORMATION_SUPPLIED,) * 2,
            )
        ):
            await self._act(request_id, NewEvent(act, occurred_on=LAST), sides)

    async def _links(self) -> None:
        """To earlier ones and to later ones, in no circle; some of them are taken back."""
        ranks = self.random.sample(range(len(self.made)), len(self.made))
        for here, there in itertools.permutations(range(len(self.made)), 2):
            if ranks[here] < ranks[there] and self.chance(0.12):
                sides, self.alone = self.sides[here]
                data = {"request_id": str(self.made[there]), "relation": "related"}
                link = NewEvent(Act.LINKED, occurred_on=LAST, data=data)
                await self._act(self.made[here], link, sides)
                if self.chance(0.3):
                    await self._void(self.made[here], self.alone or sides[0])

    async def _history(self, request_id: UUID, side: Actor) -> list[dict[str, Any]]:
        try:
            async with self.db.transaction(DbRole.API, viewer=side, read_only=True) as tx:
                return await history(tx, request_id, actor=side, now=self.now)
        except DomainError:
            return []

    async def _void(self, request_id: UUID, side: Actor) -> None:
        if self.everyone is not None and self.chance(0.2):
            side = self.everyone
        own = [one for one in await self._history(request_id, side) if side.speaks_for(one["asserted_by"])]
        if not own:
            return
        wrong = self.random.choice(own)
        right = None
        if self.chance(0.7):
            day: date = wrong["occurred_on"] or wrong["occurred_at"].date()
            kind = Act(wrong["type"]) if self.chance(0.8) else Act.REMINDED
            data = dict(wrong["data"]) if kind == wrong["type"] else {}
            moved = day - timedelta(days=self.random.choice((0, 0, 1)))
            right = NewEvent(
                kind, occurred_on=moved, data=data, note=self.words() if self.chance(0.3) else None
            )
        with suppress(DomainError):
            await void_event(
                self.db, request_id, wrong["id"],
                reason=self.words(), replacement=right, actor=side, now=self.later(),
            )  # fmt: skip

    async def _persons(self, request_id: UUID, side: Actor) -> None:
        for _ in range(self.random.choice((0, 0, 1, 3))):
            with suppress(DomainError):
                made = await record_person(self.db, request_id, self.person(), actor=side, now=self.later())
                if self.chance(0.2):
                    await change_person(
                        self.db, request_id, made.id, {"remarks": self.words()},
                        expected=None, actor=side, now=self.later(),
                    )  # fmt: skip
        if self.chance(0.2):
            with suppress(DomainError):
                gone = NewPerson(Part.VICTIM, {**self.person().content, "remarks": ERASED})
                made = await record_person(self.db, request_id, gone, actor=side, now=self.later())
                ground = ErasureGround.NOT_CONCERNED
                await erase_person(self.db, request_id, made.id, ground, actor=side, now=self.later())

    def person(self) -> NewPerson:
        """Somebody of whom this or that is known."""
        written = self.words().strip().split("\n")[0]
        name = {"kind": "alias", "family_names": None, "given_names": None, "as_written": written}
        number = {"type": "passport", "number": "X1", "issuing_country": self.random.choice(("MA", None))}
        return NewPerson(
            self.random.choice(list(Part)),
            {
                "names": [name] * self.random.choice((0, 1, 2)),
                "sex": self.random.choice(("female", None)),
                "born_on": self.random.choice(("1987", "1987-05", "1987-05-02", None)),
                "birth_place": self.random.choice(("Rabat", None)),
                "birth_country": self.random.choice(("MA", None)),
                "nationalities": self.random.sample(("MA", "ES", "FR"), self.random.randint(0, 2)),
                "identifiers": [number] * self.random.choice((0, 0, 1)),
                "remarks": self.words(),
            },
        )

    async def _notes(self, request_id: UUID, side: Actor) -> None:
        for _ in range(self.random.choice((0, 0, 1, 2))):
            with suppress(DomainError):
                await record_note(self.db, request_id, self.words(), actor=side, now=self.later())
        if self.chance(0.2):
            with suppress(DomainError):
                made = await record_note(self.db, request_id, ERASED, actor=side, now=self.later())
                ground = ErasureGround.RECORDED_IN_ERROR
                await erase_note(self.db, request_id, made.id, ground, actor=side, now=self.later())
