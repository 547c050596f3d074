"""Routes of retention: how long a country keeps persons and texts of closed requests."""

from datetime import datetime
from typing import Annotated

from litestar import Response, get, put
from pydantic import Field

from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Entry, Instant
from mla_tracker.api.routes import documented
from mla_tracker.catalogue.countries import is_country
from mla_tracker.commands.retention import no_such_country
from mla_tracker.commands.retention import set_retention as set_rule
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotAllowed, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.retention import LONGEST_YEARS, RetentionRule
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.retention import rule_of

Years = Annotated[int, Field(ge=0, le=LONGEST_YEARS)]


class RetentionEntry(Entry):
    """All that the country says: years after the closing of a request; null keeps."""

    years: Years | None = Field(description="For every kind that `by_kind` does not name.")
    by_kind: dict[RequestKind, Years | None] = Field(
        default_factory=dict, max_length=len(RequestKind), description="What holds for a kind instead."
    )


class RetentionView(Answer):
    """The rule that holds. Version 1 is that of a country which has said nothing: it keeps."""

    country: Country
    version: int
    years: int | None
    by_kind: dict[RequestKind, int | None]
    set_at: Instant | None


@get(
    "/retention/{country:str}",
    **documented(
        "Read how long a country keeps persons and texts",
        tag="retention",
        may=Deed.READ_LAW,
        answer=RetentionView,
        etag=True,
        problems=[NotFound],
        description="Of any country, since what both sides hold is erased when the rule of each has run out.",
    ),
)
async def read_retention(country: str, actor: Actor, database: Database) -> Response[bytes]:
    """The last rule that the country set."""
    if not is_country(country):
        raise no_such_country()
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        rule = await rule_of(tx, country)
    return _answer(rule)


@put(
    "/retention/{country:str}",
    **documented(
        "Say how long your own country keeps persons and texts",
        tag="retention",
        may=Deed.SET_RETENTION,
        body=RetentionEntry,
        answer=RetentionView,
        if_match=True,
        etag=True,
        problems=[NotFound, NotAllowed, VersionStale],
        examples={"ten years, extraditions thirty": {"years": 10, "by_kind": {"extradition": 30}}},
        description="Once a request has been closed for so many years by the rules of both its countries, a job erases "
        "its persons and all its texts for good. A country without a rule keeps; one without accounts has no say. A "
        "new rule is not acted on for seven days.",
    ),
)
async def set_retention(
    country: str,
    entry: RetentionEntry,
    actor: Actor,
    database: Database,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Answers with the rule that holds; the same again makes no new version."""
    rule = await set_rule(
        database, country, entry.years, entry.by_kind, expected=if_match, actor=actor, now=now
    )
    return _answer(rule)


def _answer(rule: RetentionRule) -> Response[bytes]:
    view = RetentionView(
        country=rule.country,
        version=rule.version,
        years=rule.years,
        by_kind={RequestKind(kind): years for kind, years in rule.by_kind.items()},
        set_at=rule.set_at,
    )
    return answer(view, version=rule.version)
