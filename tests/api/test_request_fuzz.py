"""Any body at all, sent to the routes that write requests."""

import asyncio
import json
from datetime import date
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mla_tracker.domain.vocabulary import Act
from mla_tracker.storage.database import Database
from tests.builders.api import ClientOf
from tests.builders.requests import PATH, act, contents, logged, read

# Values for any field at all, many of them of the right kind for some field.
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [
            "MA", "ES", "evidence", "extradition", "proceedings", "urgent", "records", "un1988", "eio", "2026-03-02",
            "2026-02-29", "1900-01-01", "2026-03-02T10:00:00Z",
            "1600-01-01T00:00:00+14:00", "2399-12-31T23:59:59-14:00",
            str(uuid4()), "x" * 200, "\ud7ff", "\U0010ffff", "‮", "%00", "'; drop table request; --", "Europe/Madrid",
        ]
    ),
)  # fmt: skip
DATA = st.dictionaries(
    st.sampled_from(
        ["reason", "ground", "until", "items", "documents", "channel", "language", "zone", "outcome", "stage", "days",
         "estimated_on", "date", "eligible", "granted", "revocable", "request_id", "relation", "reclassified_as",
         "in_reply_to", "other"]
    ),
    VALUES | st.lists(VALUES, max_size=3),
    max_size=4,
)  # fmt: skip
SOUND_DATA = st.fixed_dictionaries(
    {},
    optional={
        "reason": st.text("abc é\n", min_size=1, max_size=9),
        "ground": st.sampled_from(["age", "humanitarian"]),
        "until": st.dates(date(1600, 1, 1), date(2399, 12, 31)).map(str),
        "days": st.integers(1, 3660),
        "items": st.lists(st.sampled_from([1, "records"]), min_size=1, max_size=2),
        "stage": st.sampled_from(["decide", "execute", "receive"]),
        "outcome": st.sampled_from(["executed", "refused", "lapsed"]),
        "date": st.dates(date(1600, 1, 1), date(2399, 12, 31)).map(str),
        "documents": st.booleans(),
        "eligible": st.booleans(),
        "granted": st.booleans(),
        "zone": st.sampled_from(["Pacific/Kiritimati", "Pacific/Niue", "Etc/GMT+12"]),
        "reclassified_as": st.sampled_from(["enquiry", "other"]),
    },
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(list(Act)).map(str)},
    optional={
        "occurred_on": st.dates(date(1890, 1, 1), date(2026, 4, 1)).map(str) | VALUES,
        "occurred_at": st.dates(date(1600, 1, 1), date(2399, 12, 31)).map(lambda day: f"{day}T23:59:59Z")
        | VALUES,
        "data": SOUND_DATA | DATA | VALUES,
        "note": VALUES,
    },
)
REQUESTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["evidence", "extradition", "proceedings"]),
        "requesting_country": st.sampled_from(["MA", "NZ"]),
        "requested_country": st.sampled_from(["ES", "US", "AQ"]),
    },
    optional={
        "assistance": st.lists(st.sampled_from(["records", "video_hearing"]), max_size=3) | VALUES,
        "events": st.lists(EVENTS, max_size=4),
        "wished_by": st.dates(date(1600, 1, 1), date(2399, 12, 31)).map(str) | VALUES,
        "wished_by_reason": VALUES,
        "subject": VALUES,
        "urgency": VALUES,
        "convention": VALUES,
        "external_reference": VALUES,
        "references": VALUES,
        "offences": st.lists(VALUES, max_size=3),
    },
)


async def test_no_body_at_all_makes_the_server_fail(client_of: ClientOf, db: Database) -> None:
    """Whatever comes in, the answer is 201 or a problem of the client's; and only a 201 changes anything."""
    client = await client_of("MA", "ES", "NZ", "US", "AQ")
    standing = await logged(client, act("sent", "2026-02-02"), assistance=["records"])
    loop = asyncio.get_running_loop()
    recorded = 0

    async def post(path: str, body: Any) -> None:
        nonlocal recorded
        before = await contents(db)
        raw = json.dumps(body, ensure_ascii=True).encode()
        answer = await client.post(path, content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in (201, 400, 409), (body, answer.text)
        if answer.status_code == 201:
            recorded += 1
            assert (
                await client.get(f"{PATH}/{answer.json().get('request', answer.json())['id']}/clocks")
            ).status_code == 200
        else:
            assert answer.json()["errors"] or answer.json()["facts"], (body, answer.text)
            assert await contents(db) == before, body

    # The examples are drawn in a thread of their own, since Hypothesis is not asynchronous.
    def examples() -> None:
        @settings(
            max_examples=60,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            st.tuples(st.just(PATH), REQUESTS)
            | st.tuples(st.just(f"{PATH}/{standing['id']}/events"), EVENTS)
            | st.tuples(
                st.just(PATH), st.recursive(VALUES, lambda inner: st.dictionaries(st.text(max_size=9), inner))
            )
        )
        def tried(drawn: tuple[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(post(*drawn), loop).result(60)

        tried()

    await asyncio.to_thread(examples)
    assert recorded > 3
    assert (await read(client, standing["id"]))["version"] >= 1
