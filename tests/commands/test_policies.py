"""Policies in storage: what was being written meanwhile is counted by them too, and two at once do not overlap."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from mla_tracker.commands.limits import NewPolicy, PolicySet, set_policy
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.recounting import Recounted, recount_stale
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import AlreadyRecorded
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.counted import NOW, a_case, clock_of, with_shipped_limits
from tests.builders.register import account

FOUR_DAYS = NewPolicy({"stage": "receive", "amount": 4, "unit": "days"}, "Circular 4/2026")
SENT_TODAY = a_case().then("sent", "2026-03-10")
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def spain(db: Database) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "ES", role=Role.HEAD)


async def unseen(*_: Any) -> int:
    """A mark that sees none of the requests: their transactions had counted but not yet committed."""
    return 0


async def test_a_request_being_logged_while_a_policy_is_set_is_found(
    db: Database, spain: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = await SENT_TODAY.logged(db, spain, now=NOW - timedelta(seconds=1))
    monkeypatch.setattr("mla_tracker.commands.limits.mark_for_policy", unseen)
    assert await set_policy(db, FOUR_DAYS, actor=spain, now=NOW) == PolicySet("policy-es-receive", 0)
    assert (await clock_of(db, request_id, "receive"))["limit_id"] == "default-receive"
    assert await recount_stale(db, LATER) == Recounted(1, 1, ())
    assert (await clock_of(db, request_id, "receive"))["limit_id"] == "policy-es-receive"
    assert (await rebuild(db, LATER, apply=False)).differing == 0


async def test_of_two_policies_set_at_once_for_the_same_cases_one_is_refused(
    db: Database, spain: Actor
) -> None:
    done = await asyncio.gather(
        *(set_policy(db, FOUR_DAYS, actor=spain, now=NOW) for _ in range(3)), return_exceptions=True
    )
    assert [type(one) for one in done if not isinstance(one, PolicySet)] == [AlreadyRecorded] * 2
