"""What a country's ministry does with limits: set a policy of its own, look first at what it would move."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.commands.agreement_limits import completed, contradictions
from mla_tracker.commands.previewing import Effect, Supposed, effect_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.errors import AlreadyRecorded, InvalidEntry, NotAllowed
from mla_tracker.domain.limits import Limit, Trigger
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.precedence import Limits, side_of
from mla_tracker.domain.vocabulary import Basis, RequestKind, Stage
from mla_tracker.queries.agreements import today_in
from mla_tracker.storage.agreement_limits import limit_of
from mla_tracker.storage.audit import append, lock_chain
from mla_tracker.storage.database import Database, DbRole, Isolation
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.law import ended_by_successors, insert_limit, policies_of, stored_limits
from mla_tracker.storage.stale import by_limit, mark_beyond, mark_for_policy

Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """A limit that a country sets itself. `demand`: its fields as an agreement's limit has them, `starts_on` and
    `stops_on` None for those of our default policy. `source`: the decree or circular. `country` None: the
    account's only one. `supersedes`: the id of the policy whose next version this is."""

    demand: Mapping[str, Any]
    source: str
    country: str | None = None
    in_addition: bool = False
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The limit's id, and how many requests wait to be counted anew because of it."""

    id: str
    requests_waiting: int
    replayed: bool = False


async def set_policy(
    db: Database, entry: NewPolicy, *, actor: Actor, now: datetime, idempotency: IdempotencyKey | None = None
) -> PolicySet:
    """Store a policy, or the next version of one; the version before is valid until this one begins.

    Which version counts is judged on a clock's legal start, so clocks that began earlier stay as they are. The
    requests that it can reach are marked in the same transaction and counted anew by a job. Raises NotAllowed for
    another country's policy, InvalidEntry naming every field at fault, AlreadyRecorded where it overlaps another
    policy of the country.
    """
    country = _writers_country(entry, actor)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return PolicySet(done["id"], done["requests_waiting"], replayed=True)
        limit = _drafted(entry, country, await policies_of(tx, country, lock=True), now)
        assert limit.valid_from is not None
        set_ = await insert_limit(tx, limit, now)
        chain = Chain.named(ChainKind.LIMIT, country)
        await lock_chain(tx, chain)
        await append(tx, chain, What.LIMIT_POLICY_SET, [set_], actor=actor, now=now, seen_by=[country])
        cause = by_limit(limit.id, limit.version)
        mark = mark_for_policy(tx, country, side_of(limit.obligor), limit.valid_from, now, cause)
        waiting = await mark_beyond(tx, mark, cause)
        await complete(tx, idempotency, {"id": limit.id, "requests_waiting": waiting})
    return PolicySet(limit.id, waiting)


async def preview_policy(
    db: Database, entry: NewPolicy, *, recomputed: bool, actor: Actor, now: datetime
) -> tuple[Sequence[Limit], Effect]:
    """What `set_policy` would make, newest version first, and which dates it would move; nothing is stored.

    `recomputed`: as if each open request were recomputed on the first day of validity as well. Raises what
    `set_policy` raises.
    """
    country = _writers_country(entry, actor)
    async with db.transaction(DbRole.API, viewer=actor, isolation=Isolation.REPEATABLE_READ) as tx:
        held = await policies_of(tx, country, lock=False)
        limit = _drafted(entry, country, held, now)
        limits = Limits(ended_by_successors((*await stored_limits(tx), limit)))
        effect = await effect_of(
            tx, Supposed(policy=limit, limits=limits, recomputed=recomputed), actor=actor, now=now
        )
    return [version for version in reversed(limits) if version.id == limit.id], effect


def _writers_country(entry: NewPolicy, actor: Actor) -> str:
    require(actor, Deed.SET_TARGETS)
    if not actor.countries:
        raise NotAllowed("This account speaks for no country, so there is none whose policy this could be.")
    if entry.country is None and len(actor.countries) > 1:
        known = ", ".join(actor.countries)
        raise InvalidEntry(
            f"This account belongs to {known}. Say whose policy it is.",
            fields=[("/country", f"Required: this account belongs to {known}. Give one of them.")],
        )
    country = entry.country or actor.countries[0]
    if not actor.speaks_for(country):
        raise NotAllowed(
            f"A policy of {country} is set by {country}. This account belongs to {', '.join(actor.countries)}."
        )
    return country


def _drafted(entry: NewPolicy, country: str, held: Sequence[Limit], now: datetime) -> Limit:
    """The limit as it will be stored. Raises InvalidEntry with all that is wrong with it, AlreadyRecorded."""
    demand = completed(_with_usual_acts(entry.demand))
    before = [limit for limit in held if limit.id == entry.supersedes]
    draft = limit_of(demand, agreement_id=UUID(int=0), title=entry.source, limit_id="")
    today = today_in(country, now)
    limit = replace(
        draft,
        id=entry.supersedes or _fresh_id(draft.stage, country, held),
        version=before[-1].version + 1 if before else 1,
        basis=Basis.POLICY,
        agreement_id=None,
        country=country,
        evidence="own",
        in_addition=entry.in_addition,
        published_on=today,
        valid_from=draft.valid_from or today,
    )
    faults = [(f"/{field}", sentence) for field, sentence in contradictions(limit)]
    faults += _faults_of_validity(limit, country)
    if entry.supersedes is not None:
        faults += _faults_of_succession(limit, before, country)
    if faults:
        raise InvalidEntry("The policy is not valid; every field at fault is named.", fields=faults)
    _require_no_overlap(limit, held)
    return limit


