"""English words for the steps of an explanation and for warnings, one sentence for each message id."""

from collections.abc import Mapping

_COUNTING = {
    # where the count begins
    "instant-is-day": "{instant} is {day} in the time zone {zone}.",
    "event-day-excluded": "{day}, the day of the event, is not counted.",
    "start-day-counted": "{day} is itself the first day counted.",
    "start-shifted": "The start moves from {from} to {to}, because the rule starts on a working day.",
    "start-hour-excluded": (
        "The hour in which the event lies is not counted: the count runs from {to} instead of {from}."
    ),
    # the period itself
    "period-minutes": "The {amount}-minute period from {from} ends on {to}.",
    "period-hours": "The {amount}-hour period from {from} ends on {to}.",
    "period-days": "The {amount}-day period from {from} ends on {to}; every day counts.",
    "period-weeks": "The {amount}-week period from {from} ends on {to}, the same day of the week.",
    "period-months": "The {amount}-month period from {from} ends on {to}.",
    "period-years": "The {amount}-year period from {from} ends on {to}.",
    "period-working-days": "The {amount}-working-day period from {from} ends on {to}.",
    "period-working-hours": "The {amount}-working-hour period from {from} ends on {to}.",
    "period-working-minutes": "The {amount}-working-minute period from {from} ends on {to}.",
    "period-working-seconds": "The {amount}-working-second period from {from} ends on {to}.",
    "period-back-minutes": "Counted back from {from}, the {amount}-minute period reaches {to}.",
    "period-back-hours": "Counted back from {from}, the {amount}-hour period reaches {to}.",
    "period-back-days": "Counted back from {from}, the {amount}-day period reaches {to}.",
    "period-back-weeks": "Counted back from {from}, the {amount}-week period reaches {to}.",
    "period-back-months": "Counted back from {from}, the {amount}-month period reaches {to}.",
    "period-back-years": "Counted back from {from}, the {amount}-year period reaches {to}.",
    "period-back-working-days": "Counted back from {from}, the {amount}-working-day period reaches {to}.",
    "period-back-working-hours": "Counted back from {from}, the {amount}-working-hour period reaches {to}.",
    "period-back-working-minutes": "Back from {from}, the {amount}-working-minute period reaches {to}.",
    "period-back-working-seconds": "Back from {from}, the {amount}-working-second period reaches {to}.",
    "month-without-day": "That month has no day {number}, so the period ends on its last day, {to}.",
    "holiday-skipped": "{day} is not counted as a working day: {name}.",
    "holidays-skipped": "{number} holidays between {first} and {last} are not counted as working days.",
    "office-hours-assumed": (
        "The calendar {calendar} gives no opening hours: 09:00 to 17:00 on working days is assumed."
    ),
    # standing still
    "stood-still": (
        "The count stood still from {stopped} and resumed on {resumed}: the end moves from {from} to {to}."
    ),
    "recess": "Recess from {stopped}, counted again from {resumed}: the end moves from {from} to {to}.",
    "pause-without-effect": "The pause from {stopped} until {resumed} takes nothing from the period.",
    # the end
    "falls-on-holiday": "{day} is not a working day: {name}.",
    "falls-on-weekend": "{day} is not a working day: weekend.",
    "falls-in-recess": "{day} is not a working day: recess.",
    "falls-in-pause": "{day} lies in a pause.",
    "rolled-forward": "The end moves from {from} to the next working day, {to}.",
    "rolled-back": "The end moves from {from} to the previous working day, {to}.",
    "does-not-roll": (
        "{day} is not a working day, but the limit counts calendar days and does not move for that."
    ),
    "not-rolled-backwards": "{day} is not a working day; a period counted backwards does not move for that.",
    "minimum-extends": (
        "The period must hold at least {minimum} working days and holds {held}: "
        "the end moves from {from} to {to}."
    ),
    "due-on": "Due on {due_on}, until the end of that day ({zone}).",
    "due-at": "Due on {due_at}.",
}

_COUNTING_WARNINGS = {
    "start-imprecise": "Only the date of the start is known, {day}: the count runs from {instant}.",
    "no-holidays-known": (
        "No holidays are known for {calendar} in {years}: check the result against the official calendar."
    ),
    "holiday-estimated": "The date of a holiday that moved the result is an estimate: {name}, {day}.",
}

TEMPLATES: Mapping[str, str] = {**_COUNTING, **_COUNTING_WARNINGS}
"""Message id → sentence with the step's arguments in braces."""
