"""The consent of the person sought: the spells in which it stood, and what it does to the limits made for it."""

from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case
from mla_tracker.domain.limits import Limit
from mla_tracker.domain.vocabulary import Act

Spell = tuple[Event, Event | None]


def consents(case: Case) -> list[Spell]:
    """The spells of consent, from the act that gave it to the one that took it back, if any did.

    Consent that may be revoked is no consent for a limit (FD 2002/584/JHA Art. 13(4)).
    """
    spells: list[Spell] = []
    given: Event | None = None
    for event in case.all_of(Act.CONSENT_GIVEN, Act.CONSENT_WITHDRAWN, Act.CONSENT_WITHHELD):
        consenting = event.act is Act.CONSENT_GIVEN and not event.data.get("revocable")
        if consenting and given is None:
            given = event
        elif not consenting and given is not None:
            spells.append((given, event))
            given = None
    return [*spells, (given, None)] if given is not None else spells


def consent_for(case: Case, decided_by: Event | None) -> Spell | None:
    """The spell of consent that the decision rests on: the last that began before it."""
    spells = [s for s in consents(case) if decided_by is None or case.order(s[0]) < case.order(decided_by)]
    return spells[-1] if spells else None


def consent_against(case: Case, limit: Limit, stop: Event | None) -> Event | None:
    """The act by which the consent came to differ from what the limit is for, if it differed at its stop or at last.

    `stop` is the act that kept the limit: what the person said later changes nothing of it.
    """
    wanted = limit.conditions.consent
    spell = consent_for(case, stop) if wanted is not None else None
    if spell is None:
        return None
    given, ended = spell
    if ended is not None and stop is not None and case.order(ended) > case.order(stop):
        ended = None
    if wanted:
        return ended
    return given if ended is None else None


def consent_fits(case: Case, limit: Limit, stop: Event | None) -> bool:
    """Whether the consent is what the limit is for: without it a limit for those who consent has nothing to say."""
    there = not limit.conditions.consent or consent_for(case, stop) is not None
    return there and consent_against(case, limit, stop) is None
