"""Free text of requests, opened for those who may read it."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import structlog
from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.storage.database import Tx
from mla_tracker.storage.texts import opened
from mla_tracker.storage.vault import SealBroken, Vault, unseal

log = structlog.get_logger(__name__)

Row: TypeAlias = Record | Mapping[str, Any]


def own_texts(vault: Vault, row: Row) -> dict[str, str]:
    """The request's own texts by field, of a row with `texts` (id, field, sealed) and the `wrapped` key."""
    if not row["texts"]:
        return {}
    key = vault.record_key(row["id"], row["wrapped"])
    return {field: unseal(key, sealed, text_id) for text_id, field, sealed in row["texts"]}


async def subjects_of(tx: Tx, request_ids: Sequence[UUID], actor: Actor) -> dict[UUID, str]:
    """The subjects of requests that have one; none for an account that reads no text."""
    if not may(actor, Deed.READ_TEXTS) or not request_ids:
        return {}
    found = await tx.fetch(
        """
        select t.id, t.request_id, t.sealed, k.wrapped from free_text t join record_key k using (request_id)
        where t.request_id = any($1::uuid[]) and t.field = 'subject' and t.sealed is not null
        """,
        request_ids,
    )
    subjects = {}
    for text in found:
        try:
            subjects[text["request_id"]] = opened(tx.vault, text["request_id"], text["wrapped"], text)
        except SealBroken:  # one damaged text does not take the list away; reading its request tells
            log.error("a sealed subject does not open", row_id=str(text["id"]))
    return subjects


async def texts_of_acts(
    tx: Tx, request_id: UUID, actor: Actor, event_id: UUID | None = None
) -> dict[tuple[UUID, str], str | None]:
    """Reasons, and the notes of the account's own side, by act and field."""
    if not may(actor, Deed.READ_TEXTS):
        return {}
    found = await tx.fetch(
        """
        select t.id, t.event_id, t.field, t.sealed, k.wrapped
        from free_text t join record_key k using (request_id)
        where t.request_id = $1 and t.event_id is not null and ($3::uuid is null or t.event_id = $3)
            and (t.owner_country is null or t.owner_country = any($2::text[])) and t.sealed is not null
        """,
        request_id,
        list(actor.countries),
        event_id,
    )
    return {
        (text["event_id"], text["field"]): opened(tx.vault, request_id, text["wrapped"], text)
        for text in found
    }
