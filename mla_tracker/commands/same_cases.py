"""Two records of one case, kept by its two countries: joined by a link, once both references say that it is one."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from mla_tracker.commands.entries import NewEvent, ReadyEvent
from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.vocabulary import Act, LinkRelation
from mla_tracker.storage import requests
from mla_tracker.storage.database import DbRole, Tx
from mla_tracker.storage.requests import RequestRecord
from mla_tracker.storage.rows import Row
from mla_tracker.storage.selecting import listed
from mla_tracker.storage.tables import Request


async def hold_both(
    tx: Tx, request_id: UUID, entries: Iterable[NewEvent | None], voided: UUID | None = None
) -> None:
    """Where acts join or part two records, hold both in the order of their ids, so that two writers never wait in turn.

    `voided` is an act that is to be taken back. Of a record that the account does not see nothing is held.
    """
    others = [
        UUID(str(entry.data["request_id"]))
        for entry in entries
        if entry is not None
        and entry.type is Act.LINKED
        and entry.data.get("relation") == LinkRelation.SAME_CASE
        and _is_id(entry.data.get("request_id"))
    ]
    if others or voided is not None:
        await tx.fetch(
            """
            select id from request where id = $1 or id = any($2) or id in (
                select other_id from request_link
                where event_id = $3 and request_id = $1 and relation = 'same_case')
            order by id for no key update
            """,
            request_id, others, voided,
        )  # fmt: skip


async def twin_of(
    tx: Tx, record: RequestRecord, ready: Sequence[ReadyEvent], gone: Sequence[Row] = (), *, shared: bool
) -> UUID | None:
    """The other record of the same case, once the new acts stand and the links `gone` do not; both must be `shared`.

    Raises ActNotPossible where an act joins two records that are not of one case, or not known to be.
    """
    twin = None if any(_joins(link) for link in gone) else record.same_case_as
    for one in ready:
        if one.stored.type == Act.LINKED and _joins(one.stored.data):
            pointer = f"{one.pointer}/data/request_id"
            other = await tx.fetchrow(
                f"select {listed(Request)} from request where id = $1",
                UUID(str(one.stored.data["request_id"])),
            )
            if other is None:  # gone from sight since it was looked for
                raise ActNotPossible("The other request is not there any more.", fields=[(pointer, "Gone.")])
            free = twin is None and other["same_case_as"] in (None, record.id if gone else None)
            if why := _why_not(record, dict(other), shared=shared, free=free):
                raise ActNotPossible(
                    f"The two requests cannot be linked as the same case: {why}", fields=[(pointer, why)]
                )
            twin = other["id"]
    return twin


async def join(tx: Tx, record: RequestRecord, twin: UUID | None) -> None:
    """Let each of two records, whose own clocks are still to be written, know of the other; None: of none any more."""
    if twin == record.same_case_as:
        return
    await requests.update_record(tx, record, {"same_case_as": twin})
    await tell_twin(tx, record.same_case_as, None)
    await tell_twin(tx, twin, record.id)


async def tell_twin(tx: Tx, twin: UUID | None, other: UUID | None) -> None:
    """Let a record and its clocks know of the other one; it may be hidden from who parts them."""
    if twin is None:
        return
    async with tx.acting_as(DbRole.JOBS):
        await tx.execute("update request set same_case_as = $2 where id = $1", twin, other)
        await tx.execute("update clock set same_case_as = $2 where request_id = $1", twin, other)


def _joins(link: Row) -> bool:
    return bool(link["relation"] == LinkRelation.SAME_CASE)


def _why_not(record: RequestRecord, other: dict[str, Any], *, shared: bool, free: bool) -> str | None:
    """What speaks against two records being of one case, as a sentence."""
    if (record.requesting_country, record.requested_country, record.kind) != (
        other["requesting_country"],
        other["requested_country"],
        other["kind"],
    ):
        return "they are not of the same kind between the same countries. Link them as related."
    if record.recorded_by == other["recorded_by"]:
        return f"both were recorded by {record.recorded_by}, which keeps one record of a case. Link them as related."
    if not shared or not other["shared"]:
        return "one of them is a draft. Record its sending first."
    if not free:
        return "one of them is linked as the same case already. Void that link first."
    for side in ("requesting", "requested"):
        country = other[f"{side}_country"]
        here, there = getattr(record, f"reference_{side}"), other[f"reference_{side}"]
        for whose, reference in ((record.recorded_by, here), (other["recorded_by"], there)):
            if reference is None:
                return (
                    f"the record of {whose} lacks the reference of {country} (references.{side}). Both references must "
                    "stand in both records."
                )
        if here != there:
            return (
                f"the reference of {country} (references.{side}) is {here} in the record of {record.recorded_by} and "
                f"{there} in that of {other['recorded_by']}."
            )
    return None


def _is_id(text: Any) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True
