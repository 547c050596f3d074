"""Acts that a history holds twice and that say nothing new: warned of, never refused, as they may be double entries."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case
from mla_tracker.domain.items import ENDS, numbers_of
from mla_tracker.domain.vocabulary import Act

A = Act

# What happens more than once in the life of a request and is news each time: one more reminder, one more question,
# one more set of results, another instance.
REPEATABLE: Final[frozenset[Act]] = frozenset(
    {
        A.DRAFTED,
        A.FORWARDED,
        A.REMINDED,
        A.INFORMATION_REQUESTED,
        A.INFORMATION_SUPPLIED,
        A.EXTENDED,
        A.RECOMPUTED,
        A.RECLASSIFIED,
        A.LINKED,
        A.DELAY_REPORTED,
        A.FURTHER_REQUEST_RECEIVED,
        A.PARTLY_EXECUTED,
        A.RESULTS_TRANSMITTED,
        A.RESULTS_RECEIVED,
        A.PRESERVED,
        A.PROVIDER_SERVED,
        A.HEARING_FIXED,
        A.NOTIFIED_OF_INTERCEPTION,
        A.SUMMONS_SERVED,
        A.PRESENCE_NO_LONGER_REQUIRED,
        A.CONCLUDED,
        A.RESULT_TOLD,
        A.LOCATED,
        A.ARREST_NOTIFIED,
        A.IMMUNITY_WAIVED,
        A.JUDICIAL_DECISION,
        A.APPEALED,
        A.APPEAL_DECIDED,
        A.DECISION_NOTIFIED,
        A.SURRENDER_DATE_AGREED,
        A.PUT_AT_DISPOSAL,
        A.SPECIALITY_CONSENT_REQUESTED,
        A.CONSENT_HEARING_BEGUN,
        A.SPECIALITY_CONSENT_DECIDED,
        A.UNSCHEDULED_LANDING,
    }
)

_ARRESTS: Final = frozenset({A.PROVISIONALLY_ARRESTED, A.ARRESTED, A.REARRESTED, A.COMMITTED})
_SET_FREE: Final = frozenset({A.RELEASED, A.SURRENDERED, A.TEMPORARILY_SURRENDERED, A.RETURNED})
# Of every other act: what makes it news again. A reopening does so for all.
AFRESH: Final[Mapping[Act, frozenset[Act]]] = {
    A.RECEIVED_BY_COMPETENT_AUTHORITY: frozenset({A.FORWARDED}),
    A.POSTPONED: frozenset({A.RESUMED, A.SURRENDER_DATE_AGREED}),
    A.RESUMED: frozenset({A.POSTPONED, A.TEMPORARILY_SURRENDERED}),
    A.CONSENT_NOTIFIED: frozenset({A.CONSENT_GIVEN, A.CONSENT_WITHHELD, A.CONSENT_WITHDRAWN}),
    A.CONSENT_GIVEN: frozenset({A.CONSENT_WITHDRAWN, A.CONSENT_WITHHELD}),
    A.CONSENT_WITHHELD: frozenset({A.CONSENT_GIVEN, A.CONSENT_WITHDRAWN}),
    A.CONSENT_WITHDRAWN: frozenset({A.CONSENT_GIVEN}),
    A.PROVISIONAL_ARREST_REQUESTED: frozenset({A.RELEASED}),
    **dict.fromkeys(_ARRESTS, _SET_FREE),
    A.RELEASED: _ARRESTS | {A.RETURNED},
    A.TEMPORARILY_SURRENDERED: frozenset({A.RETURNED}),
    A.RETURNED: frozenset({A.TEMPORARILY_SURRENDERED, A.SURRENDERED}),
    A.SURRENDERED: frozenset({A.RETURNED}),
    A.GRANTED: frozenset({A.APPEAL_DECIDED}),
    A.DECISION_FINAL: frozenset({A.APPEAL_DECIDED}),
    A.REOPENED: frozenset({A.CLOSED, *ENDS}),
}


def repeated_acts(case: Case) -> Iterator[Step]:
    """A warning for each act that was on record already, of the same items, with all that it says.

    Of a receipt, what the two sides state are two things.
    """
    told: dict[Act, list[Event]] = {}
    for event in case.history:
        for act in told.keys() - {event.act}:
            if event.act is A.REOPENED or event.act in AFRESH.get(act, ()):
                told[act] = []
        before = [e for e in told.get(event.act, []) if _says_all(e, event)]
        if before and _items(case, event) <= frozenset().union(*(_items(case, e) for e in before)):
            yield Step("act-repeated", {"act": event.act, "day": event.day, "on": before[-1].day})
        elif event.act not in REPEATABLE:
            told.setdefault(event.act, []).append(event)


def _says_all(earlier: Event, later: Event) -> bool:
    """Whether the earlier act says all that the later one does, but for the items that they are about."""
    same_word = later.act is not A.RECEIVED or earlier.asserted_by == later.asserted_by
    return same_word and _said(later).items() <= _said(earlier).items()


def _said(event: Event) -> dict[str, Any]:
    return {name: repr(value) for name, value in event.data.items() if name != "items"}


def _items(case: Case, event: Event) -> frozenset[int]:
    return frozenset(event.data.get("items") or numbers_of(case))
