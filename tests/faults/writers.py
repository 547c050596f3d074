"""Officers of two countries who write all the time, at either node, and repeat what they had no answer to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

import httpx

from tests.builders.requests import a_request_body, act
from tests.faults.book import Book, Kind, State, Write
from tests.faults.installation import Node

API: Final = "/api/v1"
PATIENCE: Final = 25.0
REPEATS_AT_ONCE: Final = 2
LIMIT_MINUTES: Final = 2

AN_AGREEMENT: Final = {
    "title": "Convention on the fast delivery of requests",
    "kind": "mutual_legal_assistance",
    "parties": ["MA", "ES"],
    "signed_on": "2020-01-01",
    "in_force_from": "2020-06-01",
    "limits": [
        {
            "kind": "evidence", "stage": "receive", "amount": LIMIT_MINUTES, "unit": "minutes",
            "starts_on": ["sent"], "stops_on": ["received"], "warning_lead": {"amount": 1, "unit": "minutes"},
        }
    ],
}  # fmt: skip
"""With a limit of minutes, so that clocks come due while everything is being hurt."""


@dataclass
class Case:
    """A request as its writer knows it. Only its writer writes to it, so that its history can be told beforehand."""

    id: str
    next_day: date = date(2025, 2, 1)
    reminders: list[str] = field(default_factory=list)
    received: bool = False
    sent: bool = True
    fresh: bool = False

    def when(self) -> str:
        """A day that no other act of the case has; of a case that was sent just now, this instant."""
        if self.fresh:
            return datetime.now(UTC).isoformat()
        self.next_day += timedelta(days=1)
        return self.next_day.isoformat()


@dataclass
class Desk:
    """What writers share: the clients of both countries, the nodes, the book, and the cases that each has."""

    book: Book
    nodes: Sequence[Node]
    clients: dict[str, httpx.AsyncClient]
    agreement_id: str = ""
    cases: dict[int, list[Case]] = field(default_factory=dict)

    async def send(
        self, write: Write, rng: Random, *, repeats: int = REPEATS_AT_ONCE
    ) -> dict[str, Any] | None:
        """Send a write, and once more if it has a key and no answer came; None if nothing is known of it."""
        if write.tries == 0:
            self.book.writes.append(write)
        for again in range(repeats + 1 if write.key else 1):
            if again:
                await asyncio.sleep(0.2)
            write.tries += 1
            answer = await self._sent(write, rng.choice(self.nodes))
            if answer is None or answer.status_code == 503:
                write.state = State.UNSURE
                continue
            if answer.status_code in (200, 201):
                said: dict[str, Any] = answer.json()
                self.book.acknowledged(write, str(said.get("id", "")))
                return said
            write.state = State.REFUSED
            if answer.status_code != 412:
                self.book.findings.append(
                    f"{write.kind} at {write.path} was answered with {answer.status_code}: {answer.text[:600]}"
                )
            return None
        return None

    async def read(self, country: str, path: str, rng: Random) -> httpx.Response | None:
        """Read something, if it can be had at the moment."""
        try:
            answer = await self.clients[country].get(rng.choice(self.nodes).address + API + path)
        except httpx.HTTPError:
            return None
        if answer.status_code not in (200, 503):
            self.book.findings.append(
                f"GET {path} was answered with {answer.status_code}: {answer.text[:600]}"
            )
        return answer if answer.status_code == 200 else None

    async def _sent(self, write: Write, node: Node) -> httpx.Response | None:
        method = "PATCH" if write.kind is Kind.AMENDMENT else "POST"
        try:
            return await self.clients[write.country].request(
                method, node.address + API + write.path, json=write.body, headers=write.headers
            )
        except httpx.HTTPError:
            return None


class Writer:
    """One officer, whose doings follow from a seed."""

    def __init__(self, desk: Desk, number: int, seed: str) -> None:
        self.desk = desk
        self.name = f"{seed} {number}".replace(" ", "-")
        self.rng = Random(self.name)
        self.cases = desk.cases.setdefault(number, [])
        self._number = 0

    async def write_until(self, enough: asyncio.Event) -> None:
        """Do one thing after the other."""
        deeds = [
            self.remind,
            self.receive,
            self.correct,
            self.amend,
            self.acknowledge,
            self.person,
            self.note,
        ]
        while not enough.is_set():
            if len(self.cases) < 2 or self.rng.random() < 0.3:
                await self.log()
            elif self.rng.random() < 0.03:
                await self.agree()
            else:
                await self.rng.choice(deeds)(self.rng.choice(self.cases))
            await asyncio.sleep(self.rng.uniform(0, 0.12))

    async def log(self) -> None:
        """Log a request: long overdue, due in some seconds, to be warned of in some seconds, or a draft."""
        reference = self._mark()
        form = self.rng.choice(["overdue", "due soon", "warned soon", "draft"])
        body = a_request_body(external_reference=reference, subject=f"Matter {reference}")
        if form == "overdue":
            body["events"] = [act("sent", "2025-01-06"), act("reminded", "2025-01-20")]
        elif form != "draft":
            ago = LIMIT_MINUTES * 60 if form == "due soon" else (LIMIT_MINUTES - 1) * 60
            sent = datetime.now(UTC) - timedelta(seconds=ago - self.rng.uniform(0, 5))
            body |= {"convention": None, "agreement_id": self.desk.agreement_id}
            body["events"] = [act("sent", sent.isoformat())]
        write = Write(Kind.REQUEST, "MA", "/requests", body, reference, key=self._key())
        if (said := await self.desk.send(write, self.rng)) is not None:
            self.cases.append(
                Case(said["id"], sent=form != "draft", fresh=form in ("due soon", "warned soon"))
            )

    async def remind(self, case: Case) -> None:
        """Record an act of the requesting country."""
        if case.sent:
            when = case.when()
            path = f"/requests/{case.id}/events"
            write = Write(
                Kind.ACT, "MA", path, act("reminded", when), ("reminded", when), case.id, key=self._key()
            )
            if (said := await self.desk.send(write, self.rng)) is not None:
                case.reminders.append(said["id"])

    async def receive(self, case: Case) -> None:
        """Record, for the requested country, that the request arrived: clocks stop, flags are settled."""
        if case.sent and not case.received and self.rng.random() < 0.5:
            case.received = True
            at = datetime.now(UTC).isoformat()
            path = f"/requests/{case.id}/events"
            write = Write(
                Kind.ACT, "ES", path, act("received", at), ("received", at), case.id, key=self._key()
            )
            await self.desk.send(write, self.rng)

    async def correct(self, case: Case) -> None:
        """Void an act, with another in its place."""
        if case.reminders:
            event_id, when = case.reminders.pop(), case.when()
            body = {"reason": "The stamp says another day.", "replacement": act("reminded", when)}
            path = f"/requests/{case.id}/events/{event_id}/void"
            await self.desk.send(
                Write(Kind.VOID, "MA", path, body, (event_id, when), case.id, key=self._key()), self.rng
            )

    async def amend(self, case: Case) -> None:
        """Change a fact of the request, as it was last read. There is no key for this: what is lost is unsure."""
        answer = await self.desk.read("MA", f"/requests/{case.id}", self.rng)
        if answer is not None:
            name = self._mark()
            write = Write(
                Kind.AMENDMENT, "MA", f"/requests/{case.id}", {"assigned_to": name}, name, case.id,
                version=answer.headers["ETag"],
            )  # fmt: skip
            await self.desk.send(write, self.rng)

    async def acknowledge(self, case: Case) -> None:
        """Acknowledge a flag of the case."""
        answer = await self.desk.read("MA", f"/flags?request_id={case.id}&acknowledged=false", self.rng)
        for flag in answer.json()["items"][:1] if answer is not None else []:
            write = Write(
                Kind.ACKNOWLEDGEMENT, "MA", f"/flags/{flag['id']}/acknowledge", None, flag["id"], case.id,
                key=self._key(),
            )  # fmt: skip
            await self.desk.send(write, self.rng)

    async def person(self, case: Case) -> None:
        """Record who the request is about."""
        names = [{"family_names": f"Ruiz {self._mark()}", "given_names": "Julia"}]
        write = Write(
            Kind.PERSON, "MA", f"/requests/{case.id}/persons", {"part": "suspect", "names": names}, None, case.id,
            key=self._key(),
        )  # fmt: skip
        await self.desk.send(write, self.rng)

    async def note(self, case: Case) -> None:
        """Write a note of one's own side."""
        text = {"text": f"Called the ministry, {self._mark()}."}
        write = Write(Kind.NOTE, "MA", f"/requests/{case.id}/notes", text, None, case.id, key=self._key())
        await self.desk.send(write, self.rng)

    async def agree(self) -> None:
        """Record an agreement, which is no source of limits."""
        reference = self._mark()
        body = AN_AGREEMENT | {"external_reference": reference, "limits": [], "kind": "extradition"}
        await self.desk.send(
            Write(Kind.AGREEMENT, "MA", "/agreements", body, reference, key=self._key()), self.rng
        )

    def _mark(self) -> str:
        self._number += 1
        return f"{self.name}-{self._number}"

    def _key(self) -> str | None:
        """Most writes can be repeated; what cannot may be there afterwards, or not."""
        return self._mark() if self.rng.random() < 0.8 else None


async def repeat(desk: Desk, rng: Random) -> int:
    """Send once more whatever had no answer and has a key; gives how many."""
    waiting = desk.book.to_repeat()
    for write in waiting:
        if await desk.send(write, rng, repeats=20) is None:
            desk.book.findings.append(f"{write.kind} {write.mark} could not be repeated under {write.key}")
    return len(waiting)
