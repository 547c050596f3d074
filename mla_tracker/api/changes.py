"""Route of the feed: what changed, for systems that follow along."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from litestar import Response, get
from pydantic import Field

from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Id, Instant, Query
from mla_tracker.api.problems import INVALID_QUERY, Problem
from mla_tracker.api.routes import documented
from mla_tracker.commands.feed import read_changes
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.domain.errors import ChangesGone, InvalidEntry
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries.changes import ChangeView
from mla_tracker.storage.database import Database
from mla_tracker.storage.feed_cursors import LENGTH

_BOTH = "Give `after` to go on, or `latest` to begin with what comes, not both."


class ChangeQuery(Query):
    """Where to begin, and how much to read at once."""

    after: str | None = Field(
        None,
        min_length=LENGTH,
        max_length=LENGTH,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`cursor` of the answer before. Without it from the oldest change that is kept.",
    )
    latest: bool = Field(
        False,
        description="Nothing of what has been: only the cursor after which comes what happens from now on.",
    )
    limit: int = Field(100, ge=1, le=500, description="How many changes an answer holds at most.")


class ChangeAnswer(Answer):
    """That something changed, and where to read what it is now. Fields that do not apply are null."""

    id: Id
    type: ChangeKind
    at: Instant
    version: int | None = Field(description="Of the record after it, as your side counts; its ETag then.")
    request_id: Id | None
    requesting_country: Country | None
    requested_country: Country | None
    event_ids: list[Id] = Field(
        description="The acts that were recorded or voided, without those you may not see."
    )
    flag_id: Id | None
    agreement_id: Id | None
    agreement_event_id: Id | None
    country: Country | None = Field(description="Whose policy, calendar or retention it is.")
    limit_id: str | None


class ChangePage(Answer):
    """Changes in the order in which they became known."""

    items: list[ChangeAnswer]
    cursor: str = Field(
        description="Send it as `after` to go on, now or much later. It holds nothing to be read."
    )
    more: bool = Field(description="Whether more is there already; if not, ask again in a while.")


@get(
    "/changes",
    **documented(
        "Follow what changes",
        tag="changes",
        may=Deed.READ_CHANGES,
        query=ChangeQuery,
        answer=ChangePage,
        problems=[ChangesGone],
        description="Every change of what the account sees, once, to who goes on with each `cursor`; none is missed, "
        "however long it took to be recorded. It says that something changed, not what: read the record. Of what "
        "you do not see any more nothing is told, not even that.",
    ),
)
async def list_changes(
    filters: ChangeQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """The next changes that the account may know of."""
    if filters.latest and filters.after is not None:
        raise Problem(INVALID_QUERY, _BOTH, errors=[("/latest", _BOTH)])
    try:
        read = await read_changes(
            database, after=filters.after, latest=filters.latest, limit=filters.limit, actor=actor, now=now
        )
    except InvalidEntry as error:
        raise Problem(INVALID_QUERY, error.detail, errors=error.fields) from None
    page = ChangePage(
        items=[ChangeAnswer.model_validate(change_view(one)) for one in read.changes],
        cursor=read.cursor,
        more=read.more,
    )
    return answer(page)


def change_view(change: ChangeView) -> dict[str, Any]:
    """A change as it is told, in the feed and to webhooks."""
    told = asdict(change)
    return {"type": told["what"]} | {name: told[name] for name in ChangeAnswer.model_fields if name != "type"}
