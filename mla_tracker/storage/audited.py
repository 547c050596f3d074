"""Which tables are audited, and how a row is told in an entry: writers and `verify` read rows by this one table."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.audit import Chain, ChainKind, Change, Plain, canonical, instant

Facts = dict[str, Plain]
Row = Record | Mapping[str, Any]


class Form(StrEnum):
    """How a column is told. DIGEST: by the SHA-256 of its canonical JSON, OCTETS_DIGEST by that of its bytes."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    ID = "id"
    DAY = "day"
    INSTANT = "instant"
    LIST = "list"
    JSON = "json"
    OCTETS = "octets"
    DIGEST = "digest"
    OCTETS_DIGEST = "octets_digest"


@dataclass(frozen=True, slots=True)
class Audited:
    """An audited table. `key` and `facts` are what entries tell of a row; `beside` are the columns they do not, as
    they are computed from others, erasable, or told of no person's doing.

    `chain`: the kind of the chain, and the column that says which; `sparse`: a row all of whose facts are null needs
    no entry.
    """

    chain: ChainKind
    of: str
    key: Mapping[str, Form]
    facts: Mapping[str, Form]
    beside: frozenset[str] = frozenset()
    sparse: bool = False

    @property
    def columns(self) -> Mapping[str, Form]:
        """Key and facts."""
        return {**self.key, **self.facts}

    @property
    def by_name(self) -> bool:
        """Whether the column that says which chain holds a name and no id."""
        return self.columns[self.of] is not Form.ID

    def chain_of(self, row: Row) -> Chain:
        """The chain in which the row is told."""
        value = row[self.of]
        return Chain.named(self.chain, value or "") if self.by_name else Chain(self.chain, UUID(str(value)))


_T, _N, _I, _D, _AT, _L, _J = Form.TEXT, Form.NUMBER, Form.ID, Form.DAY, Form.INSTANT, Form.LIST, Form.JSON
_COUNTRIES: Final = {"requesting_country": _T, "requested_country": _T}
_OF_REQUEST: Final = {"request_id": _I, **_COUNTRIES}
_RECORDED: Final = {"recorded_by_account": _I, "recorded_at": _AT}
_ERASED: Final = {"erased_at": _AT, "erased_for": _T}

