"""How often somebody may call: a limit per account, and one per address for failures and for calls without a token.

The limits hold for all nodes together (`storage/call_windows.py`). While the database cannot be asked, each node
keeps the limit alone, so that the call fails, or not, by what it asks for and never by the limiter.
"""

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol, TypeVar

import asyncpg
import structlog

from mla_tracker.api.problems import PASSING_FAULTS, TOO_MANY_CALLS, UNAUTHENTICATED, Problem
from mla_tracker.domain.actors import Actor
from mla_tracker.storage import call_windows
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun

WINDOW: Final = timedelta(minutes=1)
MOST_SUBJECTS: Final = 20_000
"""Of which a node knows what it has left. Who falls out only asks the database once more."""
MOST_KNOWN: Final = 20_000
ASKING_SECONDS: Final = 2.0
QUIET: Final = timedelta(seconds=5)
"""How long a database that did not answer is not asked again."""
IPV6_NETWORK: Final = 64
"""One customer holds at least so much of IPv6, and so changes the rest of its address at will."""

log = structlog.get_logger(__name__)


class _ShowsActor(Protocol):
    @property
    def actor(self) -> Actor: ...


Shown = TypeVar("Shown", bound=_ShowsActor)


@dataclass(slots=True)
class _Share:
    """What this node holds of one subject's allowance in the window."""

    left: int = 0
    taken: int = 0
    spent: bool = False
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def must_ask(self) -> bool:
        """Whether only the database can say if one more call is free."""
        return not self.left and not self.spent


class Rates:
    """The limits of one node. `calls` per account and `failures` per address and minute; 0 is without limit."""

    def __init__(self, database: Database, *, calls: int, failures: int) -> None:
        self._database = database
        self._calls = calls
        self._failures = failures
        self._newest: datetime | None = None
        self._shares: OrderedDict[tuple[datetime, str], _Share] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._quiet_until: datetime | None = None

    async def let_in(
        self,
        address: str | None,
        authorization: str | None,
        now: datetime,
        authenticate: Callable[[], Awaitable[Shown]],
    ) -> Shown:
        """What `authenticate` finds, an account among it, if neither it nor its address has called too often.

        An address that has spent its failures is let no further, except with a credential that was good before:
        a faulty program behind the shared address of a ministry locks out nobody but itself, and who guesses
        costs no look-up. What was good is asked after all the same, so a revoked token stays out.

        Raises the 429 problem, or what `authenticate` raises.
        """
        credential = hashlib.sha256((authorization or "").encode("utf-8", "surrogateescape")).digest()
        source = subject_of(address)
        if credential not in self._known and self._is_spent(source, self._failures, now):
            raise _too_many(
                now, "This address has failed to authenticate, or called without a token, too often."
            )
        try:
            shown = await authenticate()
        except Problem as problem:
            if problem.kind is UNAUTHENTICATED:
                self._known.pop(credential, None)
                await self.public_call(address, now)
            raise
        self._known[credential] = None
        self._known.move_to_end(credential)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        if not await self._spend(f"account {shown.actor.account_id}", self._calls, now):
            raise _too_many(now, f"This account has made its {self._calls} calls of this minute.")
        return shown

    async def public_call(self, address: str | None, now: datetime) -> None:
        """Count a call that no account answers for. Raises the 429 problem when its address has made too many."""
        if not await self._spend(subject_of(address), self._failures, now):
            raise _too_many(
                now, "This address has failed to authenticate, or called without a token, too often."
            )

    def _is_spent(self, subject: str, allowance: int, now: datetime) -> bool:
        """Whether this node knows that nothing is left; asks nobody."""
        share = self._share(subject, now) if allowance else None
        return share is not None and share.spent and not share.left

    async def _spend(self, subject: str, allowance: int, now: datetime) -> bool:
        if not allowance:
            return True
        share = self._share(subject, now)
        while share.must_ask:
            async with share.asking:  # of many calls at once, one takes a block for all
                if share.must_ask:
                    share.left = await self._take(subject, share, allowance, now)
                    share.taken += share.left
                    share.spent = not share.left
        if not share.left:
            return False
        share.left -= 1
        return True

    def _share(self, subject: str, now: datetime) -> _Share:
        began_at = window_of(now)
        if self._newest is None or began_at > self._newest:
            self._newest = began_at
            self._shares.clear()
        share = self._shares.setdefault((began_at, subject), _Share())
        self._shares.move_to_end((began_at, subject))
        if len(self._shares) > MOST_SUBJECTS:
            self._shares.popitem(last=False)
        return share

    async def _take(self, subject: str, share: _Share, allowance: int, now: datetime) -> int:
        if self._quiet_until is None or now >= self._quiet_until:
            try:
                async with asyncio.timeout(ASKING_SECONDS), self._database.transaction(DbRole.API) as tx:
                    return await call_windows.take(tx, subject, window_of(now), allowance)
            except (*PASSING_FAULTS, CannotRun, asyncpg.InterfaceError) as fault:
                self._quiet_until = now + QUIET
                log.warning("limit of calls kept by this node alone", fault=type(fault).__name__)
        return min(max(1, allowance // call_windows.BLOCKS), allowance - share.taken)


def window_of(now: datetime) -> datetime:
    """When the window began that `now` lies in: the full minute."""
    return now.replace(second=0, microsecond=0)


def subject_of(address: str | None) -> str:
    """What of an address is limited: IPv4 as it is, IPv6 by its network; all that are none together."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "address unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            network = int(parsed) >> (128 - IPV6_NETWORK) << (128 - IPV6_NETWORK)
            return f"address {IPv6Address(network)}/{IPV6_NETWORK}"
        parsed = parsed.ipv4_mapped
    return f"address {parsed}"


def _too_many(now: datetime, what: str) -> Problem:
    seconds = max(1, math.ceil((window_of(now) + WINDOW - now).total_seconds()))
    return Problem(
        TOO_MANY_CALLS, f"{what} Try again in {seconds} seconds.", headers={"Retry-After": str(seconds)}
    )
