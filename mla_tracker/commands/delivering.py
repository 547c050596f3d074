"""Telling endpoints of changes: what there is to tell is noted, claimed under a lease, sent, and settled.

At least once, and in no promised order. No transaction is open while a call is made. Any number of nodes may do this at
once; what a node that died had in hand is taken up again when its lease ends.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog

from mla_tracker.commands.feed import number_changes, shown
from mla_tracker.commands.jobs import PASSING_FAULTS
from mla_tracker.commands.reading import note_reading
from mla_tracker.commands.webhooks import tell_of_webhook
from mla_tracker.domain.audit import What
from mla_tracker.outbound.webhooks import NotDelivered, Reach, body_of, call, headers_of
from mla_tracker.queries import changes
from mla_tracker.queries.changes import ChangeView
from mla_tracker.storage import deliveries, feed, webhooks
from mla_tracker.storage.audited import changed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.deliveries import Claimed, Endpoint
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.vault import SealBroken

RETRIES: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)  # fmt: skip
"""How long after each attempt the next one is made; after the last one the delivery is dead. Three days in all."""

JITTER: Final = 0.2
"""By which part each wait may be longer, so that what failed together does not come back together."""

GIVEN_UP_AFTER: Final = timedelta(days=5)
"""How long an endpoint fails at every call before nothing is sent to it any more."""

LEASE: Final = timedelta(minutes=2)
"""Far more than an attempt takes, and than the clocks of two nodes may differ."""

PAGE: Final = 500
MOST_PAGES: Final = 20
AT_ONCE: Final = 16
OF_EACH: Final = 4
"""Calls that a node makes at once, and of those to one endpoint: one that is slow does not hold up the others."""

NO_SUCCESS_EVER: Final = 410
GONE: Final = "gone"
FAILING: Final = "failing"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a run goes on beginning calls, and how much each wait is lengthened (0 to 1)."""

    budget: timedelta = timedelta(seconds=5)
    chance: Callable[[], float] = random.random


TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many deliveries were noted, made, failed, given up; and not made as the account sees the change no more."""

    queued: int
    delivered: int
    failed: int
    dead: int
    withheld: int


async def deliver(db: Database, now: datetime, reach: Reach, terms: Terms = TERMS) -> Delivered:
    """Tell every endpoint of what its account sees, and of what it could not be told before and is due again at `now`.

    Ends when nothing is due, or begins nothing new after `terms.budget`.
    """
    present = _Present(now)
    await number_changes(db)
    queued = 0
    async with db.transaction(DbRole.JOBS) as tx:
        await webhooks.forget_former(tx, now)
        last = (await feed.extent(tx)).last
        late = await deliveries.behind(tx, last)
    for endpoint in late:
        queued += await _queue(db, endpoint, last, present)
    done = await _called(db, present, reach, terms)
    return Delivered(queued, done["delivered"], done["pending"], done["dead"], done["withheld"])


async def _called(db: Database, present: "_Present", reach: Reach, terms: Terms) -> Counter[str]:
    """Make the calls that are due, each as soon as one before it is over; gives what became of them."""
    done: Counter[str] = Counter()
    calls: dict[asyncio.Task[str], Endpoint] = {}
    try:
        while present.passed < terms.budget:
            if len(calls) < AT_ONCE:
                async with db.transaction(DbRole.JOBS) as tx:
                    at = present.now
                    claimed = await deliveries.claim(
                        tx, uuid4(), now=at, until=at + LEASE, most=AT_ONCE - len(calls), of_each=OF_EACH,
                        busy=list(calls.values()),
                    )  # fmt: skip
                for one in claimed:
                    attempt = _safely(_attempt(db, one, present, reach, terms))
                    calls[asyncio.create_task(attempt)] = one.endpoint
            if not calls:
                break
            rest = (terms.budget - present.passed).total_seconds()
            over, _ = await asyncio.wait(calls, timeout=max(rest, 0), return_when=asyncio.FIRST_COMPLETED)
            for task in over:
                del calls[task]
                done[task.result()] += 1
        done.update(await asyncio.gather(*calls))
    finally:
        for task in calls:
            task.cancel()
    return done


async def _queue(db: Database, endpoint: Endpoint, last: int, present: "_Present") -> int:
    """Note what an endpoint is to be told, up to a position of the feed, as its account sees it."""
    queued = 0
    for _ in range(MOST_PAGES):
        now = present.now
        async with db.transaction(DbRole.API, viewer=endpoint.owner) as tx:
            row = await webhooks.load(tx, endpoint.webhook_id, lock=True)
            if row is None or row.disabled_at is not None or row.position >= last:
                return queued
            page = await changes.page(tx, endpoint.owner, after=row.position, until=last, limit=PAGE, now=now)
            wanted = [one for one in page.changes if row.kinds is None or one.what.value in row.kinds]
            made = [(uuid7(now), one.id) for one in wanted]
            await deliveries.queue(tx, row.id, made, reached=page.reached, now=now)
        queued += len(made)
        if not page.more:
            return queued
    return queued


async def _safely(attempt: Awaitable[str]) -> str:
    """What became of an attempt. One that the database broke off leaves the others alone; its lease runs out."""
    try:
        return await attempt
    except PASSING_FAULTS as fault:
        log.warning("webhook not settled", fault=type(fault).__name__)
        return "broken_off"


async def _attempt(db: Database, one: Claimed, present: "_Present", reach: Reach, terms: Terms) -> str:
    """Make one delivery; gives what became of it."""
    owner = one.endpoint.owner
    async with db.transaction(DbRole.API, viewer=owner) as tx:
        now = present.now
        row = await webhooks.load(tx, one.endpoint.webhook_id)
        closed = await tx.fetchval(
            "select disabled_at is not null from account where id = $1", owner.account_id
        )
        seen = await changes.of_ids(tx, owner, [one.change_id], now)
        sent = row is not None and row.disabled_at is None and not closed and bool(seen)
        if sent:
            await note_reading(
                tx, shown(seen), route="webhook", actor=owner, now=now, what=What.REQUEST_LISTED
            )
    if row is None or not sent:
        async with db.transaction(DbRole.JOBS) as tx:
            await (deliveries.give_back(tx, one) if seen else deliveries.drop(tx, one))
        return "given_back" if seen else "withheld"
    body = body_of(seen[0].what.value, seen[0].at, data_of(seen[0]))
    assert db.vault is not None, "The database was opened without its keys."
    status: int | None = None
    fault: str | None = None
    try:
        headers = headers_of(f"msg_{one.id}", body, webhooks.secrets_of(db.vault, row, now), now)
        status = await call(row.url, body, headers, reach)
    except NotDelivered as failure:
        status, fault = failure.status, failure.fault
    except SealBroken:
        fault = "secret_unreadable"
    async with db.transaction(DbRole.JOBS) as tx:
        return await _settle(tx, one, status, fault, present.now, terms)


async def _settle(
    tx: Tx, one: Claimed, status: int | None, fault: str | None, now: datetime, terms: Terms
) -> str:
    if fault is None:
        await deliveries.settle(tx, one, state="delivered", next_at=None, status=status, fault=None, now=now)
        await webhooks.note_success(tx, one.endpoint.webhook_id)
        return "delivered"
    wait = RETRIES[one.attempts] if one.attempts < len(RETRIES) else None
    next_at = None if wait is None else now + wait * (1 + JITTER * terms.chance())
    state = "dead" if next_at is None else "pending"
    await deliveries.settle(tx, one, state=state, next_at=next_at, status=status, fault=fault, now=now)
    row = await webhooks.note_failure(tx, one.endpoint.webhook_id, now)
    if row is not None and row.disabled_at is None:
        if status == NO_SUCCESS_EVER:
            await _disable(tx, row, GONE, one.endpoint, now)
        elif row.failing_since is not None and now - row.failing_since >= GIVEN_UP_AFTER:
            await _disable(tx, row, FAILING, one.endpoint, now)
    return state


async def _disable(tx: Tx, row: webhooks.WebhookRow, reason: str, endpoint: Endpoint, now: datetime) -> None:
    """Send nothing more to an endpoint until its account says so."""
    said = {"disabled_at": now, "disabled_reason": reason}
    await webhooks.change(tx, row.id, said, now)
    told = changed("webhook", asdict(row), asdict(row) | said)
    await tell_of_webhook(tx, row, What.WEBHOOK_DISABLED, told, endpoint.owner.countries, now)
    log.warning("webhook disabled", webhook=str(row.id), reason=reason)


def data_of(change: ChangeView) -> Mapping[str, Any]:
    """What a call says of a change besides its type and instant: ids and codes."""
    told = asdict(change)
    hidden = ("position", "handling", "what", "at")
    return {name: _plain(value) for name, value in told.items() if name not in hidden}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [str(each) for each in value]
    return value if value is None or isinstance(value, int | str) else str(value)


class _Present:
    """The instants of a run, from the one it began at on."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._at = time.monotonic()

    @property
    def passed(self) -> timedelta:
        """How long the run has been going on."""
        return timedelta(seconds=time.monotonic() - self._at)

    @property
    def now(self) -> datetime:
        """The present."""
        return self._began + self.passed
