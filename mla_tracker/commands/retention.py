"""Forgetting: how long a country keeps persons and texts of closed requests, and the erasing when that is over."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from mla_tracker.catalogue.countries import is_country
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.errors import NotAllowed, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.retention import RetentionRule, is_to_be_forgotten, kept_until
from mla_tracker.domain.vocabulary import RequestKind, Role
from mla_tracker.queries.accounts import has_accounts
from mla_tracker.storage import retention
from mla_tracker.storage.audit import append, lock_chain
from mla_tracker.storage.audited import chain_of
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.retention import ClosedRequest

PAGE: Final = 1000
BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A request whose persons and texts were erased or are to be: its closing, and the last day they were kept."""

    request_id: UUID
    closed_on: date
    kept_until: date


@dataclass(frozen=True, slots=True)
class Forgetting:
    """How many closed requests were looked at, and which of them were (or in a dry run would be) erased."""

    looked_at: int
    requests: tuple[Forgotten, ...]


async def set_retention(
    db: Database,
    country: str,
    years: int | None,
    by_kind: Mapping[RequestKind, int | None],
    *,
    expected: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> RetentionRule:
    """Say how many years after its closing a request's persons and texts are kept; None: they are kept.

    `by_kind` says otherwise for some kinds. Gives the rule that holds, the one before where nothing differs.
    Raises NotFound for what is no country, NotAllowed for another one's, VersionStale.
    """
    require(actor, Deed.SET_RETENTION)
    if not is_country(country):
        raise no_such_country()
    if not actor.speaks_for(country):
        raise NotAllowed(
            f"How long {country} keeps persons and texts is for {country} to say. Ask its authority."
        )
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        chain = Chain.named(ChainKind.SETTING, country)
        await lock_chain(tx, chain)
        before = await retention.rule_of(tx, country)
        if expected is not None and before.version not in expected:
            raise VersionStale(
                f"The rule of {country} has changed since and is at version {before.version} now. "
                "Read it again and base the change on what it says now."
            )
        kinds = {kind.value: number for kind, number in sorted(by_kind.items())}
        if (before.years, dict(before.by_kind)) == (years, kinds):
            return before
        rule = RetentionRule(country, before.version + 1, years, kinds, now)
        told = await retention.insert_rule(tx, rule, account_id=actor.account_id)
        await append(tx, chain, What.SETTING_CHANGED, [told], actor=actor, now=now, seen_by=[country])
    return rule


def no_such_country() -> NotFound:
    """The code of the path is none of ISO 3166-1."""
    return NotFound("There is no such country in ISO 3166-1. Give its two letters, as ES.")


async def forget_due(
    db: Database, now: datetime, *, dry_run: bool = False, page: int = PAGE, batch: int = BATCH
) -> Forgetting:
    """Erase persons and texts of every closed request which no country with accounts here keeps any longer.

    Each batch is a transaction of its own: what was erased stays so when this is broken off, and the next run goes on
    from there. A request in somebody else's hands is left for the next run. `dry_run`: erase nothing, only say which.
    """
    desk = _Desk()
    looked_at, after = 0, None
    done: list[Forgotten] = []
    while True:
        async with db.transaction(DbRole.JOBS, read_only=True) as tx:
            await desk.read(tx)
            if not desk.anything_ends:
                return Forgetting(0, ())
            found = await retention.closed_after(tx, after, page)
            due = await desk.due(tx, found, now)
        looked_at += len(found)
        if dry_run:
            done += due
        else:
            for start in range(0, len(due), batch):
                done += await _erase(db, [one.request_id for one in due[start : start + batch]], now)
        if len(found) < page:
            return Forgetting(looked_at, tuple(done))
        after = found[-1].id


async def _erase(db: Database, request_ids: Sequence[UUID], now: datetime) -> list[Forgotten]:
    """Erase those that are due still, now that they are held."""
    desk = _Desk()
    async with db.transaction(DbRole.JOBS) as tx:
        await desk.read(tx)
        held = await retention.hold(tx, request_ids)
        due = await desk.due(tx, held, now)
        ids = {one.request_id for one in due}
        for request in held:
            if request.id in ids:
                told = await retention.erase(tx, request, now)
                # How many notes and persons a side kept is its own; that all was erased both learn.
                for changes, readers in ((told, ()), ([], request.known_to)):
                    await append(
                        tx, chain_of(request.id), What.REQUEST_ERASED, changes,
                        actor=None, now=now, seen_by=readers,
                    )  # fmt: skip
    return due


@dataclass(slots=True)
class _Desk:
    """The rules that hold, and which countries have a say."""

    rules: Mapping[str, RetentionRule] = field(default_factory=dict)
    enrolled: dict[str, bool] = field(default_factory=dict)

    async def read(self, tx: Tx) -> None:
        self.rules = await retention.rules(tx)

    @property
    def anything_ends(self) -> bool:
        """Whether any country ever lets anything end."""
        return any(
            years is not None
            for rule in self.rules.values()
            for years in (rule.years, *rule.by_kind.values())
        )

    async def due(self, tx: Tx, found: Iterable[ClosedRequest], now: datetime) -> list[Forgotten]:
        due = []
        for request in found:
            if not any([await self._has_a_say(tx, country) for country in request.countries]):
                continue
            rules = [
                self.rules.get(country, RetentionRule(country))
                for country in request.countries
                if country in self.rules or await self._has_a_say(tx, country)
            ]
            until = kept_until(request.kind, request.closing, rules)
            if until is not None and is_to_be_forgotten(until, request.closing, rules, now):
                due.append(Forgotten(request.id, request.closing.day, until))
        return due

    async def _has_a_say(self, tx: Tx, country: str) -> bool:
        if country not in self.enrolled:
            self.enrolled[country] = await has_accounts(tx, country, Role)
        return self.enrolled[country]