AUDITED: Final[Mapping[str, Audited]] = {
    "request": Audited(
        ChainKind.REQUEST,
        "id",
        {"id": _I},
        {
            "kind": _T, **_COUNTRIES, "recorded_by": _T, "recorded_by_account": _I, "urgency": _T, "agreement_id": _I,
            "convention": _T, "assistance": _L, "circumstances": _L, "offences": _L, "channel": _T, "language": _T,
            "external_reference": _T, "reference_requesting": _T, "reference_requested": _T,
            "assigned_requesting": _T, "assigned_requested": _T, "wished_by": _D, "handling": _T,
            "created_at": _AT, "erased_at": _AT,
        },
        frozenset({
            "status", "custody", "outcome", "reclassified_as", "items", "warnings", "shared", "first_act_on",
            "ended_on", "tally", "version", "stale_since", "stale_causes", "updated_at", "same_case_as",
            "version_requesting", "version_requested", "updated_requesting_at", "updated_requested_at",
        }),
    ),
    "request_event": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"id": _I},
        {
            **_OF_REQUEST, "type": _T, "occurred_at": _AT, "occurred_on": _D, "data": _J, "asserted_by": _T,
            **_RECORDED,
        },
    ),
    "event_void": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"event_id": _I},
        {**_OF_REQUEST, "replacement_id": _I, "voided_by": _T, **_RECORDED},
    ),
    "request_link": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"event_id": _I},
        {**_OF_REQUEST, "other_id": _I, "relation": _T},
    ),
    "free_text": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"id": _I},
        {
            **_OF_REQUEST, "owner_country": _T, "field": _T, "event_id": _I, "commitment": Form.OCTETS,
            **_RECORDED, **_ERASED,
        },
        frozenset({"body", "sealed", "salt"}),
    ),
    "person": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"id": _I},
        {
            **_OF_REQUEST, "recorded_by": _T, "recorded_by_account": _I, "part": _T, "commitment": Form.OCTETS,
            "created_at": _AT, **_ERASED,
        },
        frozenset({"sealed", "salt", "version", "updated_at"}),
    ),
    "record_key": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"request_id": _I},
        {"destroyed_at": _AT},
        frozenset({"requesting_country", "requested_country", "wrapped"}),
        sparse=True,
    ),
    "request_reader": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"request_id": _I, "account_id": _I},
        {**_COUNTRIES, "country": _T, "named_by": _I, "named_at": _AT},
    ),
    "flag": Audited(
        ChainKind.REQUEST,
        "request_id",
        {"id": _I, "request_id": _I},
        {
            "acknowledged_requesting_at": _AT, "acknowledged_requesting_by": _I,
            "acknowledged_requested_at": _AT, "acknowledged_requested_by": _I,
        },
        frozenset({
            "requesting_country", "requested_country", "clock_id", "clock_key", "limit_id", "stage", "obligor", "kind",
            "level", "due_at", "raised_at", "cleared_at", "cleared_reason", "settled_at",
        }),
        sparse=True,
    ),
    "agreement": Audited(
        ChainKind.AGREEMENT,
        "id",
        {"id": _I},
        {
            "recorded_by": _T, "recorded_by_account": _I, "title": _T, "kind": _T, "scope": _T,
            "external_reference": _T, "signed_on": _D, "provisionally_applied_from": _D, "in_force_from": _D,
            "terminated_on": _D, "languages": _L, "limits": _J, "notes": _T, "visible_to_all_from": _D,
            "created_at": _AT,
        },
        frozenset({"version", "updated_at"}),
    ),
    "agreement_party": Audited(
        ChainKind.AGREEMENT,
        "agreement_id",
        {"agreement_id": _I, "position": _N},
        {
            "country": _T, "organisation": _T, "signed_on": _D, "in_force_from": _D, "terminated_on": _D,
            "declarations": _T,
        },
    ),
    "agreement_event": Audited(
        ChainKind.AGREEMENT,
        "agreement_id",
        {"id": _I},
        {"agreement_id": _I, "type": _T, "occurred_on": _D, "data": _J, "note": _T, **_RECORDED},
    ),
    "account": Audited(
        ChainKind.ACCOUNT,
        "id",
        {"id": _I},
        {
            "name": _T, "countries": _L, "role": _T, "oidc_issuer": _T, "oidc_subject": _T, "created_at": _AT,
            "disabled_at": _AT,
        },
        frozenset({"version"}),
    ),
    "api_token": Audited(
        ChainKind.ACCOUNT,
        "account_id",
        {"id": _I},
        {
            "account_id": _I, "name": _T, "scopes": _L, "token_hash": Form.OCTETS, "created_at": _AT, "expires_at": _AT,
            "revoked_at": _AT, "replaced_by": _I,
        },
        frozenset({"last_used_at"}),
    ),
    # Where it calls is told by the host: the rest of an address may be a secret, and is told by its digest.
    "webhook": Audited(
        ChainKind.WEBHOOK, "id", {"id": _I}, {
            "account_id": _I, "host": _T, "url": Form.DIGEST, "kinds": _L, "sealed": Form.OCTETS_DIGEST,
            "created_at": _AT, "disabled_at": _AT, "disabled_reason": _T,
        },
        frozenset({"former_sealed", "former_until", "position", "version", "updated_at", "failing_since"}),
    ),
    "notification": Audited(
        ChainKind.ACCOUNT,
        "account_id",
        {"account_id": _I},
        {
            "address_set_at": _AT, "commitment": Form.OCTETS, "confirmed_at": _AT, "digest": _T, "urgent": Form.YES_NO,
            "suspended_at": _AT,
        },
        frozenset({
            "wrapped", "sealed", "salt", "challenge", "code_until", "code_tries", "urgent_since", "refusals",
            "refused_with", "version",
        }),
    ),
    "calendar_feed": Audited(
        ChainKind.ACCOUNT,
        "account_id",
        {"account_id": _I},
        {"token_hash": Form.OCTETS, "made_at": _AT},
        frozenset({"last_used_at"}),
    ),
    "limit_version": Audited(
        ChainKind.LIMIT,
        "country",
        {"id": _T, "version": _N},
        {
            "definition": Form.DIGEST, "digest": _T, "basis": _T, "stage": _T, "country": _T, "convention": _T,
            "published_on": _D, "valid_from": _D, "valid_to": _D, "recorded_at": _AT,
        },
    ),
    "calendar_version": Audited(
        ChainKind.CALENDAR,
        "country",
        {"country": _T, "region": _T, "version": _N},
        {
            "zone": _T, "document": Form.DIGEST, "digest": _T, "source": _T, "applied_at": _AT, "applied_by": _I,
            "open_clocks": _N,
        },
    ),
    "zone_version": Audited(
        ChainKind.ZONE,
        "name",
        {"name": _T, "version": _N},
        {"digest": _T, "tzif": Form.OCTETS_DIGEST, "source": _T, "applied_at": _AT},
    ),
    "convention_version": Audited(
        ChainKind.CONVENTION,
        "convention",
        {"convention": _T, "version": _N},
        {"as_of": _D, "source": _T, "complete": Form.YES_NO, "parties": Form.DIGEST, "recorded_at": _AT},
    ),
    "opening_balance": Audited(
        ChainKind.BALANCE,
        "country",
        {"id": _I},
        {"country": _T, "side": _T, "kind": _T, "first_day": _D, "count": _N, "reason": _T, **_RECORDED},
    ),
    "directory_entry": Audited(
        ChainKind.SETTING,
        "country",
        {"id": _I},
        {
            "country": _T, "external_reference": _T, "authority": _T, "functions": _L, "instruments": _L,
            "languages": _L, "address": _T, "phone": _T, "email": _T, "valid_from": _D, "valid_to": _D,
            "recorded_by_account": _I, "created_at": _AT,
        },
        frozenset({"updated_at"}),
    ),
    "retention_rule": Audited(
        ChainKind.SETTING,
        "country",
        {"country": _T, "version": _N},
        {"years": _N, "by_kind": _J, "set_by_account": _I, "set_at": _AT},
    ),
}  # fmt: skip
"""Every table whose rows people or the program answer for. To audit another one is to add it here, to append its
changes where they are written, and to say in docs/audit.md."""


