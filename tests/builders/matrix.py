"""Who may call what: one row per operation of the contract, and a small world in which every call can be made.

To add an operation, add one entry to ROWS:

    "POST /api/v1/requests/{request_id}/persons": Row(Deed.RECORD_PERSONS, About.RECORD, 201, body={"role": "suspect"}),

`deed` is what the caller must be allowed (stated here once more, so that a route that asks for the wrong one is found).
`about` says who gets the success: see About. A `{name_id}` of the path is filled with `world.ids["name"]`, an id of a
record of Morocco and Spain made by Morocco, and so is every "{name}" of `body` and `query`; `ids={"event_id": "act"}`
names another, and `fresh={"event_id": an_act}` makes one for each call that should succeed, where the call uses it up.
`shows` is what the answer holds for Morocco's accounts and for nobody else's. New kinds of records are made in
tests/builders/matrix_world.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import product
from typing import Any, Final

from mla_tracker.domain.permissions import PERMISSIONS, Deed
from mla_tracker.domain.vocabulary import Role, Scope
from tests.builders.matrix_world import (
    Fresh,
    a_confirmed_address,
    a_note,
    a_spare_person,
    a_spare_token,
    a_webhook,
    an_act,
    an_agreement_event,
    an_own_import,
    the_delivery,
)


class About(StrEnum):
    """What a call is about, and with it what those hear who are no party to it."""

    ANYBODY = "anybody, without a token"
    ALL = "the law, public registers, oneself: the same for every account"
    RECORD = "a record of a country: 404 for everybody else"
    LIST = "records of one's countries: a list without those of others"
    COUNTRY = "a country named in the call: 403 for everybody else"
    SOME_COUNTRY = "whatever country one speaks for: 403 for who speaks for none"


class Party(StrEnum):
    """How the caller's account stands to the records."""

    OWN = "own country"
    OTHER = "other country"
    NONE = "no country"


class Shown(StrEnum):
    """What the caller shows."""

    NOTHING = "no credential"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DISABLED = "of a disabled account"
    NOT_READ = "without the scope read"
    NOT_WRITE = "without the scope write"
    NOT_MANAGE = "without the scope manage"
    RIGHT = "right"


NOBODYS: Final = (Shown.NOTHING, Shown.MALFORMED, Shown.UNKNOWN)
"""These belong to no account, so they are tried once and not for each."""

SCOPES: Final[Mapping[Shown, frozenset[Scope]]] = {
    Shown.NOT_READ: frozenset(Scope) - {Scope.READ},
    Shown.NOT_WRITE: frozenset(Scope) - {Scope.WRITE},
    Shown.NOT_MANAGE: frozenset(Scope) - {Scope.MANAGE},
    Shown.RIGHT: frozenset(Scope),
}


@dataclass(frozen=True)
class Cell:
    """One caller: an account with a credential, or a credential without an account."""

    shown: Shown
    role: Role | None = None
    party: Party | None = None

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.role, self.party, self.shown)))


CELLS: Final = (
    *(Cell(shown) for shown in NOBODYS),
    *(Cell(shown, role, party) for role, party, shown in product(Role, Party, Shown) if shown not in NOBODYS),
)
"""What each operation is tried with."""


@dataclass(frozen=True)
class Row:
    """An operation: who may, what it is about, and how a valid call of it looks."""

    deed: Deed | None
    about: About
    status: int = 200
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    fresh: Mapping[str, Fresh] = field(default_factory=dict)
    shows: str | None = None
    file: str | None = None
    """A body in CSV."""
    own_token: bool = False
    """The token of the path is the one that the call is made with."""


def expected(row: Row, cell: Cell) -> tuple[int, str | None]:
    """The status and the slug of the problem. The first wall that stands in the way answers: 401, 403, 404."""
    if row.about is About.ANYBODY or row.deed is None:
        return row.status, None
    if cell.role is None or cell.shown not in SCOPES:
        return 401, "unauthenticated"
    permission = PERMISSIONS[row.deed]
    if cell.role not in permission.roles:
        return 403, "not-allowed"
    if not SCOPES[cell.shown].issuperset(permission.scopes):
        return 403, "insufficient-scope"
    if cell.party is not Party.OWN and row.about is About.RECORD:
        return 404, "not-found"
    if cell.party is not Party.OWN and row.about is About.COUNTRY:
        return 403, "not-allowed"
    if cell.party is Party.NONE and row.about is About.SOME_COUNTRY:
        return 403, "not-allowed"
    return row.status, None


def a_policy(number: int) -> Mapping[str, Any]:
    """A policy of Morocco for one day of its own, since two for the same day contradict each other."""
    day = date(2030, 1, 1) + timedelta(days=number)
    return {
        "country": "MA",
        "stage": "acknowledge",
        "amount": 3,
        "unit": "days",
        "source": "Circular 4/2026",
        "valid_from": str(day),
        "valid_to": str(day + timedelta(days=1)),
    }


