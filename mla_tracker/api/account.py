"""Who is calling, as we see it."""

from litestar import Response, get
from pydantic import Field

from mla_tracker.api.answers import answer
from mla_tracker.api.auth import Credential
from mla_tracker.api.fields import Answer, Country, Id, Instant
from mla_tracker.api.routes import documented
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import Role, Scope


class AccountView(Answer):
    """The account behind the token, and what the token is good for."""

    id: Id
    name: str
    role: Role
    countries: list[Country]
    scopes: list[Scope] = Field(description="What the token may be used for, within what the role may do.")
    token_id: Id | None = Field(
        description="The token that was shown; null for one of the identity provider."
    )
    expires_at: Instant | None = Field(description="When the token ends; null: when it is revoked.")


@get("/me", **documented("Who is calling", tag="account", may=Deed.READ_OWN_ACCOUNT, answer=AccountView))
async def read_me(credential: Credential) -> Response[bytes]:
    """The account, its role, the countries it speaks for, and the token that was shown."""
    actor = credential.actor
    view = AccountView(
        id=actor.account_id,
        name=actor.name,
        role=actor.role,
        countries=list(actor.countries),
        scopes=[scope for scope in Scope if scope in actor.scopes],
        token_id=credential.token_id,
        expires_at=credential.expires_at,
    )
    return answer(view)
