"""English words for what clocks and histories have to say beyond the counting itself."""

from collections.abc import Mapping
from typing import Final

CLOCKS: Mapping[str, str] = {
    # which limit, and from which act
    "limit-applies": "The limit for the stage {stage} rests on {basis}.",
    "source-not-verified": "The wording of {instrument} was not read for this limit: check it before you rely on it.",
    "displaces": "It takes the place of the limit {limit} ({source}).",
    "not-started": "It has not begun to run: it begins with {acts}.",
    "for-items": "It is about the items {items} of assistance; others have clocks of their own.",
    "started-by": "{act} on {day}: the clock begins to run, counted in {country}.",
    "restarted": "On {agreed} a new date was agreed: the period runs anew from {from}.",
    "restarted-by": "By the act {act} the period runs anew from {from}.",
    # what moved the end
    "extended": "Extended on {on}: the end moves from {from} to {to}.",
    # how it ended
    "paused": "The clock stands still: the due date moves on by every day for which it still does.",
    "met-in-time": "Kept: {act} on {day}, due on {due}.",
    "too-early": "{act} on {day} came before its time: it was not allowed before {due} had passed.",
    "met-late": "Kept late: {act} on {day}, due on {due}.",
    "implied-by": "The act itself was not recorded; {act} shows that it took place by then.",
    "cancelled-by": "Ended without being kept: {act} on {day}.",
}

UNKNOWN_DAY: Final = "a day not known"

WARNINGS: Mapping[str, str] = {
    "extension-without-clock": "The extension of {day} (stage: {stage}) meets no running clock and moves no date.",
    "extension-after-expiry": "The extension of {day} came after the limit had run out on {due} and does not count.",
    "extension-without-effect": "The extension until {until} lies before the due date {due} and moves nothing.",
    "extension-without-date": "The extension of {day} names no date and no number of days, and moves nothing.",
    "extension-too-many": (
        "The extension of {day} is number {number} of the limit {limit}, more than its source allows, and moves "
        "nothing. Void it, or void an earlier one."
    ),
    "extension-too-long": (
        "The extension of {day} reaches to {reached}; as days are counted in {country} now, the source of the limit "
        "{limit} allows {latest} at the latest, and it counts until {counted}. Void it, or record it anew with an "
        "earlier date."
    ),
    "convention-unknown": "The catalogue knows no instrument {convention}; its limits do not run.",
    "convention-replaced": "Between these two countries {instead} takes the place of {named}; its limits run.",
    "convention-not-binding": (
        "Our list of the parties, as of {as_of}, does not show {countries} as bound by {convention} on {day}; "
        "its limits do not run. Check the list of parties."
    ),
    "convention-parties-incomplete": (
        "Our list of the parties to {convention}, as of {as_of}, is not complete and does not show {countries} as "
        "bound on {day}; its limits run all the same. Check that it binds both."
    ),
    "figure-not-known": (
        "Our list holds no figure that {country} declared for the limit {limit}, and without one it does not run. "
        "Check the declarations of {country}."
    ),
    "agreement-not-in-force": "The agreement {title} was not in force between the two on {day}; its limits do not run.",
    "missing-sent": "The record does not say when the request was sent.",
    "missing-received": (
        "The record does not say when the request was received: clocks that run from it have not begun."
    ),
    "missing-accepted": (
        "The record does not say when the request was accepted: the clock for its execution has not begun."
    ),
    "missing-executed": "Results were transmitted, and the record does not say that the request was executed.",
    "missing-information-requested": "Information was supplied that, by the record, nobody had asked for.",
    "missing-decision-final": "The person was surrendered, and the record holds no decision.",
    "act-after-the-end": (
        "The request had ended ({end}, {on}) when it was {act} on {day}: record the reopening, or correct an act."
    ),
    "act-repeated": (
        "The act {act} of {day} says nothing that {act} of {on} had not said. Void one of the two if it was "
        "recorded twice."
    ),
    "custody-after-surrender": (
        "The person had been surrendered on {on} and was no longer in the requested country when {act} on {day}: "
        "custody stays as it was. Record the return, or correct an act."
    ),
    "may-be-the-same-case": (
        "{country} has recorded a request of this kind under the same reference, {request}. If it is the same case, "
        "record an act linked with it and the relation same_case: it is then counted once."
    ),
    "wished-by-without-reason": (
        "It is wished that this be done by {day}, and the record does not say why. A date that is wished needs reasons."
    ),
    # what cannot be as it stands: recorded before the days changed by which it is read
    "acts-out-of-order": (
        "{act} on {day} ({zone}) lies before {other_act} on {other_day} ({other_zone}), which cannot be. Both stay "
        "recorded: correct one of the two dates."
    ),
    "answer-before-question": (
        "{act} on {day} ({zone}) answers, and lies before, {other_act} on {other_day} ({other_zone}), which cannot be. "
        "Both stay recorded: correct one of the two dates."
    ),
    "act-after-closing": (
        "{act} on {day} ({zone}) lies after {other_act} on {other_day} ({other_zone}). Both stay recorded: record the "
        "reopening, or correct a date."
    ),
    "agreed-date-passed": (
        "{act} on {day} ({zone}) names {agreed}, which had passed by then. It stays recorded: correct one of the two "
        "dates."
    ),
    "closing-contradicts-outcome": (
        "The request was closed on {day} as {stated}, and had ended as {outcome} ({act}, {on}), which counts. Correct "
        "one of the two acts."
    ),
    "closed-without-outcome": (
        "The request was closed on {day}, and by then nothing says how it ended. Record the closing anew with an "
        "outcome, or correct the date of the act that ended it."
    ),
    "bank-secrecy-no-ground": "Bank secrecy is no ground for refusing assistance.",
}

TEMPLATES: Mapping[str, str] = {**CLOCKS, **WARNINGS}
