"""A node whose clock is wrong: no call is let in that would be judged by it, and the node says that it is not ready."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from litestar import Litestar

from mla_tracker.api.app import create_app
from mla_tracker.api.edge import Edge
from mla_tracker.cli.fitness import readiness
from mla_tracker.settings import Settings
from mla_tracker.storage.clock_watch import ClockWatch
from mla_tracker.storage.database import Database
from tests.builders.api import ADDRESS, SETTINGS
from tests.builders.requests import PATH, a_request_body, contents, problem


class NodeClock:
    off = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off


@pytest.mark.parametrize("off", [timedelta(days=2), -timedelta(hours=3)])
async def test_a_node_whose_clock_is_wrong_lets_no_call_in_until_it_is_put_right(
    db: Database, morocco: httpx.AsyncClient, off: timedelta
) -> None:
    clock = NodeClock()
    checks = readiness(Settings(), began=clock.now(), now=clock.now)
    app = create_app(db, SETTINGS, now=clock.now, clock=ClockWatch(db, clock.now), ready_checks=checks)
    assert isinstance(app, Edge)
    assert isinstance(app.app, Litestar)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    async with httpx.AsyncClient(
        transport=transport, base_url=ADDRESS, headers={"Authorization": morocco.headers["Authorization"]}
    ) as client:
        headers = {"Idempotency-Key": "one"}
        first = await client.post(PATH, json=a_request_body(), headers=headers)
        assert first.status_code == 201, first.text
        before = await contents(db)
        clock.off = off
        refused = await client.post(PATH, json=a_request_body(), headers=headers)
        assert "clock of this node is wrong" in problem(refused, 503, "unavailable")["detail"]
        assert refused.headers["Retry-After"] == "30"
        assert (await client.get(PATH)).status_code == 503
        assert await contents(db) == before
        said = (await client.get("/health/ready")).json()
        [told] = [check for check in said["checks"] if check["name"] == "clock"]
        assert not told["ok"]
        assert ("ahead of" if off > timedelta(0) else "behind") in told["detail"]
        assert (await client.get("/health/live")).status_code == 200
        clock.off = timedelta(0)
        again = await client.post(PATH, json=a_request_body(), headers=headers)
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
