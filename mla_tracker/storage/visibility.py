"""Who sees a request, as the one condition that every query asks; the database asks the same once more by its policies.

A draft is seen by the country that records it. `restricted` requests are seen by officers and heads, `confidential`
ones by the accounts that are named, and by the heads of a side of which nobody who is named has an open account.
"""

from dataclasses import dataclass

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role

DESK = (Role.OFFICER, Role.HEAD)
"""Who sees what is restricted."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one account sees, as SQL. `countries` (text[]) and `account` (uuid) are the places of its bound values.

    Of a `row`, the alias of a request or clock, `of` is the column that holds the id of the request.
    """

    countries: str
    account: str
    role: Role

    @classmethod
    def of(cls, actor: Actor, *, countries: str, account: str) -> "Sight":
        """That of an account, whose countries and id stand at these places."""
        return cls(f"{countries}::text[]", f"{account}::uuid", actor.role)

    def own(self, country: str) -> str:
        """That a column holds a country of the account."""
        return f"{country} = any({self.countries})"

    def is_party(self, row: str) -> str:
        """That a country of the account is one of the two."""
        return f"({self.own(f'{row}.requesting_country')} or {self.own(f'{row}.requested_country')})"

    def seen(self, row: str, of: str = "id") -> str:
        """That the account sees it, given that one of its countries is a party."""
        return f"(({row}.shared or {self.own(f'{row}.recorded_by')}) and {self._handled(row, of)})"

    def counted(self, row: str, of: str = "id") -> str:
        """That it is seen and counts: of two records of a case the own one, of two own that of the requesting side.

        Each country records acts in its own record, so a clock may run in the other one alone: then that one counts,
        or whose duty it is would lose sight of it.
        """
        own_side = (
            f"case when {self.own(f'{row}.requesting_country')} then {row}.requesting_country"
            f" else {row}.requested_country end"
        )
        # The other record counts where the own one is not seen: its absence would tell that there is one.
        twin = (
            f"select from request twin where twin.id = {row}.same_case_as and twin.shared"
            f" and {self.seen('twin')}"
        )
        if of != "id":
            twin += f""" and ({row}.state = 'pending' or exists (
                select from clock mine where mine.request_id = twin.id and mine.limit_id = {row}.limit_id
                    and mine.state <> 'pending'
                    and ({row}.state not in ('running', 'paused') or mine.state <> 'cancelled')))"""
        return (
            f"({self.seen(row, of)} and ({row}.same_case_as is null or {row}.recorded_by = {own_side}"
            f" or not exists ({twin})))"
        )

    def _handled(self, row: str, of: str) -> str:
        readers = f"from request_reader named where named.request_id = {row}.{of}"
        named = f"exists (select {readers} and named.account_id = {self.account})"
        if self.role is Role.HEAD:
            named += f""" or not exists (
                select {readers} and {self.own("named.country")} and exists (
                    select from account a where a.id = named.account_id and a.disabled_at is null))"""
        if self.role in DESK:
            return f"({row}.handling <> 'confidential' or {named})"
        return f"({row}.handling = 'open' or {row}.handling = 'confidential' and ({named}))"
