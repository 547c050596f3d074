"""Who is calling, as we see it."""

from litestar import Response, get

from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Id
from mla_tracker.api.routes import documented
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import Role


class AccountView(Answer):
    """The account behind the token."""

    id: Id
    name: str
    role: Role
    countries: list[Country]


@get("/me", **documented("Who is calling", tag="account", may=Deed.READ_OWN_ACCOUNT, answer=AccountView))
async def read_me(actor: Actor) -> Response[bytes]:
    """The account, its role and the countries it speaks for."""
    return answer(
        AccountView(id=actor.account_id, name=actor.name, role=actor.role, countries=list(actor.countries))
    )
