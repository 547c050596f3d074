"""Accounts and tokens as they are asked for and told."""

from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, WithJsonSchema

from mla_tracker.api.fields import Answer, Country, Entry, Id, Instant, ShortLine
from mla_tracker.api.paging import PageQuery
from mla_tracker.commands.accounts import LONGEST_OVERLAP, OVERLAP, TOKEN_PATTERN
from mla_tracker.domain.vocabulary import Role, Scope

Subject = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
SUBJECT_HELP: Final = (
    "`sub` of the identity provider of this installation, whose access tokens then act as this account."
)
SHOWN_ONCE: Final = (
    "The secret was told in the answer to the first call under this Idempotency-Key, and is stored nowhere. If it was "
    "lost, revoke this token and make another."
)
Secret = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{TOKEN_PATTERN}$"})]


class NewAccountBody(Entry):
    """An account to be opened."""

    name: ShortLine = Field(description="Who it is, for people.")
    countries: Annotated[list[Country], Field(min_length=1, max_length=50)] = Field(
        description="Whom it speaks for; only your own."
    )
    role: Role
    oidc_subject: Subject | None = Field(None, description=SUBJECT_HELP)


class AccountChange(Entry):
    """What to change. Role and countries stay as they are: open another account instead."""

    name: ShortLine = Field(default_factory=str, description="Who it is, for people; left out: as it is.")
    oidc_subject: Subject | None = Field(None, description=f"{SUBJECT_HELP} Null: no token does.")


class AccountQuery(PageQuery):
    """Which accounts are wanted."""

    role: Role | None = Field(None, description="Only accounts of this role.")
    disabled: bool | None = Field(None, description="Whether it is disabled.")


class AccountAnswer(Answer):
    """An account of your countries."""

    id: Id
    name: str
    role: Role
    countries: list[Country]
    oidc_subject: str | None
    created_at: Instant
    disabled_at: Instant | None = Field(description="Since when neither it nor any token of it is valid.")
    version: int


class NewTokenBody(Entry):
    """A token to be made."""

    name: ShortLine | None = Field(None, description="Who or what uses it, for people.")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] = Field(
        list(Scope), description="What it may be used for, within what the role may do."
    )
    expires_at: Instant | None = Field(
        None, description="From when on it is not valid; null: once it is revoked."
    )


class Rotation(Entry):
    """How long the old token stays valid beside the new one."""

    overlap_hours: int = Field(
        OVERLAP.days * 24,
        ge=0,
        le=LONGEST_OVERLAP.days * 24,
        description="0 ends the old one at once. It never lives longer than it would have.",
    )


class TokenAnswer(Answer):
    """A token, without its secret."""

    id: Id
    account_id: Id
    name: str
    scopes: list[Scope]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None = Field(description="To the minute.")
    replaced_by: Id | None = Field(description="The token that was made when this one was rotated.")


class TokenMadeAnswer(TokenAnswer):
    """A token just made."""

    secret: Secret | None = Field(
        description="The token itself, told this once. Null in the answer to a repeated call."
    )
    notice: str | None = Field(description="Why there is no secret, if there is none.")


def token_answer(view: Any, **more: Any) -> dict[str, Any]:
    """The fields of a token's answer, from its read model."""
    return {name: getattr(view, name) for name in TokenAnswer.model_fields} | more
