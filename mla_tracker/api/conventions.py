"""Instruments as data: what a request may rely on, and who is bound by it since when."""

from datetime import datetime

from litestar import Response, get
from pydantic import Field

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Day, Instant
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.routes import documented
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.queries import conventions as queries
from mla_tracker.queries.conventions import ConventionView
from mla_tracker.storage.database import Database, DbRole


class ConventionQuery(PageQuery):
    """Which conventions are wanted; without any parameter, all."""

    kind: RequestKind | None = Field(None, description="For requests of this kind, among others maybe.")


class PartyView(Answer):
    """A country bound by a convention."""

    country: Country
    since: Day = Field(description="The first day on which it is bound.")
    until: Day | None = Field(description="The first day on which it is no longer bound.")
    verified: bool = Field(
        description="Whether the day of a list that ships was read at its source; false in every list that was "
        "loaded, which rests on its `source`."
    )


class ConventionAnswer(Answer):
    """An instrument with the list of its parties by which clocks judge who is bound."""

    id: str = Field(description="By which requests and limits name it.", examples=["untoc"])
    title: str
    kinds: list[RequestKind] = Field(description="The requests that may rely on it.")
    replaces: list[str] = Field(
        description="Conventions whose place it takes between countries that it binds both.",
        examples=[["ets24"]],
    )
    supplements: list[str] = Field(description="Conventions that it is read together with.")
    only_with: list[Country] = Field(
        description="One of the two countries must be among these; empty: any two will do."
    )
    parties_known: bool = Field(
        description="Whether the list names all parties. Where it does not, a country that is missing is warned of "
        "and the limits run all the same."
    )
    as_of: Day | None = Field(description="The day of which the list is: it says nothing of later days.")
    source: str = Field(description="Where the list was read.")
    version: int = Field(
        ge=0, description="Of the list: 0 is the one that ships, from 1 on one that was loaded."
    )
    recorded_at: Instant | None = Field(description="When it was loaded; null: it ships.")
    parties: list[PartyView] = Field(
        description="By country and day; a country that left and came back is named twice."
    )


@get(
    "/conventions",
    **documented(
        "List conventions by id, with their parties",
        tag="limits",
        may=Deed.READ_LAW,
        query=ConventionQuery,
        answer=Page[ConventionAnswer],
        description="The instruments that a request may name in `convention`. Each list of parties is of a day "
        "(`as_of`); an operator loads newer ones with `mla-tracker parties load`.",
    ),
)
async def list_conventions(
    filters: ConventionQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Conventions are the same for every account."""
    position = paging.position(filters, actor, keys=(str,), now=now)
    async with database.transaction(DbRole.API, read_only=True) as tx:
        rows = await queries.conventions(
            tx,
            kind=filters.kind,
            after=position.after[0] if position.after else None,
            limit=filters.limit + 1,
        )
    page = paging.page(rows, filters, position, key=lambda row: (row.convention.id,), item=_shown)
    return answer(Page[ConventionAnswer].model_validate(page))


@get(
    "/conventions/{convention_id:str}",
    **documented(
        "Read a convention with its parties",
        tag="limits",
        may=Deed.READ_LAW,
        answer=ConventionAnswer,
        problems=[NotFound],
    ),
)
async def read_convention(convention_id: str, actor: Actor, database: Database) -> Response[bytes]:
    """The list in force now, whatever was in force when a clock was counted."""
    async with database.transaction(DbRole.API, read_only=True) as tx:
        return answer(_shown(await queries.convention(tx, convention_id)))


def _shown(view: ConventionView) -> ConventionAnswer:
    held = view.convention
    return ConventionAnswer(
        id=held.id,
        title=held.title,
        kinds=sorted(held.kinds),
        replaces=list(held.replaces),
        supplements=list(held.supplements),
        only_with=sorted(held.only_with),
        parties_known=held.parties_known,
        as_of=held.as_of,
        source=held.source,
        version=view.version,
        recorded_at=view.recorded_at,
        parties=[
            PartyView(country=party.country, since=party.since, until=party.until, verified=party.verified)
            for party in sorted(held.parties, key=lambda party: (party.country, party.since))
        ],
    )
