"""The audit as it would be on paper: what an entry says, and how each is bound to the one before it.

Every record has a chain of entries of its own, so that writers of different records never wait for each other.
"""

import hashlib
import hmac
import json
import json.encoder
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

Plain = str | int | bool | float | None | Sequence["Plain"] | Mapping[str, "Plain"]
"""What JSON can say."""


class ChainKind(StrEnum):
    """What a chain is about: a record with an id, or something that is known by a name."""

    REQUEST = "request"
    AGREEMENT = "agreement"
    ACCOUNT = "account"
    LIMIT = "limit"
    CALENDAR = "calendar"
    ZONE = "zone"
    CONVENTION = "convention"
    BALANCE = "balance"
    SETTING = "setting"
    WEBHOOK = "webhook"


class What(StrEnum):
    """All that an entry can tell, as `subject.what_happened`: the kind of record, a dot, a verb in the past.

    The subject is that of the chain, or of what hangs on its record: `token` on an account, `flag` on a request.
    `taken_over`: the record is older than the audit, and the entry holds what it said when the audit began.
    """

    REQUEST_LOGGED = "request.logged"
    REQUEST_AMENDED = "request.amended"
    REQUEST_ACT_RECORDED = "request.act_recorded"
    REQUEST_ACT_VOIDED = "request.act_voided"
    REQUEST_READ = "request.read"
    REQUEST_LISTED = "request.listed"
    REQUEST_READERS_CHANGED = "request.readers_changed"
    REQUEST_ERASED = "request.erased"
    REQUEST_TEXTS_SEALED = "request.texts_sealed"
    REQUEST_TAKEN_OVER = "request.taken_over"
    NOTE_RECORDED = "note.recorded"
    NOTE_ERASED = "note.erased"
    PERSON_RECORDED = "person.recorded"
    PERSON_CHANGED = "person.changed"
    PERSON_REMOVED = "person.removed"
    FLAG_ACKNOWLEDGED = "flag.acknowledged"
    AGREEMENT_RECORDED = "agreement.recorded"
    AGREEMENT_CHANGED = "agreement.changed"
    AGREEMENT_EVENT_RECORDED = "agreement.event_recorded"
    AGREEMENT_EVENT_VOIDED = "agreement.event_voided"
    AGREEMENT_TAKEN_OVER = "agreement.taken_over"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_TAKEN_OVER = "account.taken_over"
    TOKEN_CREATED = "token.created"
    TOKEN_CHANGED = "token.changed"
    TOKEN_ROTATED = "token.rotated"
    TOKEN_REVOKED = "token.revoked"
    NOTIFICATION_SET = "notification.set"
    NOTIFICATION_CONFIRMED = "notification.confirmed"
    NOTIFICATION_SUSPENDED = "notification.suspended"
    NOTIFICATION_REMOVED = "notification.removed"
    CALENDAR_FEED_MADE = "calendar_feed.made"
    CALENDAR_FEED_REVOKED = "calendar_feed.revoked"
    LIMIT_SHIPPED = "limit.shipped"
    LIMIT_POLICY_SET = "limit.policy_set"
    LIMIT_TAKEN_OVER = "limit.taken_over"
    CALENDAR_SHIPPED = "calendar.shipped"
    CALENDAR_CHANGED = "calendar.changed"
    CALENDAR_UPGRADED = "calendar.upgraded"
    CALENDAR_TAKEN_OVER = "calendar.taken_over"
    ZONE_STORED = "zone.stored"
    ZONE_UPGRADED = "zone.upgraded"
    ZONE_TAKEN_OVER = "zone.taken_over"
    CONVENTION_PARTIES_LOADED = "convention.parties_loaded"
    CONVENTION_TAKEN_OVER = "convention.taken_over"
    BALANCE_STATED = "balance.stated"
    BALANCE_TAKEN_OVER = "balance.taken_over"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_TAKEN_OVER = "webhook.taken_over"
    SETTING_CHANGED = "setting.changed"
    SETTING_TAKEN_OVER = "setting.taken_over"


READINGS: Final = frozenset({What.REQUEST_READ, What.REQUEST_LISTED})
"""Entries that stand beside the chain: readers neither wait for writers nor for each other."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one record, or of what is known by a name."""

    kind: ChainKind
    id: UUID

    @classmethod
    def named(cls, kind: ChainKind, name: str) -> "Chain":
        """The chain of what has no id but a name: the calendar of ES, the policies of MA."""
        return cls(kind, UUID(bytes=hashlib.sha256(f"{kind.value} {name}".encode()).digest()[:16]))


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one row: `before` None where it is new, `after` None where it is gone.

    A new row's `after` leaves out what is null; of a row that was changed both name only the columns that differ.
    """

    table: str
    key: Mapping[str, Plain]
    before: Mapping[str, Plain] | None
    after: Mapping[str, Plain] | None


COLUMNS: Final = (
    "id", "chain_kind", "chain_id", "position", "at", "account_id", "account_role", "country", "seen_by", "address",
    "credential", "request_id", "what", "details",
)  # fmt: skip
"""What is bound of an entry, in the order in which it is."""

MAC_BYTES: Final = 32
FIRST: Final = bytes(MAC_BYTES)
"""What stands for the MAC before the first entry of a chain, and before every reading."""

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def canonical(value: Plain) -> str:
    """The one form of a value in JSON: keys sorted, no spaces, no escapes but those that must be."""
    return _encode(value)


def details_of(changes: Sequence[Change], more: Mapping[str, Plain] | None = None) -> str:
    """What an entry tells in detail, in canonical JSON."""
    told: dict[str, Plain] = dict(more or {})
    if changes:
        told["changes"] = [
            {"table": one.table, "key": one.key, "before": one.before, "after": one.after} for one in changes
        ]
    return canonical(told)


# What `JSONEncoder.encode` makes anew at each call. Verifying encodes every entry there is.
_make: Final[Callable[..., Any] | None] = getattr(json.encoder, "c_make_encoder", None)
_parts: Final = _make and _make(None, None, json.encoder.encode_basestring, None, ":", ",", True, False, True)


def entry_bytes(values: Sequence[Plain]) -> bytes:
    """The bytes of an entry that are bound: its COLUMNS as a JSON array, ids and instants as text."""
    return ("".join(_parts(values, 0)) if _parts else _encode(values)).encode()


def mac(key: bytes, before: bytes, content: bytes) -> bytes:
    """What binds the bytes of an entry to the entry before it, whose MAC is `before` (HMAC-SHA256)."""
    return hmac.digest(key, before + content, "sha256")


def instant(at: datetime) -> str:
    """An instant as entries say it: UTC, microseconds, as 2026-11-25T12:00:00.000000Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
