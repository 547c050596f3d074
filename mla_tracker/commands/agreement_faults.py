"""What is wrong with agreements and their events by what they say themselves."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from mla_tracker.commands.entries import Fault
from mla_tracker.domain.agreements import EVENT_DATA
from mla_tracker.domain.errors import ActNotPossible, NotFound
from mla_tracker.domain.vocabulary import AgreementAct, AgreementScope
from mla_tracker.storage.agreements import AgreementRow, EventRow


def party_faults(row: AgreementRow) -> Iterator[Fault]:
    """What is wrong with the parties, by number, by name, or by the events that stand."""
    parties, scope = row.parties, row.fields.scope
    if scope is AgreementScope.BILATERAL and len(parties) != 2:
        yield (
            "/parties",
            f"A bilateral agreement has 2 parties, not {len(parties)}. Correct them or the scope.",
        )
    if len(parties) < 2:
        yield "/parties", "An agreement has at least 2 parties. Add the others."
    names = Counter(party.name.casefold() for party in parties)
    for index, party in enumerate(parties):
        if names[party.name.casefold()] > 1:
            yield f"/parties/{index}", f"{party.name} is named more than once. Name each party once."
    held = {party.name for party in parties}
    for event in row.standing:
        if event.data.get("by") and event.data["by"] not in held:
            yield (
                "/parties",
                f"{event.data['by']} is missing, whose event of {event.occurred_on} ({event.type}) stands. "
                "Keep the party, or void the event first.",
            )


def future_signatures(row: AgreementRow, today: date) -> Iterator[Fault]:
    """Signatures after the day it is."""
    dates = [("/signed_on", row.fields.signed_on)]
    dates += [(f"/parties/{index}/signed_on", party.signed_on) for index, party in enumerate(row.parties)]
    for pointer, day in dates:
        if day is not None and day > today:
            yield pointer, f"{day} lies after today ({today} in {row.recorded_by}). Give a day that has come."


def event_faults(row: AgreementRow, act: AgreementAct, data: Mapping[str, Any]) -> Iterator[Fault]:
    """What an event says that it cannot say."""
    allowed = EVENT_DATA[act]
    for name in data:
        if name not in allowed:
            known = ", ".join(sorted(allowed)) or "nothing"
            yield (
                f"/data/{name}",
                f"Not said of the event {act.value}, which takes {known}. Remove it.",
            )
    by = data.get("by")
    names = [party.name for party in row.parties]
    if by is not None and by not in names:
        yield "/data/by", f"Not a party of this agreement. Give one of {', '.join(names)}."


def event_to_void(row: AgreementRow, event_id: UUID) -> EventRow:
    """The event, if it can be taken back. Raises NotFound, ActNotPossible."""
    event = next((event for event in row.events if event.id == event_id and event.voids is None), None)
    if event is None:
        raise NotFound(f"{row.title} has no event {event_id}.")
    if event not in row.standing:
        raise ActNotPossible(
            f"{event.type.value} on {event.occurred_on} was voided before. Record the right event instead.",
            facts={"event": str(event_id)},
        )
    return event
