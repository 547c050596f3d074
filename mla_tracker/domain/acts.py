"""The acts of a request: who does them and where, in which order they can stand, and what they must say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mla_tracker.domain.vocabulary import Act, Outcome, RequestKind, Side

A = Act

COMMON: frozenset[Act] = frozenset(list(A)[: list(A).index(A.PARTLY_EXECUTED)])
OF_KIND: Mapping[RequestKind, frozenset[Act]] = {
    RequestKind.EVIDENCE: COMMON
    | {
        A.PARTLY_EXECUTED,
        A.EXECUTED,
        A.RESULTS_TRANSMITTED,
        A.RESULTS_RECEIVED,
        A.PRESERVED,
        A.PROVIDER_SERVED,
        A.HEARING_FIXED,
        A.NOTIFIED_OF_INTERCEPTION,
        A.SUMMONS_SERVED,
        A.PRESENCE_NO_LONGER_REQUIRED,
    },
    RequestKind.PROCEEDINGS: COMMON | {A.CHARGED, A.DECLINED, A.CONCLUDED, A.RESULT_TOLD},
    RequestKind.INFORMATION: COMMON
    | {A.PARTLY_EXECUTED, A.EXECUTED, A.RESULTS_TRANSMITTED, A.RESULTS_RECEIVED},
    RequestKind.EXTRADITION: COMMON | frozenset(list(A)[list(A).index(A.PROVISIONAL_ARREST_REQUESTED) :]),
}

# The requesting country's acts; every other act happens in the requested country.
OF_REQUESTING_SIDE: frozenset[Act] = frozenset(
    {
        A.DRAFTED,
        A.SENT,
        A.REMINDED,
        A.INFORMATION_SUPPLIED,
        A.DELAY_REPORTED,
        A.WITHDRAWN,
        A.RESULTS_RECEIVED,
        A.HEARING_FIXED,
        A.PRESENCE_NO_LONGER_REQUIRED,
        A.PROVISIONAL_ARREST_REQUESTED,
        A.SPECIALITY_CONSENT_REQUESTED,
        A.FINALLY_DISCHARGED,
    }
)

# Receipts in the requested country, which either side may state: silence must not stop the clocks.
RECEIPTS: frozenset[Act] = frozenset({A.RECEIVED, A.FURTHER_REQUEST_RECEIVED})

# Book-keeping of either side: dated where it is recorded.
OF_EITHER_SIDE: frozenset[Act] = frozenset({A.CLOSED, A.REOPENED, A.RECOMPUTED, A.RECLASSIFIED, A.LINKED})


def place(act: Act) -> Side:
    """The country in which an act takes place, whose zone says on which day it was."""
    return Side.REQUESTING if act in OF_REQUESTING_SIDE or act in OF_EITHER_SIDE else Side.REQUESTED


def is_told(act: Act, asserted_by: str, requesting_country: str, requested_country: str) -> bool:
    """Whether who stated the act recorded what it was told: it took place in the other country."""
    where = requesting_country if place(act) is Side.REQUESTING else requested_country
    return act not in OF_EITHER_SIDE and asserted_by != where


# On one day acts stand in this order where no instant tells: the order of a request's life.
RANK: Mapping[Act, int] = {
    act: rank
    for rank, act in enumerate(
        (
            A.DRAFTED,
            A.PROVISIONAL_ARREST_REQUESTED,
            A.SENT,
            A.RECEIVED,
            A.FORWARDED,
            A.RECEIVED_BY_COMPETENT_AUTHORITY,
            A.ACKNOWLEDGED,
            A.REMINDED,
            A.DELAY_REPORTED,
            A.LOCATED,
            A.UNSCHEDULED_LANDING,
            A.PROVISIONALLY_ARRESTED,
            A.ARRESTED,
            A.ARREST_NOTIFIED,
            A.NOTIFIED_OF_INTERCEPTION,
            A.HEARING_FIXED,
            A.INFORMATION_REQUESTED,
            A.INFORMATION_SUPPLIED,
            A.IMMUNITY_WAIVED,
            A.CONSENT_WITHHELD,
            A.CONSENT_GIVEN,
            A.CONSENT_WITHDRAWN,
            A.CONSENT_NOTIFIED,
            A.POSTPONED,
            A.RESUMED,
            A.EXTENDED,
            A.ACCEPTED,
            A.JUDICIAL_DECISION,
            A.COMMITTED,
            A.APPEALED,
            A.APPEAL_DECIDED,
            A.GRANTED,
            A.DECISION_FINAL,
            A.DECISION_NOTIFIED,
            A.PRESERVED,
            A.PROVIDER_SERVED,
            A.SUMMONS_SERVED,
            A.PARTLY_EXECUTED,
            A.CHARGED,
            A.DECLINED,
            A.SURRENDER_DATE_AGREED,
            A.PUT_AT_DISPOSAL,
            A.TEMPORARILY_SURRENDERED,
            A.RETURNED,
            A.RELEASED,
            A.REARRESTED,
            A.SURRENDERED,
            A.EXECUTED,
            A.RESULTS_TRANSMITTED,
            A.RESULTS_RECEIVED,
            A.PRESENCE_NO_LONGER_REQUIRED,
            A.CONCLUDED,
            A.RESULT_TOLD,
            A.REFUSED,
            A.WITHDRAWN,
            A.SPECIALITY_CONSENT_REQUESTED,
            A.FURTHER_REQUEST_RECEIVED,
            A.CONSENT_HEARING_BEGUN,
            A.SPECIALITY_CONSENT_DECIDED,
            A.FINALLY_DISCHARGED,
            A.LINKED,
            A.RECLASSIFIED,
            A.RECOMPUTED,
            A.CLOSED,
            A.REOPENED,
        )
    )
}


@dataclass(frozen=True, slots=True)
class Precedence:
    """Nothing of `later` can lie before the first of `first`; `unless` an act of that kind came earlier."""

    first: tuple[Act, ...]
    later: frozenset[Act]
    unless: frozenset[Act] = frozenset()


_ARRIVAL_NEEDED = frozenset(
    {
        A.FORWARDED,
        A.ACKNOWLEDGED,
        A.INFORMATION_REQUESTED,
        A.ACCEPTED,
        A.POSTPONED,
        A.REFUSED,
        A.PARTLY_EXECUTED,
        A.EXECUTED,
        A.RESULTS_TRANSMITTED,
        A.CHARGED,
        A.DECLINED,
    }
)

# In legal order, whatever the order of recording. Only what cannot have happened stands here: anything
# merely missing or unusual is a warning.
ORDER: Sequence[Precedence] = (
    Precedence(
        (A.SENT, A.PROVISIONAL_ARREST_REQUESTED),
        _ARRIVAL_NEEDED
        | {
            A.RECEIVED,
            A.RECEIVED_BY_COMPETENT_AUTHORITY,
            A.REMINDED,
            A.DELAY_REPORTED,
            A.FURTHER_REQUEST_RECEIVED,
            A.INFORMATION_SUPPLIED,
            A.RESULTS_RECEIVED,
            A.GRANTED,
            A.SURRENDERED,
        },
    ),
    # The person is arrested first, the formal request may follow (ETS 24 Art. 16): only the request for the
    # arrest must come before it.
    Precedence(
        (A.PROVISIONAL_ARREST_REQUESTED,), frozenset({A.PROVISIONALLY_ARRESTED}), unless=frozenset({A.SENT})
    ),
    # Sent directly, a request reaches the executing authority before the central one, or never that one.
    Precedence(
        (A.RECEIVED,),
        _ARRIVAL_NEEDED | {A.GRANTED, A.SURRENDERED},
        unless=frozenset({A.PROVISIONAL_ARREST_REQUESTED, A.RECEIVED_BY_COMPETENT_AUTHORITY}),
    ),
    Precedence((A.POSTPONED,), frozenset({A.RESUMED})),
    Precedence((A.CLOSED,), frozenset({A.REOPENED})),
    Precedence((A.RESULTS_TRANSMITTED,), frozenset({A.RESULTS_RECEIVED})),
    Precedence((A.CONSENT_GIVEN,), frozenset({A.CONSENT_WITHDRAWN})),
    Precedence((A.CONSENT_GIVEN, A.CONSENT_WITHHELD), frozenset({A.CONSENT_NOTIFIED})),
    Precedence((A.JUDICIAL_DECISION,), frozenset({A.APPEALED})),
    Precedence((A.APPEALED,), frozenset({A.APPEAL_DECIDED})),
    Precedence(
        (A.PROVISIONALLY_ARRESTED, A.ARRESTED), frozenset({A.RELEASED, A.REARRESTED, A.ARREST_NOTIFIED})
    ),
    Precedence((A.RELEASED,), frozenset({A.REARRESTED})),
    Precedence((A.DECISION_FINAL, A.GRANTED), frozenset({A.SURRENDERED, A.TEMPORARILY_SURRENDERED})),
    Precedence((A.TEMPORARILY_SURRENDERED,), frozenset({A.RETURNED})),
    Precedence((A.SURRENDERED,), frozenset({A.FINALLY_DISCHARGED})),
    Precedence((A.SPECIALITY_CONSENT_REQUESTED,), frozenset({A.SPECIALITY_CONSENT_DECIDED})),
    Precedence((A.CHARGED,), frozenset({A.CONCLUDED})),
    Precedence((A.CONCLUDED,), frozenset({A.RESULT_TOLD})),
)

# What may still be recorded on a closed request without reopening it.
AFTER_CLOSING: frozenset[Act] = frozenset(
    {
        A.REOPENED,
        A.LINKED,
        A.RECOMPUTED,
        A.RECLASSIFIED,
        A.RESULTS_RECEIVED,
        A.CONCLUDED,
        A.RESULT_TOLD,
        A.PRESENCE_NO_LONGER_REQUIRED,
        A.SPECIALITY_CONSENT_REQUESTED,
        A.CONSENT_HEARING_BEGUN,
        A.SPECIALITY_CONSENT_DECIDED,
        A.FURTHER_REQUEST_RECEIVED,
        A.FINALLY_DISCHARGED,
        A.RETURNED,
    }
)

# Acts that show that a request has left the country that made it.
SHOWS_SENDING: frozenset[Act] = frozenset(A) - OF_REQUESTING_SIDE - OF_EITHER_SIDE - {A.LOCATED} | {
    A.SENT,
    A.PROVISIONAL_ARREST_REQUESTED,
    A.REMINDED,
    A.DELAY_REPORTED,
    A.RESULTS_RECEIVED,
}

# What the requesting country may state of the time after the sending, though it is silent on the sending itself.
PRESUMES_SENDING: frozenset[Act] = frozenset(
    {A.RECEIVED, A.FURTHER_REQUEST_RECEIVED, A.REMINDED, A.DELAY_REPORTED, A.RESULTS_RECEIVED}
)

# What an act must say, and which acts a field of its data belongs to (fields not named here fit any act).
REQUIRED: Mapping[Act, tuple[str, ...]] = {
    A.EXTENDED: ("reason",),
    A.REFUSED: ("ground",),
    A.REOPENED: ("reason",),
    A.RECOMPUTED: ("reason",),
    A.RECLASSIFIED: ("reclassified_as",),
    A.LINKED: ("request_id", "relation"),
    A.FURTHER_REQUEST_RECEIVED: ("further_request",),
    A.HEARING_FIXED: ("date",),
    A.SURRENDER_DATE_AGREED: ("date",),
    A.JUDICIAL_DECISION: ("eligible",),
    A.SPECIALITY_CONSENT_DECIDED: ("granted",),
}
BELONGS_TO: Mapping[str, frozenset[Act]] = {
    "ground": frozenset({A.REFUSED, A.POSTPONED, A.RELEASED, A.DECLINED}),
    "outcome": frozenset({A.CLOSED, A.EXECUTED}),
    "stage": frozenset({A.EXTENDED, A.RECOMPUTED}),
    "days": frozenset({A.EXTENDED}),
    "estimated_on": frozenset({A.EXTENDED}),
    "date": frozenset({A.HEARING_FIXED, A.SURRENDER_DATE_AGREED}),
    "further_request": frozenset({A.FURTHER_REQUEST_RECEIVED}),
    "purpose": frozenset({A.INFORMATION_REQUESTED}),
    "eligible": frozenset({A.JUDICIAL_DECISION, A.APPEAL_DECIDED}),
    "granted": frozenset({A.SPECIALITY_CONSENT_DECIDED, A.DECISION_FINAL}),
    "revocable": frozenset({A.CONSENT_GIVEN}),
    "zone": frozenset({A.FORWARDED}),
    "request_id": frozenset({A.LINKED}),
    "relation": frozenset({A.LINKED}),
    "reclassified_as": frozenset({A.RECLASSIFIED}),
    "in_reply_to": frozenset(
        {A.INFORMATION_SUPPLIED, A.ACKNOWLEDGED, A.SPECIALITY_CONSENT_DECIDED, A.CONSENT_HEARING_BEGUN}
    ),
}
EXECUTED_OUTCOMES: frozenset[Outcome] = frozenset(
    {Outcome.EXECUTED, Outcome.EXECUTED_IN_PART, Outcome.NOT_EXECUTABLE}
)


def faults_of_data(act: Act, kind: RequestKind, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an act's data leave out or should not hold, as (JSON pointer, sentence); empty if all is well."""
    faults: list[tuple[str, str]] = []
    if act not in OF_KIND[kind]:
        faults.append(
            ("/type", f"The act {act} does not occur in {kind} requests. Choose an act of that kind.")
        )
    faults += [
        (f"/data/{name}", f"An act {act} needs {name}. Add it to data.")
        for name in REQUIRED.get(act, ())
        if data.get(name) in (None, "")
    ]
    faults += [
        (f"/data/{name}", f"{name} means nothing for an act {act}. Leave it out.")
        for name in data
        if name in BELONGS_TO and act not in BELONGS_TO[name]
    ]
    if act is A.EXTENDED and data.get("until") is not None and data.get("days") is not None:
        faults.append(("/data/days", "Give either until or days, not both."))
    if act is A.EXECUTED and data.get("outcome") is not None and data["outcome"] not in EXECUTED_OUTCOMES:
        faults.append(("/data/outcome", f"An act executed cannot have the outcome {data['outcome']}."))
    return faults
