"""The versions of a country's calendar, and what each of them moved."""

from datetime import datetime

from litestar import Response, get
from pydantic import Field

from mla_tracker.api.answers import answer
from mla_tracker.api.calendars import OverridesView
from mla_tracker.api.fields import Answer, Country, Instant, Query, ZoneName
from mla_tracker.api.previews import DateMoveView
from mla_tracker.api.routes import documented
from mla_tracker.catalogue.countries import is_country
from mla_tracker.commands.calendars import no_such_country
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import calendars as queries
from mla_tracker.storage.database import Database, DbRole


class CalendarVersionView(Answer):
    """A version of a calendar, and its effect on what your account sees."""

    version: int
    zone: ZoneName
    overrides: OverridesView = Field(description="What the country itself said.")
    source: str
    applied_at: Instant
    open_clocks: int | None = Field(
        description="How many open clocks were counted in the country when it was applied; null for accounts of "
        "other countries, and where the calendar was stored on its first use."
    )
    moved: int = Field(description="How many ends of clocks it has moved.")
    requests_waiting: int = Field(
        description="How many requests still wait to be counted anew because of it."
    )


class CalendarVersions(Answer):
    """All versions, newest first."""

    country: Country
    items: list[CalendarVersionView] = Field(description=f"At most {queries.MOST_VERSIONS}.")


class MovesQuery(Query):
    """Whose effect is wanted."""

    version: int = Field(ge=1, le=1_000_000, description="The version of the calendar.")


class CalendarMoves(Answer):
    """What a version of a calendar moved, earliest new date first."""

    items: list[DateMoveView] = Field(description=f"The first {queries.MOST_MOVES}.")


@get(
    "/calendars/{country:str}/versions",
    **documented(
        "List the versions of a country's calendar, with what each moved",
        tag="calendars",
        may=Deed.READ_LAW,
        answer=CalendarVersions,
        problems=[NotFound],
        description="Counted are the requests that your account sees.",
    ),
)
async def list_calendar_versions(country: str, actor: Actor, database: Database) -> Response[bytes]:
    """Every version that was ever in force, and its effect as it was recorded."""
    if not is_country(country):
        raise no_such_country(country)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        found = await queries.versions(tx, country, actor=actor)
    items = [
        CalendarVersionView(
            version=view.version,
            zone=view.zone,
            overrides=OverridesView.model_validate(view.overrides),
            source=view.source,
            applied_at=view.applied_at,
            open_clocks=view.open_clocks,
            moved=view.moved,
            requests_waiting=view.waiting,
        )
        for view in found
    ]
    return answer(CalendarVersions(country=country, items=items))


@get(
    "/calendars/{country:str}/moves",
    **documented(
        "List the dates that a version of a calendar moved",
        tag="calendars",
        may=Deed.READ_REQUESTS,
        query=MovesQuery,
        answer=CalendarMoves,
        problems=[NotFound],
        description="Of the requests that your account sees.",
    ),
)
async def list_calendar_moves(
    country: str, filters: MovesQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Each clock with the date before and after, as it was found when its request was counted anew."""
    if not is_country(country):
        raise no_such_country(country)
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        found = await queries.moves_by(tx, country, filters.version, actor=actor)
        moved = {move["request_id"] for move in found}
        route = "GET /calendars/{country}/moves"
        await note_reading_of(tx, moved, route=route, actor=actor, now=now, what=What.REQUEST_LISTED)
    return answer(CalendarMoves(items=[DateMoveView(**move) for move in found]))
