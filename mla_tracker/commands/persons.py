"""Recording, correcting and erasing who a request is about. Nothing of what is said of them is in any error."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.commands.entries import Fault, side_of_writer
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.commands.recorded import Recorded
from mla_tracker.commands.requests import locked
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import ActNotPossible, InvalidEntry, NotAllowed, VersionStale
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.persons import ErasureGround, Part
from mla_tracker.queries import persons as queries
from mla_tracker.storage import persons, rows
from mla_tracker.storage.audit import append, entry_rows
from mla_tracker.storage.audited import added, chain_of, newly
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.persons import StoredPerson
from mla_tracker.storage.requests import of_request
from mla_tracker.storage.texts import key_for

MOST_PERSONS: Final = 500


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person as handed in: the part, and what is said of them in JSON's terms, by the names of `queries.CONTENT`."""

    part: Part
    content: Mapping[str, Any]


async def record_person(
    db: Database,
    request_id: UUID,
    entry: NewPerson,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Record a person in the name of the account's own country.

    Raises NotFound, InvalidEntry for what cannot be, for too many persons, and where the request was erased.
    """
    require(actor, Deed.RECORD_PERSONS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        done = await claim(tx, idempotency, now)
        if done:
            made = UUID(done["id"])
            route = "POST /requests/{request_id}/persons"
            await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
        else:
            record = (await locked(tx, request_id, actor)).record
            _check(entry.content, now.date())
            if (
                await tx.fetchval("select count(*) from person where request_id = $1", request_id)
                >= MOST_PERSONS
            ):
                raise InvalidEntry(
                    f"A request holds at most {MOST_PERSONS} persons. Log a supplementary request and link it."
                )
            made = uuid7(now)
            country = side_of_writer(actor, record.requesting_country, record.requested_country)
            key, kept = await key_for(tx, of_request(record))
            row = persons.person_row(
                record, made, key, entry.part.value, entry.content,
                recorded_by=country, account_id=actor.account_id, now=now,
            )  # fmt: skip
            told = await entry_rows(
                tx, chain_of(request_id), What.PERSON_RECORDED, [*newly(kept), added("person", row)],
                actor=actor, now=now, seen_by=[country], country=country,
            )  # fmt: skip
            await rows.insert(tx, {**kept, "person": [row], **told})
            await complete(tx, idempotency, {"id": str(made)})
        view = await queries.person(tx, request_id, made, actor=actor)
    return Recorded(made, replayed=bool(done), view=view)


async def change_person(
    db: Database,
    request_id: UUID,
    person_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> Recorded:
    """Correct what is said of a person: what `changes` leaves out stays, None empties; what was said before is gone.

    Raises NotFound, NotAllowed for a person that the other country recorded, ActNotPossible for one that was erased,
    VersionStale, InvalidEntry.
    """
    require(actor, Deed.RECORD_PERSONS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        record = (await locked(tx, request_id, actor)).record
        before = await _own(tx, request_id, person_id, actor)
        if before.content is None:
            raise ActNotPossible(
                "What was said of this person was erased. Record the person anew if need be."
            )
        if expected is not None and before.version not in expected:
            raise VersionStale(
                f"The person has changed since and is at version {before.version} now. "
                "Read it again and base the change on what it says now."
            )
        part = Part(changes.get("part", before.part))
        content = {**before.content, **{name: changes[name] for name in queries.CONTENT if name in changes}}
        _check(content, now.date())
        if (part, content) != (before.part, before.content):
            key, _ = await key_for(tx, of_request(record))
            told = await persons.replace(tx, before, key, part.value, content, now)
            await append(
                tx, chain_of(request_id), What.PERSON_CHANGED, told,
                actor=actor, now=now, seen_by=[before.recorded_by], country=before.recorded_by,
            )  # fmt: skip
        else:
            route = "PATCH /requests/{request_id}/persons/{person_id}"
            await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
        view = await queries.person(tx, request_id, person_id, actor=actor)
    return Recorded(person_id, view=view)


async def erase_person(
    db: Database,
    request_id: UUID,
    person_id: UUID,
    ground: ErasureGround,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Destroy what is said of a person; that there was one, and its commitment, stay. A second time changes nothing.

    Raises NotFound, NotAllowed for a person that the other country recorded.
    """
    require(actor, Deed.ERASE_PERSONS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        done = await claim(tx, idempotency, now, making={"id": str(person_id)})
        await locked(tx, request_id, actor)
        before = await _own(tx, request_id, person_id, actor)
        if before.erased_at is None:
            told = await persons.erase(tx, person_id, ground.value, now)
            await append(
                tx, chain_of(request_id), What.PERSON_REMOVED, told,
                actor=actor, now=now, seen_by=[before.recorded_by], country=before.recorded_by,
            )  # fmt: skip
        view = await queries.person(tx, request_id, person_id, actor=actor)
    return Recorded(person_id, replayed=bool(done), view=view)


async def _own(tx: Tx, request_id: UUID, person_id: UUID, actor: Actor) -> StoredPerson:
    """The person, if the account's country recorded it. Raises NotFound, NotAllowed."""
    found = await persons.load(tx, request_id, person_id)
    if found is None:
        raise queries.no_such_person()
    if not actor.speaks_for(found.recorded_by):
        raise NotAllowed(
            f"The person was recorded by {found.recorded_by}, which alone changes or erases it. "
            "Ask its central authority."
        )
    return found


def _check(content: Mapping[str, Any], today: date) -> None:
    """Raises InvalidEntry naming every field at fault."""
    if faults := faults_of_person(content, today):
        raise InvalidEntry(
            "What is said of the person is not complete or not possible. Nothing was recorded.", fields=faults
        )


def faults_of_person(content: Mapping[str, Any], today: date) -> list[Fault]:
    """Every field at fault, in words that hold nothing of what was sent."""
    faults = []
    if not (content.get("names") or content.get("identifiers") or content.get("remarks")):
        faults.append(
            ("/names", "Give a name, an identifier or a remark: something by which the person is known.")
        )
    born_on = content.get("born_on")
    if born_on is not None and born_on > today.isoformat()[: len(born_on)]:
        faults.append(("/born_on", "Lies in the future. Correct the date."))
    return faults
