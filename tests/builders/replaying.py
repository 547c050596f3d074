"""Replaying an explanation: from its steps alone, as JSON keeps them, back to the date that they lead to.

Nothing else is known here: no limit, no history, no calendar. Each step must begin where the one before it led, and
what can be worked out from its own numbers is worked out anew.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from mla_tracker.domain.explanation import Step
from mla_tracker.domain.sentences import step_document, step_of

Moment = date | datetime
NOT_WORKED = frozenset({"falls-on-holiday", "falls-on-weekend", "falls-in-recess", "falls-in-pause"})
DAYS_IN = {"days": 1, "weeks": 7}
LENGTHS = {"hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}
MOVES = frozenset({"stood-still", "recess", "rolled-forward", "rolled-back", "minimum-extends", "extended"})


class Unexplained(AssertionError):
    """A step that does not follow from those before it."""


def replayed(steps: Iterable[Step]) -> Moment:
    """The day or the instant that the steps lead to. Raises Unexplained where one does not follow."""
    end: Moment | None = None
    start_counted = False
    excluded: date | None = None
    number: int | None = None
    passed: set[date] = set()
    for document in [step_document(step) for step in steps]:
        step = step_of(document)
        code, args = step.code, step.args
        if code == "start-day-counted":
            start_counted = True
        elif code == "event-day-excluded":
            excluded = args["day"]
        elif code in NOT_WORKED:
            passed.add(args["day"])
        elif code.startswith("period-"):
            led_to = excluded if end is None else end
            if led_to is not None and args["from"] != led_to:
                raise Unexplained(f"{code} begins at {args['from']}, and the steps had led to {led_to}")
            number = number or args["from"].day
            end = _after_period(code, args, start_counted, number)
        elif code in MOVES:
            if args["from"] != end:
                raise Unexplained(f"{code} moves {args['from']}, and the end stood at {end}")
            _check_move(code, args, passed)
            end = args["to"]
        elif code == "due-on" and end is None:
            end = args["due_on"]
        elif code in ("due-on", "due-at") and args[code.replace("-", "_")] != end:
            raise Unexplained(f"{code} {args}, and the steps had led to {end}")
    if end is None:
        raise Unexplained("no step leads to a date")
    return end


def _after_period(code: str, args: Mapping[str, Any], start_counted: bool, number: int) -> Moment:
    """The end of a period from its own numbers, where no calendar is needed for that; else as it says.

    A second period keeps the day-number of the first one's start (31 January, one month, and one more: 31 March).
    """
    back = code.startswith("period-back-")
    unit = code.removeprefix("period-back-").removeprefix("period-")
    amount = int(str(args["amount"])) * (-1 if back else 1)
    since: Moment = args["from"]
    until: Moment = args["to"]
    expected: Moment | None = None
    if unit in DAYS_IN:
        expected = since + timedelta(days=amount * DAYS_IN[unit])
    elif unit in LENGTHS:
        expected = since + amount * LENGTHS[unit]
    elif unit in ("months", "years"):
        months = amount * (12 if unit == "years" else 1)
        years, month = divmod(since.year * 12 + since.month - 1 + months, 12)
        last = monthrange(years, month + 1)[1]
        if not start_counted:
            expected = date(years, month + 1, min(number, last))
    if start_counted and isinstance(expected, date) and unit in DAYS_IN:
        expected -= timedelta(days=-1 if back else 1)
    if expected is not None and expected != until:
        raise Unexplained(f"{code} of {amount} from {since} ends on {expected}, not on {until}")
    if (until < since) is not back and until != since and amount:
        raise Unexplained(f"{code} of {amount} leads from {since} to {until}")
    return until


def _check_move(code: str, args: Mapping[str, Any], passed: set[date]) -> None:
    since, until = args["from"], args["to"]
    if code in ("rolled-forward", "rolled-back"):
        step = 1 if code == "rolled-forward" else -1
        on_the_way = {since + timedelta(days=step * n) for n in range(abs((until - since).days))}
        if not on_the_way <= passed:
            raise Unexplained(f"{code} from {since} to {until}: nothing says why not {on_the_way - passed}")
    elif code == "extended" and until <= since:
        raise Unexplained(f"an extension from {since} to {until}")
