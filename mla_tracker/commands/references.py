"""What the entries of a request refer to (agreements, other requests, other acts) and in whose name they speak."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from mla_tracker.commands.entries import ReadyEvent, country_of_act
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import OF_EITHER_SIDE, RECEIPTS
from mla_tracker.domain.errors import InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.permissions import Deed, roles_of
from mla_tracker.domain.vocabulary import Act
from mla_tracker.queries import agreements
from mla_tracker.queries.accounts import has_accounts
from mla_tracker.queries.requests import is_visible
from mla_tracker.storage.database import Tx
from mla_tracker.storage.requests import RequestRecord, StoredCase, StoredEvent

STATED_BY_EITHER = OF_EITHER_SIDE | RECEIPTS


async def check_acts(
    tx: Tx,
    stored: StoredCase,
    ready: Sequence[ReadyEvent],
    *,
    actor: Actor,
    corrected: StoredEvent | None = None,
) -> None:
    """Check in whose name new acts speak and what they refer to; `corrected` is the act that is being replaced.

    Raises NotAllowed, InvalidEntry.
    """
    await _refuse_speaking_for_the_other(tx, stored.record, ready, corrected)
    await _refuse_unknown_references(tx, stored, ready, actor)


async def _refuse_speaking_for_the_other(
    tx: Tx, record: RequestRecord, ready: Iterable[ReadyEvent], corrected: StoredEvent | None
) -> None:
    """A country that has accounts here states its own acts; for one that has none, the other says what it was told.

    What was stated before a country had accounts stays, and whoever stated it may correct it.
    """
    foreign = [
        one
        for one in ready
        if (act := Act(one.stored.type)) not in STATED_BY_EITHER
        and one.stored.asserted_by != country_of_act(act, record)
        and not (
            corrected and (corrected.type, corrected.asserted_by) == (one.stored.type, one.stored.asserted_by)
        )
    ]
    if not foreign:
        return
    country = country_of_act(Act(foreign[0].stored.type), record)
    if await has_accounts(tx, country, roles_of(Deed.RECORD_ACTS)):
        acts = ", ".join(dict.fromkeys(one.stored.type.replace("_", " ") for one in foreign))
        raise NotAllowed(
            f"{country} has accounts here and records its own acts: {acts}. Leave them to its central authority; "
            "of what happens there you may state the receipt alone.",
            fields=[
                (f"{one.pointer}/type", f"An act of {country}, which records it itself.") for one in foreign
            ],
        )


async def _refuse_unknown_references(
    tx: Tx, stored: StoredCase, ready: Iterable[ReadyEvent], actor: Actor
) -> None:
    known = {str(event.id) for event in stored.events}
    faults: list[tuple[str, str]] = []
    for one in ready:
        data = one.stored.data
        if "in_reply_to" in data and data["in_reply_to"] not in known:
            faults.append(
                (
                    f"{one.pointer}/data/in_reply_to",
                    "There is no such act in this request. Give the id of one.",
                )
            )
        if one.stored.type == Act.LINKED:
            other = UUID(data["request_id"])
            if other == stored.record.id or not await is_visible(tx, other, actor):
                faults.append(
                    (
                        f"{one.pointer}/data/request_id",
                        "There is no such request, or this account may not see it. Give the id of another request.",
                    )
                )
    if faults:
        raise InvalidEntry("The act refers to what is not there. Nothing was recorded.", fields=faults)


async def check_agreement(tx: Tx, record: RequestRecord, actor: Actor, now: datetime) -> None:
    """The agreement that a request names must be public and bind both countries: either side has to be able to read it.

    Raises InvalidEntry.
    """
    if record.agreement_id is None:
        return
    try:
        view = await agreements.agreement(tx, record.agreement_id, actor=actor, now=now)
    except NotFound:
        view = None
    parties = {party.country for party in view.parties} if view else set()
    if view is None or not {record.requesting_country, record.requested_country} <= parties:
        raise InvalidEntry(
            "The request names an agreement that is not known, or not one between its two countries.",
            fields=[("/agreement_id", "Give the id of an agreement to which both countries are parties.")],
        )
    public_from = view.visible_to_all_from
    if public_from is None or public_from > agreements.today_in(view.recorded_by, now):
        raise InvalidEntry(
            "The request names an agreement that is not signed yet, so that the other country may not read it.",
            fields=[("/agreement_id", "Leave it out until the agreement is signed.")],
        )
