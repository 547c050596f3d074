"""Policies: the targets that a country sets itself, for what neither law nor agreement says by when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Response, post
from pydantic import Field

from mla_tracker.api.agreement_limits import Demand, Trigger
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Country, Line
from mla_tracker.api.limits import LimitVersions, shown
from mla_tracker.api.previews import EffectView, PreviewQuery, effect_view
from mla_tracker.api.routes import documented
from mla_tracker.commands import limits as commands
from mla_tracker.commands.limits import NewPolicy
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import AlreadyRecorded, InvalidEntry, NotAllowed
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import limits as queries
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

_OF_A_POLICY: Final = frozenset({"source", "country", "in_addition", "supersedes"})
Triggers = Annotated[list[Trigger], Field(min_length=1, max_length=10)]


class PolicyEntry(Demand):
    """What a country demands of itself by when: within `amount` of `unit` of a start act, a stop act.

    `valid_from` left out: today in the country; earlier is not possible, since nothing is valid before it is published.
    """

    source: Line = Field(description="The decree or circular, as a lawyer cites it.")
    country: Country | None = Field(None, description="Whose policy it is; null: the account's only country.")
    starts_on: Triggers | None = Field(
        None, description="The first found in a history counts. Null: the acts of our default policy."
    )
    stops_on: Triggers | None = Field(None, description="Null: the acts of our default policy.")
    in_addition: bool = Field(False, description="It runs beside the number of law or agreement too.")
    supersedes: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,119}$")] | None = Field(
        None,
        description="The id of the policy whose next version this is; the one before ends where it begins.",
    )

    def entry(self) -> NewPolicy:
        """The same for the command."""
        demand = self.model_dump(mode="json", exclude=set(_OF_A_POLICY))
        return NewPolicy(demand, self.source, self.country, self.in_addition, self.supersedes)


class PolicyQuery(PreviewQuery):
    """Whether to look first, and as if what was recomputed."""

    recomputed: bool = Field(
        False,
        description="A preview, even if `preview` is left out: as if every open request were recomputed on the first "
        "day of validity. Clocks that began earlier keep their version otherwise.",
    )


class PolicyAnswer(LimitVersions):
    """The policy with all its versions, and what it does to the clocks that run."""

    requests_waiting: int = Field(
        description="How many requests wait to be counted anew by it, which a job does within minutes."
    )
    effect: EffectView | None = Field(description="What would change; null where the policy was stored.")


EXAMPLES: Final[Mapping[str, Any]] = {
    "acknowledge within 3 working days": {
        "stage": "acknowledge",
        "amount": 3,
        "unit": "working_days",
        "source": "Circular 4/2026 of the Ministry of Justice",
        "warning_lead": {"amount": 1, "unit": "working_days"},
        "escalation_days": [3, 10],
    },
    "execute urgent requests for evidence within 20 days, beside what treaties say": {
        "kind": "evidence",
        "stage": "execute",
        "amount": 20,
        "unit": "days",
        "conditions": {"urgency": ["urgent", "emergency"]},
        "in_addition": True,
        "source": "Decree 2-26-123, Art. 4",
        "pauses": [{"begins": ["postponed"], "ends": ["resumed"]}],
        "extension": {"each": {"amount": 10, "unit": "days"}, "times": 2},
    },
}


@post(
    "/limits",
    **documented(
        "Set a policy of your own country",
        tag="limits",
        may=Deed.SET_TARGETS,
        body=PolicyEntry,
        query=PolicyQuery,
        answer=PolicyAnswer,
        status=201,
        also={200: "A preview: nothing was stored."},
        idempotent=True,
        location=True,
        problems=[InvalidEntry, NotAllowed, AlreadyRecorded],
        examples=EXAMPLES,
        description="It counts where the duty is your country's and neither law nor agreement sets a number for the "
        "stage, or beside that number `in_addition`. A clock is counted by the version valid on its legal start, "
        "unless the act `recomputed` says otherwise. Clocks concerned are counted anew by a job.",
    ),
)
async def set_policy(
    entry: PolicyEntry,
    filters: PolicyQuery,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Stores a policy, or a version of one, and answers with it."""
    policy = entry.entry()
    if filters.preview or filters.recomputed:
        versions, effect = await commands.preview_policy(
            database, policy, recomputed=filters.recomputed, actor=actor, now=now
        )
        view = PolicyAnswer(
            id=versions[0].id,
            versions=[shown(version) for version in versions],
            requests_waiting=0,
            effect=effect_view(effect),
        )
        return answer(view)
    done = await commands.set_policy(database, policy, actor=actor, now=now, idempotency=idempotency)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        found = await queries.versions(tx, done.id, actor=actor, now=now)
    view = PolicyAnswer(
        id=done.id,
        versions=[shown(version) for version in found],
        requests_waiting=done.requests_waiting,
        effect=None,
    )
    return answer(view, status=201, location=f"/api/v1/limits/{done.id}", replayed=done.replayed)
