"""Which acts start, stop or restart a limit, and which version of it is valid then."""

from collections.abc import Sequence

from mla_tracker.domain.acts import RECEIPTS
from mla_tracker.domain.consent import consent_fits, consent_for
from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case
from mla_tracker.domain.items import WHOLE, numbers_of
from mla_tracker.domain.limits import Limit, Trigger
from mla_tracker.domain.vocabulary import Act, Effect, Stage

# Stages that are passed only when every item of assistance has been dealt with.
PER_ITEM = frozenset({Stage.DECIDE, Stage.EXECUTE})
# Stages that follow only a decision in favour: one that denies begins none of their clocks.
AFTER_A_GRANT = frozenset({Stage.SURRENDER, Stage.COLLECT})


def counts_by_item(limit: Limit, case: Case) -> bool:
    """Whether the limit is kept item by item, since the request lists several."""
    return limit.stage in PER_ITEM and not limit.starts_each and len(numbers_of(case) - {WHOLE}) > 1


def matches(event: Event, trigger: Trigger) -> bool:
    """Whether an act is the one that the trigger asks for, with the data it asks for."""
    return event.act is trigger.act and _says(event, trigger)


def _says(event: Event, trigger: Trigger) -> bool:
    return not trigger.where or all(event.data.get(name) == value for name, value in trigger.where.items())


def _after(case: Case, event: Event, trigger: Trigger) -> bool:
    return trigger.after is None or any(
        e.data.get("granted") is not False and case.order(e) < case.order(event)
        for e in case.by_act.get(trigger.after, ())
    )


def triggered(case: Case, triggers: Sequence[Trigger]) -> list[tuple[Event, Trigger]]:
    """The acts that any of the triggers asks for, in legal order, each with the trigger that it matches."""
    if len(triggers) == 1:
        return [(event, triggers[0]) for event in _asked_for(case, triggers[0])]
    found = {event.id: (event, trigger) for trigger in triggers for event in _asked_for(case, trigger)}
    return sorted(found.values(), key=lambda pair: case.order(pair[0]))


def _asked_for(case: Case, trigger: Trigger) -> list[Event]:
    """The acts that a trigger asks for. What the executing authority received, its country has received."""
    found = [e for e in case.by_act.get(trigger.act, ()) if _says(e, trigger) and _after(case, e, trigger)]
    if trigger.act not in RECEIPTS:
        return found
    if trigger.act is not Act.RECEIVED:
        return case.prevailing(found)
    instead = case.by_act.get(Act.RECEIVED_BY_COMPETENT_AUTHORITY, ())
    return case.prevailing(found) or [e for e in instead if _says(e, trigger)]


def starts_of(case: Case, limit: Limit) -> list[tuple[Event, Trigger]]:
    """The acts that start the limit: those of the first alternative that the history holds, in legal order.

    A limit for those who consent is started by nothing while nobody has.
    """
    given = _consent(case, limit)
    if limit.conditions.consent and given is None:
        return []
    for trigger in limit.starts_on:
        found = [
            (event, trigger)
            for event, _ in triggered(case, [trigger])
            if given is None or event.act is not Act.CONSENT_GIVEN or event is given
        ]
        if limit.stage in AFTER_A_GRANT:
            found = [(e, t) for e, t in found if False not in (e.data.get("granted"), e.data.get("eligible"))]
        if found:
            return found
    return []


def restarts_of(case: Case, limit: Limit) -> list[tuple[Event, Trigger]]:
    """The acts that can begin the count anew, in legal order.

    Every newly agreed date does; of acts that count by their own day only the first one does, since a second
    arrest or a consent said twice is nothing new.
    """
    if not limit.restarts_on:
        return []
    given = _consent(case, limit)
    found: list[tuple[Event, Trigger]] = []
    for event, trigger in triggered(case, limit.restarts_on):
        if event.act is Act.CONSENT_GIVEN and given is not None:
            if event is given:
                found.append((event, trigger))
        elif trigger.date_field is not None or event is case.all_of(event.act)[0]:
            found.append((event, trigger))
    return found


def _consent(case: Case, limit: Limit) -> Event | None:
    """The act of consent that the decision rests on, for a limit that needs one."""
    if not limit.conditions.consent:
        return None
    spell = consent_for(case, first_stop(case, limit))
    return None if spell is None else spell[0]


def first_stop(case: Case, limit: Limit) -> Event | None:
    """The first act that keeps the limit, wherever it starts."""
    return next((event for event, _ in triggered(case, limit.stops_on)), None)


def version_on(versions: Sequence[Limit], case: Case, start: Event | None) -> Limit | None:
    """The version valid on the legal start date, else on the day the request left while nothing has started it.

    An explicit `recomputed` act moves that to its own day.
    """
    day = case.first_day if start is None else start.day
    recomputed = [
        e.day
        for e in case.by_act.get(Act.RECOMPUTED, ())
        if e.day >= day and e.data.get("stage") in (None, versions[-1].stage.value)
    ]
    valid = [limit for limit in versions if limit.in_force_on(max(recomputed, default=day))]
    return valid[-1] if valid else None


def begun(case: Case, versions: Sequence[Limit]) -> list[tuple[Limit, Event, Trigger]]:
    """The acts that start the limit, in legal order, each with the version valid on its day."""
    found = {
        start.id: (limit, start, trigger)
        for limit in versions
        for start, trigger in starts_of(case, limit)
        if version_on(versions, case, start) is limit
    }
    return sorted(found.values(), key=lambda one: case.order(one[1]))


def in_force(case: Case, versions: Sequence[Limit]) -> bool:
    """Whether the limit has a version for this case: on the days on which it started, else on the first day."""
    if begun(case, versions):
        return True
    started = any(starts_of(case, limit) for limit in versions)
    return not started and version_on(versions, case, None) is not None


def displaces(case: Case, limit: Limit) -> bool:
    """Whether the limit takes the place of other sources for its stage, because it says by when here and now.

    A goal does not, nor one made for a consent that is not there, nor one for acts that have not happened.
    """
    return (
        limit.effect in (Effect.DEADLINE, Effect.EXPIRY)
        and (limit.conditions.consent is None or consent_fits(case, limit, first_stop(case, limit)))
        and not (limit.starts_each and not starts_of(case, limit))
    )
