"""What the feed of changes can tell: the names, and what each of them means."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ChangeKind(StrEnum):
    """As `subject.what_happened`, in the words of the audit where it tells the same.

    The database writes them (see the migration of the feed), so a new one is a migration too.
    """

    REQUEST_LOGGED = "request.logged"
    REQUEST_AMENDED = "request.amended"
    REQUEST_ACT_RECORDED = "request.act_recorded"
    REQUEST_ACT_VOIDED = "request.act_voided"
    REQUEST_ERASED = "request.erased"
    REQUEST_RECOUNTED = "request.recounted"
    REQUEST_READERS_CHANGED = "request.readers_changed"
    FLAG_RAISED = "flag.raised"
    FLAG_CLEARED = "flag.cleared"
    FLAG_SETTLED = "flag.settled"
    FLAG_UNSETTLED = "flag.unsettled"
    FLAG_ACKNOWLEDGED = "flag.acknowledged"
    AGREEMENT_RECORDED = "agreement.recorded"
    AGREEMENT_CHANGED = "agreement.changed"
    AGREEMENT_EVENT_RECORDED = "agreement.event_recorded"
    AGREEMENT_EVENT_VOIDED = "agreement.event_voided"
    LIMIT_POLICY_SET = "limit.policy_set"
    CALENDAR_CHANGED = "calendar.changed"
    RETENTION_SET = "retention.set"


MEANINGS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.REQUEST_LOGGED: "A request was logged, as a draft or with its history so far.",
    ChangeKind.REQUEST_AMENDED: "Facts of a request were amended, or how it is handled.",
    ChangeKind.REQUEST_ACT_RECORDED: "An act was recorded (`event_ids`). To the other country the first one of these "
    "may be the first word of a request: it was sent.",
    ChangeKind.REQUEST_ACT_VOIDED: "An act was voided, and perhaps replaced: `event_ids` name what was voided, then "
    "what stands instead.",
    ChangeKind.REQUEST_ERASED: "Persons and texts of a request were erased: forget them too.",
    ChangeKind.REQUEST_RECOUNTED: "Dates of a request moved, as a calendar, a zone, a limit or an agreement changed.",
    ChangeKind.REQUEST_READERS_CHANGED: "Your side named other accounts to a confidential request. To who is named it "
    "may be the first word of it.",
    ChangeKind.FLAG_RAISED: "A flag was raised (`flag_id`), or raised again.",
    ChangeKind.FLAG_CLEARED: "A flag was cleared: there was no lateness, its date moved, or its clock is gone.",
    ChangeKind.FLAG_SETTLED: "What a flag was about has happened.",
    ChangeKind.FLAG_UNSETTLED: "What a flag was about has not happened after all.",
    ChangeKind.FLAG_ACKNOWLEDGED: "Somebody of your side has seen a flag.",
    ChangeKind.AGREEMENT_RECORDED: "An agreement was recorded.",
    ChangeKind.AGREEMENT_CHANGED: "An agreement was changed.",
    ChangeKind.AGREEMENT_EVENT_RECORDED: "An event of an agreement was recorded (`agreement_event_id`).",
    ChangeKind.AGREEMENT_EVENT_VOIDED: "An event of an agreement was voided.",
    ChangeKind.LIMIT_POLICY_SET: "A country set a policy (`limit_id`).",
    ChangeKind.CALENDAR_CHANGED: "The calendar of a country has another version.",
    ChangeKind.RETENTION_SET: "A country said how long it keeps persons and texts.",
}
"""What each tells its reader."""
