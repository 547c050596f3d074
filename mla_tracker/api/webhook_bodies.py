"""Endpoints and deliveries as they are asked for and told."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, WithJsonSchema

from mla_tracker.api.changes import ChangeAnswer, change_view
from mla_tracker.api.fields import Answer, Entry, Id, Instant
from mla_tracker.api.paging import PageQuery
from mla_tracker.commands.webhooks import LONGEST_OVERLAP, OVERLAP
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.queries.webhooks import DeliveryView, WebhookView

Url = Annotated[str, StringConstraints(min_length=10, max_length=2000, pattern=r"^https?://[\x21-\x7e]+$")]
Kinds = Annotated[list[ChangeKind], Field(min_length=1, max_length=len(ChangeKind))]
Secret = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^whsec_[A-Za-z0-9+/=]{44}$"})]
SHOWN_ONCE: Final = (
    "The secret was told in the answer to the first call under this Idempotency-Key, and nobody can read it again. If "
    "it was lost, ask for another one (POST …/secret)."
)
_TYPES_HELP: Final = "Only changes of these types; null: of all."
_URL_HELP: Final = (
    "Where to send to: https, a host that the operator lets be called. Auditors of your countries read the host; put "
    "no secret into the rest of it, since calls are signed."
)


class DeliveryState(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class DisabledReason(StrEnum):
    """Why nothing is sent to an endpoint."""

    BY_ACCOUNT = "by_account"
    FAILING = "failing"
    GONE = "gone"


class NewWebhook(Entry):
    """An address to be told of changes."""

    url: Url = Field(description=_URL_HELP)
    types: Kinds | None = Field(None, description=_TYPES_HELP)


class WebhookChange(Entry):
    """What to change; what is left out stays as it is."""

    url: Url = Field(default_factory=str, description=f"{_URL_HELP} Left out: as it is.")
    types: Kinds | None = Field(None, description=f"{_TYPES_HELP} Left out: as it is.")
    enabled: bool = Field(
        default_factory=bool,
        description="False: nothing is sent. True: what happened meanwhile is sent, as far as the feed keeps it. Left "
        "out: as it is.",
    )


class SecretRotation(Entry):
    """For how long calls are signed with both secrets."""

    overlap_hours: int = Field(
        OVERLAP.days * 24,
        ge=0,
        le=LONGEST_OVERLAP.days * 24,
        description="0: with the new one alone at once.",
    )


class WebhookAnswer(Answer):
    """An endpoint of your account."""

    id: Id
    url: str
    types: list[ChangeKind] | None
    enabled: bool
    disabled_at: Instant | None
    disabled_reason: DisabledReason | None = Field(
        description="`failing`: every call has failed for five days. `gone`: it has answered 410."
    )
    failing_since: Instant | None = Field(description="Since when no call has succeeded.")
    former_secret_until: Instant | None = Field(description="Until when calls are signed with two secrets.")
    created_at: Instant
    updated_at: Instant
    version: int


class WebhookMadeAnswer(WebhookAnswer):
    """An endpoint with a new secret."""

    secret: Secret | None = Field(
        description="What to verify signatures with, told this once. Null in the answer to a repeated call."
    )
    notice: str | None = Field(description="Why there is no secret, if there is none.")


class WebhookList(Answer):
    """All endpoints of your account, oldest first."""

    items: list[WebhookAnswer]


class DeliveryQuery(PageQuery):
    """Which deliveries are wanted."""

    state: DeliveryState | None = Field(None, description="Only those that are pending, delivered or dead.")


class DeliveryAnswer(Answer):
    """What became of telling the endpoint of a change."""

    id: Id = Field(
        description="The header `webhook-id` is this with `msg_` before it, the same at each attempt."
    )
    state: DeliveryState
    change: ChangeAnswer
    attempts: int
    created_at: Instant
    next_at: Instant | None = Field(description="When it is tried next.")
    last_at: Instant | None
    status: int | None = Field(description="What the last attempt was answered.")
    fault: str | None = Field(
        description="Why the last attempt failed: status, redirect, too_slow, no_connection, no_answer, tls, "
        "name_unknown, address_refused, secret_unreadable."
    )


def webhook_answer(view: WebhookView, **more: Any) -> dict[str, Any]:
    """The fields of an endpoint's answer, from its read model."""
    return {name: getattr(view, name) for name in WebhookAnswer.model_fields} | more


def delivery_answer(view: DeliveryView) -> dict[str, Any]:
    """The fields of a delivery's answer, from its read model."""
    fields = {name: getattr(view, name) for name in DeliveryAnswer.model_fields}
    return fields | {"change": change_view(view.change)}
