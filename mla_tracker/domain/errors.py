"""What can be wrong with an entry, as facts without any notion of HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class DomainError(Exception):
    """A rule of the field was broken: a stable `code`, a sentence for people, and the fields at fault.

    `fields` pairs a JSON pointer into the entry ("/occurred_on") with a sentence on what to do there.
    """

    code: ClassVar[str] = "domain-error"

    def __init__(
        self, detail: str, *, fields: Sequence[tuple[str, str]] = (), facts: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = tuple(fields)
        self.facts = dict(facts or {})


class InvalidEntry(DomainError):
    """The entry itself is wrong, whatever was recorded before."""

    code = "invalid-entry"


class DatedInFuture(InvalidEntry):
    """An act dated after now where it took place."""

    code = "dated-in-future"


class ActNotPossible(DomainError):
    """The act contradicts another act of the history; both are named with their dates."""

    code = "act-not-possible"


class NotFound(DomainError):
    """It does not exist, or the account may not see it: nobody can tell which."""

    code = "not-found"


class NotAllowed(DomainError):
    """The account sees the record but its role or its country may not do this."""

    code = "not-allowed"


class InsufficientScope(DomainError):
    """The role may do this, but the credential shown is not meant for it; `facts` name the `scope` that is missing."""

    code = "insufficient-scope"


class AccountConflict(DomainError):
    """An account or a token is in a state in which this cannot be done with it."""

    code = "account-conflict"


class AlreadyRecorded(DomainError):
    """The reference is taken by another record of the same country."""

    code = "already-recorded"


class VersionStale(DomainError):
    """The record has changed since the version that the change was based on."""

    code = "version-stale"


class IdempotencyKeyReused(DomainError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency-key-reused"


class ChangesGone(DomainError):
    """A reader of the feed wants to go on from where nothing is kept any more."""

    code = "changes-gone"


class UnknownLimit(DomainError):
    """A limit, rule or calendar that the catalogue does not hold."""

    code = "unknown-limit"
