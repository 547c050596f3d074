"""What became of an agreement, its parties and its events, as the audit tells it."""

from typing import Any
from uuid import UUID

from mla_tracker.domain.audit import Change
from mla_tracker.storage.agreements import AgreementRow
from mla_tracker.storage.audited import added, changed, removed


def recorded(row: AgreementRow, account_id: UUID) -> list[Change]:
    """The rows of an agreement just recorded by an account."""
    head = {**_head(row), "recorded_by_account": account_id}
    return [added("agreement", head), *(added("agreement_party", party) for party in _parties(row))]


def between(before: AgreementRow, after: AgreementRow) -> list[Change]:
    """What differs between two states of an agreement; events are only added."""
    changes = changed("agreement", _head(before), _head(after))
    were, are = _parties(before), _parties(after)
    for was, is_ in zip(were, are, strict=False):
        changes += changed("agreement_party", was, is_)
    changes += [removed("agreement_party", party) for party in were[len(are) :]]
    changes += [added("agreement_party", party) for party in are[len(were) :]]
    known = {event.id for event in before.events}
    return changes + [
        added("agreement_event", {"agreement_id": after.id, **_columns(event)})
        for event in after.events
        if event.id not in known
    ]


def _head(row: AgreementRow) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in ("id", "recorded_by", "visible_to_all_from", "created_at")}
    return {**own, **_columns(row.fields)}


def _parties(row: AgreementRow) -> list[dict[str, Any]]:
    return [
        {"agreement_id": row.id, "position": position, **_columns(party)}
        for position, party in enumerate(row.parties)
    ]


def _columns(row: Any) -> dict[str, Any]:
    """The fields of a row of our own, which are named as its columns are."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}