def _with_usual_acts(demand: Mapping[str, Any]) -> Mapping[str, Any]:
    """The demand with the acts of our default policy where it names none. Raises InvalidEntry if that has none."""
    missing = [name for name in ("starts_on", "stops_on") if demand.get(name) is None]
    if not missing:
        return demand
    stage, kind = Stage(demand["stage"]), RequestKind(demand["kind"]) if demand.get("kind") else None
    usual = [
        limit
        for limit in load_limits()
        if limit.basis is Basis.POLICY and limit.country is None and limit.stage is stage
        if limit.request_date is None
        if kind is None or not limit.kinds or kind in limit.kinds
    ]
    acts: list[tuple[Sequence[Trigger], Sequence[Trigger], bool]] = []
    for limit in usual:
        if (named := (limit.starts_on, limit.stops_on, limit.starts_each)) not in acts:
            acts.append(named)
    if len(acts) != 1:
        known = "names none for this stage" if not acts else "names others for each kind of request"
        hint = "Name them" if not acts else "Name them, or the kind"
        raise InvalidEntry(
            f"Our default policy {known}, so the acts of this one must be named.",
            fields=[(f"/{name}", f"Required: our default policy {known}. {hint}.") for name in missing],
        )
    [(starts_on, stops_on, starts_each)] = acts
    usual_acts = {"starts_on": _as_stored(starts_on), "stops_on": _as_stored(stops_on)}
    each = {"starts_each": starts_each or demand.get("starts_each", False)} if "starts_on" in missing else {}
    return {**demand, **{name: usual_acts[name] for name in missing}, **each}


def _as_stored(triggers: Iterable[Trigger]) -> list[dict[str, Any]]:
    return [
        {"act": one.act.value, "where": dict(one.where), "date_field": one.date_field} for one in triggers
    ]


def _fresh_id(stage: Stage, country: str, held: Sequence[Limit]) -> str:
    number = len({limit.id for limit in held if limit.stage is stage}) + 1
    name = f"policy-{country.lower()}-{stage.value.replace('_', '-')}"
    return name if number == 1 else f"{name}-{number}"


def _faults_of_validity(limit: Limit, country: str) -> Iterator[Fault]:
    assert limit.valid_from is not None
    assert limit.published_on is not None
    if limit.valid_from < limit.published_on:
        yield (
            "/valid_from",
            f"{limit.valid_from} lies before today ({limit.published_on} in {country}), when it is published. "
            "Nothing is valid before it is published: give today or a later day.",
        )


def _faults_of_succession(limit: Limit, before: Sequence[Limit], country: str) -> Iterator[Fault]:
    if not before:
        yield (
            "/supersedes",
            f"Not a policy of {country}. Give the id of one, or leave it out for a new policy.",
        )
        return
    last = before[-1]
    if limit.stage is not last.stage:
        yield "/stage", f"{last.id} is about {last.stage}. Keep the stage, or set a policy of its own."
    if limit.obligor is not last.obligor:
        yield (
            "/obligor",
            f"{last.id} is a duty of the {last.obligor} country. Keep it, or set a policy of its own.",
        )
    assert limit.valid_from is not None
    assert last.valid_from is not None
    if limit.valid_from <= last.valid_from:
        yield (
            "/valid_from",
            f"Version {last.version} of {last.id} is valid from {last.valid_from}: versions {last.version} and "
            f"{limit.version} would overlap. Let the next one begin on a later day.",
        )


def _require_no_overlap(limit: Limit, held: Sequence[Limit]) -> None:
    """Raises AlreadyRecorded naming both where another policy of the country says by when for the same case."""
    for other in held:
        if other.id != limit.id and _same_cases(limit, other) and _same_days(limit, other):
            raise AlreadyRecorded(
                f"This policy, valid from {limit.valid_from}, overlaps version {other.version} of {other.id}, valid "
                f"from {other.valid_from}: both say by when for the same requests. Supersede that one, or part "
                "them by kind, conditions or days.",
                fields=[("/supersedes", f"Give {other.id} to set its next version.")],
                facts={"limit": other.id, "version": other.version},
            )


def _same_cases(one: Limit, other: Limit) -> bool:
    """Whether there can be a request for which both say by when a stage must be done."""
    same = (one.stage, one.effect, one.tier, one.obligor) == (
        other.stage,
        other.effect,
        other.tier,
        other.obligor,
    )
    conditions = (
        (one.kinds, other.kinds),
        (one.conditions.urgency, other.conditions.urgency),
        (one.conditions.assistance, other.conditions.assistance),
    )
    consents = {one.conditions.consent, other.conditions.consent} == {True, False}
    return same and not consents and all(not a or not b or a & b for a, b in conditions)


def _same_days(one: Limit, other: Limit) -> bool:
    assert one.valid_from is not None
    assert other.valid_from is not None
    return (other.valid_to is None or one.valid_from < other.valid_to) and (
        one.valid_to is None or other.valid_from < one.valid_to
    )
