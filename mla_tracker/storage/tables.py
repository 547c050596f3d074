"""The tables as Piccolo knows them, for plain reads and writes; a test holds every column against the schema.

Checks, indexes and foreign keys stand in the migrations. Locks, claims and statements over many rows are raw SQL.
"""

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    Boolean,
    Bytea,
    Date,
    Integer,
    Text,
    Timestamptz,
)
from piccolo.columns.base import Column
from piccolo.table import Table

from mla_tracker.storage.database import ENGINE


def _id() -> UUID:
    return UUID(primary_key=True, default=None)


def _ref(*, null: bool = True) -> UUID:
    return UUID(null=null, default=None)


def _text(*, null: bool = False, key: bool = False) -> Text:
    return Text(null=null, default=None, primary_key=key)


def _texts() -> Array:
    return Array(base_column=Text(), default=list)


def _day() -> Date:
    return Date(null=True, default=None)


def _instant(*, null: bool = True) -> Timestamptz:
    return Timestamptz(null=null, default=None)


def _json(*, null: bool = False) -> JSONB:
    return JSONB(null=null, default=None)


class Account(Table, db=ENGINE, tablename="account"):
    """Who may use the API, for which countries, in which role."""

    id = _id()
    name = _text()
    countries = _texts()
    role = _text()
    created_at = _instant(null=False)
    disabled_at = _instant()
    version = Integer(default=1)
    oidc_issuer = _text(null=True)
    oidc_subject = _text(null=True)


class ApiToken(Table, db=ENGINE, tablename="api_token"):
    """A bearer token by its SHA-256."""

    id = _id()
    account_id = _ref(null=False)
    name = _text()
    token_hash = Bytea(default=None)
    created_at = _instant(null=False)
    expires_at = _instant()
    revoked_at = _instant()
    last_used_at = _instant()
    scopes = _texts()
    replaced_by = _ref()


class Agreement(Table, db=ENGINE, tablename="agreement"):
    """An agreement as the country that recorded it has it."""

    id = _id()
    recorded_by = _text()
    recorded_by_account = _ref()
    title = _text()
    kind = _text()
    scope = _text()
    external_reference = _text(null=True)
    signed_on = _day()
    provisionally_applied_from = _day()
    in_force_from = _day()
    terminated_on = _day()
    languages = _texts()
    limits = _json()
    notes = _text(null=True)
    visible_to_all_from = _day()
    version = Integer(default=1)
    created_at = _instant(null=False)
    updated_at = _instant(null=False)


class LimitVersion(Table, db=ENGINE, tablename="limit_version"):
    """A limit in one of its versions."""

    id = _text(key=True)
    version = Integer(default=1)
    definition = _json()
    digest = _text()
    basis = _text()
    stage = _text()
    country = _text(null=True)
    convention = _text(null=True)
    published_on = _day()
    valid_from = _day()
    valid_to = _day()
    recorded_at = _instant(null=False)


class CalendarVersion(Table, db=ENGINE, tablename="calendar_version"):
    """A country's working calendar in one of its versions."""

    country = _text(key=True)
    region = _text()
    version = Integer(default=1)
    zone = _text()
    document = _json()
    digest = _text()
    source = _text()
    applied_at = _instant(null=False)
    applied_by = _ref()
    open_clocks = Integer(null=True, default=None)


class ZoneVersion(Table, db=ENGINE, tablename="zone_version"):
    """The rules of a time zone in one of their versions."""

    name = _text(key=True)
    version = Integer(default=1)
    digest = _text()
    tzif = Bytea(default=None)
    source = _text()
    applied_at = _instant(null=False)


class ConventionVersion(Table, db=ENGINE, tablename="convention_version"):
    """A list of the parties to a convention that an operator loaded."""

    convention = _text(key=True)
    version = Integer(default=1)
    as_of = Date(default=None)
    source = _text()
    complete = Boolean(default=False)
    parties = _json()
    recorded_at = _instant(null=False)


class Request(Table, db=ENGINE, tablename="request"):
    """A request with what was read off its history."""

    id = _id()
    kind = _text()
    requesting_country = _text()
    requested_country = _text()
    recorded_by = _text()
    recorded_by_account = _ref()
    urgency = _text()
    agreement_id = _ref()
    convention = _text(null=True)
    assistance = _texts()
    offences = _texts()
    channel = _text(null=True)
    language = _text(null=True)
    external_reference = _text(null=True)
    reference_requesting = _text(null=True)
    reference_requested = _text(null=True)
    assigned_requesting = _text(null=True)
    assigned_requested = _text(null=True)
    wished_by = _day()
    status = _text()
    custody = _text(null=True)
    outcome = _text(null=True)
    reclassified_as = _text(null=True)
    items = _json()
    warnings = _json()
    shared = Boolean(default=False)
    first_act_on = _day()
    ended_on = _day()
    version = Integer(default=1)
    stale_since = _instant()
    created_at = _instant(null=False)
    updated_at = _instant(null=False)
    tally = _json()
    circumstances = _texts()
    stale_causes = _texts()
    handling = _text()
    erased_at = _instant()
    same_case_as = _ref()
    version_requesting = Integer(default=1)
    version_requested = Integer(default=1)
    updated_requesting_at = _instant(null=False)
    updated_requested_at = _instant(null=False)


