"""The audit for auditors: entries of their own countries, proofs of them, and the checkpoint that anybody may keep."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get
from pydantic import Field

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Id, Instant
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.routes import documented
from mla_tracker.commands.reading import note_reading_beyond
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import ChainKind, What
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries import audit
from mla_tracker.queries.audit import AuditFilter
from mla_tracker.storage.database import Database, DbRole


class AuditQuery(PageQuery):
    """Which entries are wanted."""

    record_kind: ChainKind | None = Field(None, description="Only entries of records of this kind.")
    record_id: Id | None = Field(None, description="Only entries of this record.")
    account_id: Id | None = Field(None, description="Only what this account of your country did.")
    what: What | None = Field(None, description="Only entries of this.")
    from_: Instant | None = Field(None, alias="from", description="Only entries from this instant on.")
    to: Instant | None = Field(None, description="Only entries before this instant.")


class AuditEntryAnswer(Answer):
    """What was done to a record, by whom and from where. What cannot be read of another country's account is null."""

    id: Id
    record_kind: ChainKind
    record_id: Id = Field(description="Of what has no id but a name, an id made of the name.")
    position: int | None = Field(description="Which entry of its record it is, from 1; null for a reading.")
    at: Instant
    what: What
    country: Country | None = Field(description="For which country it was done; null for the program itself.")
    account_id: Id | None
    account_role: Role | None
    address: str | None
    credential: str | None
    request_id: str | None = Field(description="By which the logs know the call.")
    details: dict[str, Any] = Field(
        description="`changes`: of each row its table, key, and columns before and after."
    )
    leaf: int | None = Field(description="Its number in the sealed tree, from 0; null until it is sealed.")


class CheckpointAnswer(Answer):
    """The tree over all entries as it was signed last."""

    number: int
    size: int = Field(description="How many entries are under it.")
    at: Instant
    note: str = Field(description="The signed note (c2sp.org/signed-note). Keep it elsewhere.")


class ProofAnswer(Answer):
    """That an entry is under a signed checkpoint: `mla-tracker audit check` shows it without any database."""

    format: str
    entry: dict[str, Any] = Field(description="The entry, whole, as it is bound.")
    mac: str = Field(description="What binds it to the entry before it; hexadecimal.")
    leaf: int
    path: list[str] = Field(description="Hashes from the leaf up to the root; base64.")
    checkpoint: str = Field(description="The signed note.")


@get(
    "/audit",
    **documented(
        "List what was done, newest first",
        tag="audit",
        query=AuditQuery,
        answer=Page[AuditEntryAnswer],
        may=Deed.READ_AUDIT,
    ),
)
async def list_entries(
    filters: AuditQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """The entries that auditors of the account's countries read."""
    position = paging.position(filters, actor, keys=(UUID,), now=now)
    wanted = AuditFilter(
        filters.record_kind,
        filters.record_id,
        filters.account_id,
        filters.what,
        filters.from_,
        filters.to,
    )
    after = position.after[0] if position.after else None
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await audit.page(tx, wanted, countries=actor.countries, after=after, limit=filters.limit + 1)
        of_requests = {row.record_id for row in rows if row.record_kind == ChainKind.REQUEST}
        await note_reading_beyond(tx, of_requests, route="GET /audit", actor=actor, now=now)
    return answer(paging.page(rows, filters, position, key=lambda row: (row.id,)))


@get(
    "/audit/{entry_id:uuid}/proof",
    **documented(
        "Prove that an entry is under a signed checkpoint",
        tag="audit",
        answer=ProofAnswer,
        may=Deed.READ_AUDIT,
        problems=[NotFound],
        description="Of what an account of another country did, that country gives the proof.",
    ),
)
async def prove_entry(entry_id: UUID, actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """The proof of one entry."""
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        proof = await audit.proof(tx, entry_id, countries=actor.countries)
        entry = proof["entry"] if proof else {}
        of_request = [UUID(entry["chain_id"])] if entry.get("chain_kind") == ChainKind.REQUEST else []
        await note_reading_beyond(tx, of_request, route="GET /audit/{entry_id}/proof", actor=actor, now=now)
    if proof is None:
        raise NotFound(
            f"There is no sealed entry {entry_id} of your country. One that was just made is sealed within a minute."
        )
    return answer(ProofAnswer.model_validate(proof))


@get(
    "/audit/checkpoint",
    **documented(
        "Read the last signed checkpoint of the audit",
        tag="audit",
        answer=CheckpointAnswer,
        may=Deed.READ_CHECKPOINT,
        problems=[NotFound],
    ),
)
async def read_checkpoint(actor: Actor, database: Database) -> Response[bytes]:
    """The checkpoint, for whoever keeps one elsewhere."""
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        checkpoint = await audit.last_checkpoint(tx)
    if checkpoint is None:
        raise NotFound("Nothing was sealed yet. The first checkpoint is made within a minute.")
    return answer(CheckpointAnswer.model_validate(checkpoint, from_attributes=True))
