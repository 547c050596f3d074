"""A limit that an agreement or a country sets itself, as clients send and read it."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from mla_tracker.api.fields import Answer, Day, Entry, Line, Paragraphs, ShortLine, wrong
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Circumstance,
    Effect,
    Obligor,
    RequestKind,
    Stage,
    Tier,
    Unit,
    Urgency,
)

LONGEST: Final = 10_000


def _not_zero(amount: int) -> int:
    if amount == 0:
        raise wrong("Give a number that is not 0; a negative one counts backwards.")
    return amount


def _form_of_trigger(value: Any) -> str:
    return "by name" if isinstance(value, str) else "with data"


Amount: TypeAlias = Annotated[
    int,
    Field(ge=-LONGEST, le=LONGEST, json_schema_extra={"not": {"const": 0}}),
    AfterValidator(_not_zero),
]
FieldName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]


class Length(Entry):
    """A length of time."""

    amount: int = Field(ge=1, le=LONGEST)
    unit: Unit


class TriggerEntry(Entry):
    """An act that starts, stops or restarts a clock only if its data say so, or on a date that they name."""

    act: Act
    where: dict[FieldName, ShortLine | bool | int] = Field(
        default={},
        max_length=5,
        description='Values that the act\'s data must have, e.g. {"documents": true}.',
    )
    date_field: FieldName | None = Field(
        None, description="The date in the act's data that counts instead of its day."
    )


Trigger: TypeAlias = Annotated[
    Annotated[Act, Tag("by name")] | Annotated[TriggerEntry, Tag("with data")],
    Discriminator(_form_of_trigger),
]
Triggers: TypeAlias = Annotated[list[Trigger], Field(max_length=10)]
Acts: TypeAlias = Annotated[list[Act], Field(max_length=60)]
SomeActs: TypeAlias = Annotated[list[Act], Field(min_length=1, max_length=60)]


class PauseEntry(Entry):
    """Acts between which the limit does not run."""

    begins: SomeActs
    ends: SomeActs


class ExtensionEntry(Entry):
    """What prolongs the limit: `each` at most, `times` at most, `total` at most; null where nothing is said."""

    each: Length | None = None
    times: int | None = Field(None, ge=1, le=100)
    total: Length | None = None
    reason_required: bool = True
    estimate_required: bool = False
    after_expiry: bool = False


class ConditionsEntry(Entry):
    """When the limit applies at all; empty or null means whatever."""

    urgency: list[Urgency] = Field(default=[], max_length=10)
    assistance: list[Assistance] = Field(default=[], max_length=40)
    circumstances: list[Circumstance] = Field(
        default=[], max_length=10, description="All of them must be stated on the request."
    )
    consent: bool | None = Field(
        None, description="Whether the person must have consented to surrender, or not."
    )


class Demand(Entry):
    """What must have happened by when, whoever says so: all but the acts between which the time runs."""

    kind: RequestKind | None = Field(None, description="The requests it is about; null: all.")
    stage: Stage
    amount: Amount
    unit: Unit
    counting: (
        Literal["calendar", "eu-1182-71", "roll-forward", "inclusive", "instants", "working-days"] | None
    ) = Field(
        None,
        description="Null: instants for minutes and hours, working-days for working time, else calendar.",
    )
    tier: Tier = Tier.SHALL
    effect: Effect = Effect.DEADLINE
    obligor: Obligor = Field(Obligor.REQUESTED, description="Whose duty it is.")
    counted_in: Obligor | None = Field(
        None,
        description="Whose calendar and time zone count. Null: the obligor's; for custody, collection and "
        "preservation the requested country's.",
    )
    provision: ShortLine | None = Field(None, description="The article, as a lawyer cites it.")
    starts_each: bool = Field(False, description="Every start act starts a clock of its own.")
    restarts_on: Triggers = Field(default=[])
    cancelled_by: Acts = Field(default=[])
    implied_by: Acts | None = Field(
        None, description="Acts that show that the stage was passed. Null: those of our default policy."
    )
    survives_end: bool = Field(False, description="The clock runs on when the request has ended.")
    conditions: ConditionsEntry = ConditionsEntry()
    pauses: list[PauseEntry] = Field(default=[], max_length=10)
    extension: ExtensionEntry | None = Field(None, description="Null: no extension is known.")
    warning_lead: Length | None = Field(None, description="How long before it runs out to warn.")
    escalation_days: list[Annotated[int, Field(ge=1, le=3650)]] = Field(default=[], max_length=10)
    consequence: Paragraphs | None = None
    link: Line | None = Field(None, description="Where the wording can be read.")
    valid_from: Day | None = None
    valid_to: Day | None = Field(None, description="The first day on which it is no longer valid.")


class AgreementLimit(Demand):
    """What the agreement itself demands by when: within `amount` of `unit` of a start act, a stop act."""

    starts_on: list[Trigger] = Field(
        min_length=1, max_length=10, description="The first found in a history counts."
    )
    stops_on: list[Trigger] = Field(min_length=1, max_length=10)


class AgreementLimitView(AgreementLimit):
    """A limit of an agreement, complete, with the id by which clocks name it."""

    model_config = ConfigDict(**Answer.model_config)

    id: str