class RequestEvent(Table, db=ENGINE, tablename="request_event"):
    """An act as it was recorded; never changed."""

    id = _id()
    request_id = _ref(null=False)
    requesting_country = _text()
    requested_country = _text()
    type = _text()
    occurred_at = _instant()
    occurred_on = _day()
    data = _json()
    asserted_by = _text()
    recorded_by_account = _ref()
    recorded_at = _instant(null=False)


class EventVoid(Table, db=ENGINE, tablename="event_void"):
    """That an act was taken back."""

    event_id = _id()
    request_id = _ref(null=False)
    requesting_country = _text()
    requested_country = _text()
    replacement_id = _ref()
    voided_by = _text()
    recorded_by_account = _ref()
    recorded_at = _instant(null=False)


class FreeText(Table, db=ENGINE, tablename="free_text"):
    """Erasable text beside a request."""

    id = _id()
    request_id = _ref(null=False)
    requesting_country = _text()
    requested_country = _text()
    owner_country = _text(null=True)
    field = _text()
    event_id = _ref()
    body = _text(null=True)
    erased_at = _instant()
    sealed = Bytea(null=True, default=None)
    salt = Bytea(null=True, default=None)
    commitment = Bytea(null=True, default=None)
    recorded_by_account = _ref()
    recorded_at = _instant()
    erased_for = _text(null=True)


class Clock(Table, db=ENGINE, tablename="clock"):
    """A limit at work on a request; computed, and rebuilt at will."""

    id = _id()
    request_id = _ref(null=False)
    requesting_country = _text()
    requested_country = _text()
    shared = Boolean(default=False)
    recorded_by = _text()
    request_kind = _text()
    clock_key = _text()
    limit_id = _text()
    limit_version = Integer(default=1)
    basis = _text()
    stage = _text()
    tier = _text(null=True)
    effect = _text()
    obligor = _text()
    counted_in_country = _text()
    state = _text()
    start_event_id = _ref()
    started_on = _day()
    started_at = _instant()
    base_due_on = _day()
    due_on = _day()
    due_at = _instant()
    paused_since = _instant()
    paused_seconds = BigInt(default=0)
    pauses = _json()
    extensions = _json()
    met_extended = Boolean(default=False)
    stop_event_id = _ref()
    stopped_on = _day()
    stopped_at = _instant()
    imprecise = Boolean(default=False)
    explanation = _json()
    handling = _text()
    same_case_as = _ref()


class Flag(Table, db=ENGINE, tablename="flag"):
    """What a sweep raised; a fact that no rebuild deletes."""

    id = _id()
    request_id = _ref(null=False)
    requesting_country = _text()
    requested_country = _text()
    clock_id = _ref(null=False)
    clock_key = _text()
    limit_id = _text()
    stage = _text()
    obligor = _text()
    kind = _text()
    level = Integer(default=0)
    due_at = _instant(null=False)
    raised_at = _instant(null=False)
    acknowledged_requesting_at = _instant()
    acknowledged_requesting_by = _ref()
    acknowledged_requested_at = _instant()
    acknowledged_requested_by = _ref()
    cleared_at = _instant()
    cleared_reason = _text(null=True)
    settled_at = _instant()


class JobSlot(Table, db=ENGINE, tablename="job_slot"):
    """One run of one job for one slot of time."""

    job = _text(key=True)
    slot = _instant(null=False)
    status = _text()
    node = _text()
    attempts = Integer(default=1)
    claimed_at = _instant(null=False)
    lease_until = _instant(null=False)
    finished_at = _instant()
    result = _json(null=True)
    error = _text(null=True)


class Notification(Table, db=ENGINE, tablename="notification"):
    """Where an account asked to be told what is due; the address sealed."""

    account_id = _id()
    wrapped = Bytea(default=None)
    sealed = Bytea(default=None)
    salt = Bytea(default=None)
    commitment = Bytea(default=None)
    address_set_at = _instant(null=False)
    challenge = Bytea(default=None)
    code_until = _instant(null=False)
    code_tries = Integer(default=0)
    confirmed_at = _instant()
    digest = _text()
    urgent = Boolean(default=False)
    urgent_since = _instant()
    refusals = Integer(default=0)
    refused_with = Integer(null=True, default=None)
    suspended_at = _instant()
    version = Integer(default=2)


class Mail(Table, db=ENGINE, tablename="mail"):
    """A mail that is to be sent or was, by ids alone."""

    id = _id()
    account_id = _ref(null=False)
    kind = _text()
    digest_on = _day()
    flag_id = _ref()
    flag_raised_at = _instant()
    status = _text()
    not_before = _instant(null=False)
    until = _instant(null=False)
    attempts = Integer(default=0)
    claimed_as = _ref()
    lease_until = _instant()
    reply = Integer(null=True, default=None)
    created_at = _instant(null=False)
    ended_at = _instant()
    batch = _ref()


class CalendarFeed(Table, db=ENGINE, tablename="calendar_feed"):
    """The token of a calendar program, by its SHA-256."""

    account_id = _id()
    token_hash = Bytea(default=None)
    made_at = _instant(null=False)
    last_used_at = _instant()


TABLES: tuple[type[Table], ...] = (
    Account, ApiToken, Agreement, LimitVersion, CalendarVersion, ZoneVersion, ConventionVersion, Request, RequestEvent,
    EventVoid,
    FreeText, Clock, Flag, JobSlot, Notification, Mail, CalendarFeed,
)  # fmt: skip
"""Every table that is read or written through Piccolo somewhere."""


def columns(table: type[Table]) -> tuple[Column, ...]:
    """The columns of a table, in their order."""
    return tuple(table._meta.columns)