def chain_of(request_id: UUID) -> Chain:
    """The chain of a request."""
    return Chain(ChainKind.REQUEST, request_id)


def newly(inserted: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Change]:
    """The changes that rows on their way in are, by table; of tables that are not audited, or tell nothing, none."""
    return [
        change
        for table, rows in inserted.items()
        if table in AUDITED
        for row in rows
        if (change := added(table, row)).after or not AUDITED[table].sparse
    ]


def added(table: str, row: Row) -> Change:
    """A new row, given as it is on its way in or as it was read; columns left out are null."""
    facts = facts_of(table, row)
    return Change(
        table, key_of(table, row), None, {name: fact for name, fact in facts.items() if fact is not None}
    )


def changed(table: str, before: Row, after: Row) -> list[Change]:
    """What became of a row between two readings of it, which name its key and the same columns; none: no change."""
    was, is_ = facts_of(table, before, partly=True), facts_of(table, after, partly=True)
    differing = [name for name in is_ if was[name] != is_[name]]
    if not differing:
        return []
    key = key_of(table, after)
    return [
        Change(table, key, {name: was[name] for name in differing}, {name: is_[name] for name in differing})
    ]


def removed(table: str, row: Row) -> Change:
    """A row that is gone, as it was."""
    facts = facts_of(table, row)
    return Change(
        table, key_of(table, row), {name: fact for name, fact in facts.items() if fact is not None}, None
    )


def key_of(table: str, row: Row) -> Facts:
    """Which row it is."""
    return {name: told(form, row[name]) for name, form in AUDITED[table].key.items()}


def facts_of(table: str, row: Row, *, partly: bool = False) -> Facts:
    """What entries tell of a row besides its key; `partly`: only of the columns that are given."""
    facts = AUDITED[table].facts
    return {name: told(form, row.get(name)) for name, form in facts.items() if not partly or name in row}


def told(form: Form, value: Any) -> Plain:
    """A value of a column as entries tell it, whether it comes from a writer or from the database."""
    return None if value is None else _TELL[form](value)


def plain(value: Any) -> Plain:
    """Anything that JSON columns hold. A number without a fraction is whole, as PostgreSQL has it."""
    match value:
        case bool() | None:
            return value
        case StrEnum():
            return value.value
        case str() | int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case datetime():
            return instant(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case UUID():
            return str(value)
        case _:
            return [plain(one) for one in value]


def _octets(value: Any) -> bytes:
    return bytes.fromhex(value.removeprefix("\\x")) if isinstance(value, str) else bytes(value)


def _instant(value: Any) -> str:
    return instant(datetime.fromisoformat(value) if isinstance(value, str) else value)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_TELL: Final[Mapping[Form, Callable[[Any], Plain]]] = {
    Form.TEXT: str,
    Form.NUMBER: int,
    Form.YES_NO: bool,
    Form.ID: lambda value: str(value if isinstance(value, UUID) else UUID(str(value))),
    Form.DAY: lambda value: value if isinstance(value, str) else value.isoformat(),
    Form.INSTANT: _instant,
    Form.LIST: plain,
    Form.JSON: plain,
    Form.OCTETS: lambda value: _octets(value).hex(),
    Form.DIGEST: lambda value: _digest(canonical(plain(value)).encode()),
    Form.OCTETS_DIGEST: lambda value: _digest(_octets(value)),
}
