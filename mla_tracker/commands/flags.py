"""What people do about flags."""

from datetime import datetime
from uuid import UUID

from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.storage import flags
from mla_tracker.storage.audit import append
from mla_tracker.storage.audited import changed
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete


async def acknowledge_flag(
    db: Database, flag_id: UUID, *, actor: Actor, now: datetime, idempotency: IdempotencyKey | None
) -> Recorded:
    """Note that this account has seen a flag. A second call changes nothing: the first account and instant stay.

    Raises NotAllowed, NotFound for a flag that the actor may not see, IdempotencyKeyReused.
    """
    require(actor, Deed.ACKNOWLEDGE_FLAGS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        request = await flags.lock_request(tx, flag_id)
        before = await flags.acknowledgements(tx, flag_id)
        seen = request is not None and await flags.acknowledge(tx, flag_id, actor=actor, now=now)
        if request is None or not seen or before is None:
            raise NotFound(f"There is no flag {flag_id}. List the flags to find its id.")
        after = await flags.acknowledgements(tx, flag_id)
        assert after is not None
        if changes := changed("flag", before, after):
            await append(
                tx,
                Chain(ChainKind.REQUEST, request["id"]),
                What.FLAG_ACKNOWLEDGED,
                changes,
                actor=actor,
                now=now,
                seen_by=[country for country in request["countries"] if actor.speaks_for(country)],
            )
        await complete(tx, idempotency, {"id": str(flag_id)})
    return Recorded(flag_id)
