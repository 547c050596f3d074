"""Which recorded agreement governs a request on a day, with the reasons."""

from datetime import datetime
from uuid import UUID

from litestar import Response, get
from pydantic import Field

from mla_tracker.api.answers import answer
from mla_tracker.api.explanations import StepView, step_views
from mla_tracker.api.fields import Answer, Day, Id, Query
from mla_tracker.api.routes import documented
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import AgreementKind, RequestKind
from mla_tracker.queries.agreements import governing_between
from mla_tracker.queries.requests import visible_row
from mla_tracker.storage.database import Database, DbRole


class GoverningQuery(Query):
    """On which day."""

    on: Day | None = Field(
        None, description="Left out: the day on which the request was sent, else its first act."
    )


class GoverningAgreement(Answer):
    """The agreement that governs."""

    id: Id
    title: str
    kind: AgreementKind


class GoverningAnswer(Answer):
    """What the register says; `agreement` is null where none governs."""

    on: Day
    agreement: GoverningAgreement | None
    named_by_request: Id | None = Field(description="The agreement that the request itself names, if any.")
    explanation: list[StepView]


@get(
    "/requests/{request_id:uuid}/governing-agreement",
    **documented(
        "Which agreement governs a request",
        tag="requests",
        may=Deed.READ_REQUESTS,
        query=GoverningQuery,
        answer=GoverningAnswer,
        problems=[NotFound],
        description="Agreements are public from their signature on: the explanation also names those that a third "
        "country recorded, which make no law for the two.",
    ),
)
async def read_governing_agreement(
    request_id: UUID, filters: GoverningQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """By the public register: the more special kind first, then the bilateral, then the one applied last."""
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        row = await visible_row(tx, request_id, actor)
        route = "GET /requests/{request_id}/governing-agreement"
        await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
        day = filters.on or row["first_act_on"] or row["created_at"].date()
        found = await governing_between(
            tx, RequestKind(row["kind"]), row["requesting_country"], row["requested_country"], day, now=now
        )
    chosen = found.agreement
    return answer(
        GoverningAnswer(
            on=day,
            agreement=GoverningAgreement(id=chosen.id, title=chosen.title, kind=chosen.kind)
            if chosen
            else None,
            named_by_request=row["agreement_id"],
            explanation=step_views(found.steps),
        )
    )
