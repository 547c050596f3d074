"""The engine on the command line: when does a period end, and why?"""

import json
import re
from typing import Annotated, Any

from cyclopts import App, Parameter

from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready
from mla_tracker.domain.vocabulary import Unit
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.errors import CannotRun


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(deadline)


def deadline(
    start: str,
    amount: Annotated[int, Parameter(allow_leading_hyphen=True)],
    unit: Unit,
    *,
    counting: str | None = None,
    calendar: str | None = None,
    timezone: str | None = None,
    pause: Annotated[list[str] | None, Parameter(negative="")] = None,
    plus: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Count a period from a date or an instant, and give the reasons.

    Parameters
    ----------
    start
        A date such as 2026-03-02, or an instant such as 2026-03-02T14:05:00+01:00.
    amount
        How many; a negative number counts backwards.
    unit
        Of what.
    counting
        Name of a counting rule, such as eu-1182-71; without, the day of the event is excluded and nothing rolls.
    calendar
        Country whose working days count, ISO 3166-1 alpha-2; without, Saturday and Sunday are not worked.
    timezone
        Where days begin and end; without, the capital of the calendar's country, else UTC.
    pause
        A span START/END in which the count stands still; may be given several times.
    plus
        A second period counted on from the first, such as "2 months".
    as_json
        Print the answer of POST /api/v1/deadlines.
    """
    question: dict[str, Any] = {"start": start, "amount": amount, "unit": unit.value}
    given = {"counting": counting, "calendar": calendar, "timezone": timezone}
    question |= {name: value for name, value in given.items() if value is not None}
    if pause:
        question["pauses"] = [_span(each) for each in pause]
    if plus is not None:
        question["plus"] = _period(plus)
    found = run(_count(load_settings(), question))
    if as_json:
        print(json.dumps(found))
        return
    print(f"Due on {found['due_on']} (at {found['due_at']}).")
    for step in found["explanation"]:
        print(f"- {step['text']}" + (f" [{step['source']}]" if step["source"] else ""))
    for step in found["warnings"]:
        print(f"Warning: {step['text']}")


def _span(text: str) -> list[str]:
    begin, slash, end = text.partition("/")
    if not slash:
        raise CannotRun(f"The pause {text!r} is not possible: give START/END, e.g. 2026-03-04/2026-03-06.")
    return [begin, end]


def _period(text: str) -> dict[str, Any]:
    found = re.fullmatch(r"(-?\d{1,10}) ([a-z_]+)", text)
    if not found:
        raise CannotRun(f'The period {text!r} is not possible: give amount and unit, e.g. "2 months".')
    return {"amount": int(found[1]), "unit": found[2]}


async def _count(settings: Settings, question: dict[str, Any]) -> dict[str, Any]:
    from mla_tracker.api.bodies import parse
    from mla_tracker.api.deadlines import DeadlineQuestion, count_deadline
    from mla_tracker.api.problems import Problem

    try:
        entry = parse(DeadlineQuestion, json.dumps(question).encode(), "application/json")
    except Problem as problem:
        raise CannotRun("\n".join(f"{where}: {what}" for where, what in problem.errors)) from None
    async with ready(settings) as database:
        answer = await count_deadline.fn(entry=entry, actor=None, database=database, now=now())
    found: dict[str, Any] = json.loads(answer.content)
    return found
