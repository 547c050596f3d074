"""What each role may do: the one table that routes, commands, queries, the contract and the docs read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InsufficientScope, NotAllowed
from mla_tracker.domain.vocabulary import Role, Scope


class Deed(StrEnum):
    """What an account may do or may not; a route names one, and so does what is shown or left out of an answer."""

    READ_OWN_ACCOUNT = "read_own_account"
    RENEW_OWN_TOKEN = "renew_own_token"
    READ_DUE_DATES = "read_due_dates"
    SET_NOTIFICATIONS = "set_notifications"
    READ_LAW = "read_law"
    COUNT_DEADLINES = "count_deadlines"
    READ_AGREEMENTS = "read_agreements"
    READ_AGREEMENT_NOTES = "read_agreement_notes"
    RECORD_AGREEMENTS = "record_agreements"
    READ_REQUESTS = "read_requests"
    READ_TEXTS = "read_texts"
    READ_PERSONS = "read_persons"
    READ_REPORTS = "read_reports"
    READ_CHANGES = "read_changes"
    RECORD_REQUESTS = "record_requests"
    AMEND_REQUESTS = "amend_requests"
    RECORD_ACTS = "record_acts"
    ACKNOWLEDGE_FLAGS = "acknowledge_flags"
    RECORD_PERSONS = "record_persons"
    ERASE_PERSONS = "erase_persons"
    READ_NOTES = "read_notes"
    RECORD_NOTES = "record_notes"
    ERASE_NOTES = "erase_notes"
    NAME_READERS = "name_readers"
    SET_TARGETS = "set_targets"
    SET_CALENDARS = "set_calendars"
    STATE_BALANCES = "state_balances"
    READ_DIRECTORY = "read_directory"
    KEEP_DIRECTORY = "keep_directory"
    HAND_IN_IMPORTS = "hand_in_imports"
    READ_IMPORTS = "read_imports"
    SET_RETENTION = "set_retention"
    READ_AUDIT = "read_audit"
    READ_CHECKPOINT = "read_checkpoint"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_WEBHOOKS = "manage_webhooks"


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may do a deed, with which scope of the credential shown (None: with any), and what the deed is in words.

    `words` complete the sentence "only … may …". `also` is a second scope that is needed, where the deed has somebody
    told from then on what the credential must be able to read.
    """

    roles: frozenset[Role]
    scope: Scope | None
    words: str
    also: Scope | None = None

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that the credential needs, all of them."""
        return tuple(scope for scope in (self.scope, self.also) if scope is not None)


_ALL: Final = frozenset(Role)
_CASEWORK: Final = frozenset({Role.OFFICER, Role.HEAD, Role.INTEGRATION})
_DESK: Final = frozenset({Role.OFFICER, Role.HEAD})

PERMISSIONS: Final[Mapping[Deed, Permission]] = {
    Deed.READ_OWN_ACCOUNT: Permission(_ALL, None, "see who one is"),
    # Whoever holds a token must be able to end it, however little else the token is good for.
    Deed.RENEW_OWN_TOKEN: Permission(_ALL, None, "rotate the token in use or revoke one of their own"),
    # A ministry reads figures and a machine reads by itself; single cases are told to those who work on them.
    Deed.READ_DUE_DATES: Permission(
        _DESK, Scope.READ, "read where they are told what is due, and a calendar of it"
    ),
    Deed.SET_NOTIFICATIONS: Permission(
        _DESK, Scope.WRITE, "say where they are told what is due, by mail or in a calendar", also=Scope.READ
    ),
    Deed.READ_LAW: Permission(_ALL, Scope.READ, "read limits, conventions and calendars"),
    Deed.COUNT_DEADLINES: Permission(_ALL, Scope.READ, "count a period without recording anything"),
    Deed.READ_AGREEMENTS: Permission(_ALL, Scope.READ, "read the register of agreements"),
    Deed.READ_AGREEMENT_NOTES: Permission(
        _ALL - {Role.MINISTRY}, Scope.READ, "read the notes of their own country on an agreement"
    ),
    Deed.RECORD_AGREEMENTS: Permission(
        _CASEWORK | {Role.ADMIN}, Scope.WRITE, "record and change agreements of their own country"
    ),
    # Without texts and persons a case is dates and codes, which whoever supervises or runs the place needs to see.
    Deed.READ_REQUESTS: Permission(_ALL, Scope.READ, "read requests, their acts, clocks and flags"),
    Deed.READ_TEXTS: Permission(_CASEWORK, Scope.READ, "read subject, reasons and notes of a request"),
    Deed.READ_PERSONS: Permission(_CASEWORK, Scope.READ, "read who a request is about"),
    Deed.READ_REPORTS: Permission(_ALL, Scope.READ, "read reports and statistics"),
    # It tells no more than the lists do, which all may read.
    Deed.READ_CHANGES: Permission(_ALL, Scope.READ, "follow what changes in what they see"),
    Deed.RECORD_REQUESTS: Permission(_CASEWORK, Scope.WRITE, "log requests"),
    Deed.AMEND_REQUESTS: Permission(_CASEWORK, Scope.WRITE, "amend the facts of a request"),
    Deed.RECORD_ACTS: Permission(_CASEWORK, Scope.WRITE, "record and void acts"),
    # A machine has seen nothing.
    Deed.ACKNOWLEDGE_FLAGS: Permission(_DESK, Scope.WRITE, "acknowledge flags"),
    Deed.RECORD_PERSONS: Permission(_CASEWORK, Scope.WRITE, "record who a request is about"),
    # What is erased cannot be brought back: a person decides.
    Deed.ERASE_PERSONS: Permission(_DESK, Scope.WRITE, "erase persons from a request"),
    Deed.READ_NOTES: Permission(
        _CASEWORK, Scope.READ, "read the notes that their own side keeps on a request"
    ),
    Deed.RECORD_NOTES: Permission(_CASEWORK, Scope.WRITE, "record notes of their own side on a request"),
    Deed.ERASE_NOTES: Permission(_DESK, Scope.WRITE, "erase notes of their own side"),
    Deed.NAME_READERS: Permission(
        _DESK,
        Scope.WRITE,
        "set how a request is handled and name the officers who may read a confidential one",
    ),
    # These bind every officer of the country, so a person in charge answers for them.
    Deed.SET_TARGETS: Permission(
        frozenset({Role.HEAD, Role.MINISTRY, Role.ADMIN}), Scope.MANAGE, "set policies of their own country"
    ),
    Deed.SET_CALENDARS: Permission(
        frozenset({Role.HEAD, Role.ADMIN}), Scope.MANAGE, "set the calendar of their own country"
    ),
    Deed.STATE_BALANCES: Permission(
        frozenset({Role.HEAD, Role.MINISTRY}), Scope.MANAGE, "state opening balances of their own country"
    ),
    Deed.READ_DIRECTORY: Permission(_ALL, Scope.READ, "read the directory of authorities"),
    Deed.KEEP_DIRECTORY: Permission(
        frozenset({Role.HEAD, Role.ADMIN}), Scope.MANAGE, "keep their own country's part of the directory"
    ),
    # What a file holds is asked for besides: who may not record a kind one by one may not import it.
    Deed.HAND_IN_IMPORTS: Permission(
        _CASEWORK | {Role.ADMIN}, Scope.WRITE, "hand in files of records of their own country"
    ),
    Deed.READ_IMPORTS: Permission(
        _CASEWORK | {Role.ADMIN}, Scope.READ, "read how imports of their own country went"
    ),
    Deed.SET_RETENTION: Permission(
        frozenset({Role.HEAD, Role.MINISTRY, Role.ADMIN}),
        Scope.MANAGE,
        "set how long their own country keeps persons and texts",
    ),
    Deed.READ_AUDIT: Permission(frozenset({Role.AUDITOR}), Scope.READ, "read the audit"),
    # It tells a number, a root and a signature: the more keep one, the better.
    Deed.READ_CHECKPOINT: Permission(_ALL, Scope.READ, "read the last signed checkpoint of the audit"),
    Deed.MANAGE_ACCOUNTS: Permission(
        frozenset({Role.ADMIN}), Scope.MANAGE, "manage accounts and tokens of their own countries"
    ),
    # What an endpoint is told leaves the house: by who answers for that, or was opened for it.
    Deed.MANAGE_WEBHOOKS: Permission(
        frozenset({Role.HEAD, Role.INTEGRATION, Role.ADMIN}),
        Scope.MANAGE,
        "have changes sent to an address",
        also=Scope.READ,
    ),
}
"""Every deed once. A deed concerns what the account sees: which requests those are is for the walls to say."""


def roles_of(deed: Deed) -> tuple[Role, ...]:
    """The roles that may, in the order of the vocabulary."""
    return tuple(role for role in Role if role in PERMISSIONS[deed].roles)


def may(actor: Actor, deed: Deed) -> bool:
    """Whether role and scopes of the account allow the deed."""
    permission = PERMISSIONS[deed]
    return actor.role in permission.roles and actor.scopes.issuperset(permission.scopes)


def require(actor: Actor, deed: Deed) -> None:
    """Raises NotAllowed where the role may not, InsufficientScope where the credential shown is not enough."""
    permission = PERMISSIONS[deed]
    if actor.role not in permission.roles:
        raise NotAllowed(
            f"This account is {actor.role}; only {_either(roles_of(deed))} may {permission.words}. Ask one of them."
        )
    for scope in permission.scopes:
        if scope in actor.scopes:
            continue
        held = ", ".join(one for one in Scope if one in actor.scopes) or "none"
        raise InsufficientScope(
            f"To {permission.words}, a credential needs the scope {scope}; this one has: {held}. "
            "Use another token, or ask for one with that scope.",
            facts={"scope": scope.value},
        )


def _either(roles: tuple[Role, ...]) -> str:
    return " or ".join(filter(None, (", ".join(roles[:-1]), roles[-1])))