def an_event(number: int) -> Mapping[str, Any]:
    """An event of an agreement on a day of its own, since it happens once on a day."""
    return {"type": "initialled", "occurred_on": str(date(2025, 1, 1) + timedelta(days=number))}


_READ: Final = Deed.READ_REQUESTS
_HOOKS: Final = Deed.MANAGE_WEBHOOKS
_WHOLE: Final = {"limit": "200"}
_YEAR: Final = {"from": "2026-01-01", "to": "2027-01-01"}
_REQUEST: Final = {
    "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "convention": "un1988",
    "assistance": ["records"],
}  # fmt: skip
_WITH_SPAIN: Final = '"counterpart":"ES"'

ROWS: Final[Mapping[str, Row]] = {
    "GET /health/live": Row(None, About.ANYBODY),
    "GET /health/ready": Row(None, About.ANYBODY),
    "GET /metrics": Row(None, About.ANYBODY),
    "GET /schema/openapi.json": Row(None, About.ANYBODY),
    "GET /api/v1/me": Row(Deed.READ_OWN_ACCOUNT, About.ALL),
    "GET /api/v1/me/notifications": Row(Deed.READ_DUE_DATES, About.ALL),
    "PUT /api/v1/me/notifications": Row(
        Deed.SET_NOTIFICATIONS, About.ALL, body={"address": "desk@justice.example"}
    ),
    "POST /api/v1/me/notifications/confirm": Row(
        Deed.SET_NOTIFICATIONS, About.ALL, body={"code": "00000000"}, fresh={"address": a_confirmed_address}
    ),
    "DELETE /api/v1/me/notifications": Row(Deed.SET_NOTIFICATIONS, About.ALL),
    "GET /api/v1/me/calendar.ics": Row(
        Deed.READ_DUE_DATES, About.LIST, query={"duty": "both"}, shows="with Spain"
    ),
    "GET /api/v1/me/calendar-feed": Row(Deed.READ_DUE_DATES, About.ALL),
    "POST /api/v1/me/calendar-feed": Row(Deed.SET_NOTIFICATIONS, About.ALL, 201),
    "DELETE /api/v1/me/calendar-feed": Row(Deed.SET_NOTIFICATIONS, About.ALL),
    "GET /api/v1/calendar-feeds/{feed}/due.ics": Row(None, About.ANYBODY),
    "POST /api/v1/tokens/{token_id}/rotate": Row(
        Deed.RENEW_OWN_TOKEN, About.ALL, 201, body={"overlap_hours": 24}, own_token=True
    ),
    "POST /api/v1/tokens/{token_id}/revoke": Row(
        Deed.RENEW_OWN_TOKEN, About.ALL, fresh={"token_id": a_spare_token}
    ),
    "POST /api/v1/accounts": Row(
        Deed.MANAGE_ACCOUNTS, About.COUNTRY, 201, body={"name": "Desk", "countries": ["MA"], "role": "officer"}
    ),
    "GET /api/v1/accounts": Row(Deed.MANAGE_ACCOUNTS, About.LIST, query=_WHOLE, shows="{account}"),
    "GET /api/v1/accounts/{account_id}": Row(Deed.MANAGE_ACCOUNTS, About.RECORD),
    "PATCH /api/v1/accounts/{account_id}": Row(Deed.MANAGE_ACCOUNTS, About.RECORD, body={"name": "Desk 5"}),
    "POST /api/v1/accounts/{account_id}/disable": Row(
        Deed.MANAGE_ACCOUNTS, About.RECORD, ids={"account_id": "leaver"}
    ),
    "POST /api/v1/accounts/{account_id}/tokens": Row(Deed.MANAGE_ACCOUNTS, About.RECORD, 201, body={}),
    "GET /api/v1/accounts/{account_id}/tokens": Row(Deed.MANAGE_ACCOUNTS, About.RECORD),
    "POST /api/v1/agreements": Row(
        Deed.RECORD_AGREEMENTS, About.SOME_COUNTRY, 201,
        body={"title": "A treaty", "kind": "extradition", "parties": ["MA", "ES"]},
    ),
    "GET /api/v1/agreements": Row(Deed.READ_AGREEMENTS, About.LIST, query=_WHOLE, shows="{agreement}"),
    "GET /api/v1/agreements/{agreement_id}": Row(Deed.READ_AGREEMENTS, About.RECORD),
    "PATCH /api/v1/agreements/{agreement_id}": Row(
        Deed.RECORD_AGREEMENTS, About.RECORD, body={"title": "The draft"}
    ),
    "POST /api/v1/agreements/{agreement_id}/events": Row(
        Deed.RECORD_AGREEMENTS, About.RECORD, 201, body={"fresh": an_event},
        ids={"agreement_id": "other_draft"},
    ),
    "POST /api/v1/agreements/{agreement_id}/events/{event_id}/void": Row(
        Deed.RECORD_AGREEMENTS, About.RECORD, 201, body={"reason": "Not yet."},
        ids={"event_id": "agreement_event"}, fresh={"event_id": an_agreement_event},
    ),
    "GET /api/v1/calendars/{country}": Row(Deed.READ_LAW, About.ALL),
    "PUT /api/v1/calendars/{country}": Row(Deed.SET_CALENDARS, About.COUNTRY, body={"source": "Decree 1"}),
    "GET /api/v1/calendars/{country}/versions": Row(Deed.READ_LAW, About.ALL),
    "GET /api/v1/calendars/{country}/moves": Row(_READ, About.LIST, query={"version": "1"}, shows="{request}"),
    "GET /api/v1/clocks": Row(_READ, About.LIST, query=_WHOLE, shows="{request}"),
    "GET /api/v1/conventions": Row(Deed.READ_LAW, About.ALL),
    "GET /api/v1/conventions/{convention_id}": Row(Deed.READ_LAW, About.ALL),
    "POST /api/v1/deadlines": Row(
        Deed.COUNT_DEADLINES, About.ALL, body={"start": "2026-03-02", "amount": 1, "unit": "days"}
    ),
    "GET /api/v1/flags": Row(_READ, About.LIST, query=_WHOLE, shows="{flag}"),
    "POST /api/v1/flags/{flag_id}/acknowledge": Row(Deed.ACKNOWLEDGE_FLAGS, About.RECORD),
    "GET /api/v1/limits": Row(Deed.READ_LAW, About.ALL),
    "POST /api/v1/limits": Row(Deed.SET_TARGETS, About.COUNTRY, 201, body={"fresh": a_policy}),
    "GET /api/v1/limits/{limit_id}": Row(Deed.READ_LAW, About.ALL),
    "GET /api/v1/reports/ageing": Row(
        Deed.READ_REPORTS, About.LIST, query={"group_by": "counterpart"}, shows=_WITH_SPAIN
    ),
    "GET /api/v1/reports/sla": Row(
        Deed.READ_REPORTS, About.LIST, query={**_YEAR, "group_by": "counterpart", "whose": "theirs"}, shows=_WITH_SPAIN
    ),
    "GET /api/v1/reports/statistics": Row(
        Deed.READ_REPORTS, About.LIST, query={**_YEAR, "group_by": "counterpart"}, shows=_WITH_SPAIN
    ),
    "GET /api/v1/reports/statistics/requests": Row(
        Deed.READ_REPORTS, About.LIST, query={**_YEAR, **_WHOLE, "as": "requesting"}, shows="{request}"
    ),
    "GET /api/v1/reports/opening-balances": Row(
        Deed.READ_REPORTS, About.LIST, query=_WHOLE, shows="{balance}"
    ),
    "POST /api/v1/reports/opening-balances": Row(
        Deed.STATE_BALANCES, About.COUNTRY, 201,
        body={"country": "MA", "as": "requesting", "first_day": "2026-01-01", "count": 1, "reason": "The books."},
    ),
    "POST /api/v1/requests": Row(Deed.RECORD_REQUESTS, About.COUNTRY, 201, body=_REQUEST),
    "GET /api/v1/requests": Row(_READ, About.LIST, query=_WHOLE, shows="{request}"),
    "GET /api/v1/requests/{request_id}": Row(_READ, About.RECORD),
    "PATCH /api/v1/requests/{request_id}": Row(
        Deed.AMEND_REQUESTS, About.RECORD, body={"assigned_to": "desk 4"}
    ),
    "GET /api/v1/requests/{request_id}/clocks": Row(_READ, About.RECORD),
    "GET /api/v1/requests/{request_id}/events": Row(_READ, About.RECORD),
    "POST /api/v1/requests/{request_id}/events": Row(
        Deed.RECORD_ACTS, About.RECORD, 201, body={"type": "reminded", "occurred_on": "2026-03-03"}
    ),
    "POST /api/v1/requests/{request_id}/events/{event_id}/void": Row(
        Deed.RECORD_ACTS, About.RECORD, 201, body={"reason": "A slip."}, ids={"event_id": "act"},
        fresh={"event_id": an_act},
    ),
    "GET /api/v1/requests/{request_id}/persons": Row(Deed.READ_PERSONS, About.RECORD),
    "POST /api/v1/requests/{request_id}/persons": Row(
        Deed.RECORD_PERSONS, About.RECORD, 201, body={"part": "suspect", "remarks": "Known as the Baker."}
    ),
    "GET /api/v1/requests/{request_id}/persons/{person_id}": Row(Deed.READ_PERSONS, About.RECORD),
    "PATCH /api/v1/requests/{request_id}/persons/{person_id}": Row(
        Deed.RECORD_PERSONS, About.RECORD, body={"part": "witness"}
    ),
    "POST /api/v1/requests/{request_id}/persons/{person_id}/erase": Row(
        Deed.ERASE_PERSONS, About.RECORD, body={"ground": "ordered"}, fresh={"person_id": a_spare_person}
    ),
    "GET /api/v1/requests/{request_id}/notes": Row(Deed.READ_NOTES, About.RECORD),
    "POST /api/v1/requests/{request_id}/notes": Row(
        Deed.RECORD_NOTES, About.RECORD, 201, body={"text": "Call Rabat."}
    ),
    "POST /api/v1/requests/{request_id}/notes/{note_id}/erase": Row(
        Deed.ERASE_NOTES, About.RECORD, body={"ground": "ordered"}, fresh={"note_id": a_note}
    ),
    "GET /api/v1/requests/{request_id}/readers": Row(_READ, About.RECORD),
    "PUT /api/v1/requests/{request_id}/readers/{account_id}": Row(Deed.NAME_READERS, About.RECORD),
    "DELETE /api/v1/requests/{request_id}/readers/{account_id}": Row(Deed.NAME_READERS, About.RECORD),
    "GET /api/v1/changes": Row(Deed.READ_CHANGES, About.LIST, query={"limit": "500"}, shows="{request}"),
    "GET /api/v1/webhooks": Row(_HOOKS, About.ALL),
    "POST /api/v1/webhooks": Row(_HOOKS, About.ALL, 201, body={"url": "https://hooks.example.org/mla"}),
    "GET /api/v1/webhooks/{webhook_id}": Row(_HOOKS, About.RECORD, fresh={"webhook_id": a_webhook}),
    "PATCH /api/v1/webhooks/{webhook_id}": Row(
        _HOOKS, About.RECORD, body={"enabled": False}, fresh={"webhook_id": a_webhook}
    ),
    "DELETE /api/v1/webhooks/{webhook_id}": Row(_HOOKS, About.RECORD, fresh={"webhook_id": a_webhook}),
    "POST /api/v1/webhooks/{webhook_id}/secret": Row(
        _HOOKS, About.RECORD, body={"overlap_hours": 1}, fresh={"webhook_id": a_webhook}
    ),
    "GET /api/v1/webhooks/{webhook_id}/deliveries": Row(
        _HOOKS, About.RECORD, fresh={"webhook_id": a_webhook}
    ),
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend": Row(
        _HOOKS, About.RECORD, fresh={"webhook_id": a_webhook, "delivery_id": the_delivery}
    ),
    "GET /api/v1/retention/{country}": Row(Deed.READ_LAW, About.ALL),
    "PUT /api/v1/retention/{country}": Row(Deed.SET_RETENTION, About.COUNTRY, body={"years": 10}),
    "POST /api/v1/imports": Row(
        Deed.HAND_IN_IMPORTS, About.SOME_COUNTRY, 202, query={"kind": "agreements"}, file="title,kind,parties\n",
    ),
    "GET /api/v1/imports": Row(Deed.READ_IMPORTS, About.LIST, query=_WHOLE, shows="{import}"),
    "GET /api/v1/imports/{import_id}": Row(Deed.READ_IMPORTS, About.RECORD),
    "GET /api/v1/imports/{import_id}/refused": Row(
        Deed.READ_IMPORTS, About.RECORD, fresh={"import_id": an_own_import}
    ),
    "GET /api/v1/exports/requests": Row(_READ, About.LIST, shows="{request}"),
    "GET /api/v1/exports/agreements": Row(Deed.READ_AGREEMENTS, About.LIST, shows="{agreement}"),
    "GET /api/v1/exports/directory": Row(Deed.READ_DIRECTORY, About.ALL),
    "GET /api/v1/directory": Row(Deed.READ_DIRECTORY, About.ALL),
    "POST /api/v1/directory": Row(
        Deed.KEEP_DIRECTORY, About.COUNTRY, 201, body={"country": "MA", "authority": "Central Authority"}
    ),
    "GET /api/v1/audit": Row(Deed.READ_AUDIT, About.LIST, query=_WHOLE, shows="{request}"),
    "GET /api/v1/audit/checkpoint": Row(Deed.READ_CHECKPOINT, About.ALL),
    "GET /api/v1/audit/{entry_id}/proof": Row(Deed.READ_AUDIT, About.RECORD),
    "GET /api/v1/requests/{request_id}/governing-agreement": Row(_READ, About.RECORD),
}  # fmt: skip
"""Every operation of the contract once. What cannot be read (no such path, a body that is no JSON) is told before what
does not exist, to everybody in the same words: see test_matrix.py."""
