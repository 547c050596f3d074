"""The instruments that a request may rely on, each with the list of its parties in force."""

from dataclasses import dataclass
from datetime import datetime

from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.limits import Convention
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.storage.database import Tx
from mla_tracker.storage.law import stored_law
from mla_tracker.storage.party_lists import ListsInForce


@dataclass(frozen=True, slots=True)
class ConventionView:
    """An instrument by its list in force. `version` 0, with no `recorded_at`, is the list that ships."""

    convention: Convention
    version: int
    recorded_at: datetime | None

    @property
    def countries(self) -> int:
        """How many countries the list names, whether still bound or not."""
        return len({party.country for party in self.convention.parties})


async def conventions(
    tx: Tx, *, kind: RequestKind | None = None, after: str | None = None, limit: int | None = None
) -> list[ConventionView]:
    """The next `limit` instruments by id, after the one given (exclusive); `kind`: those for such requests."""
    in_force = (await stored_law(tx)).in_force
    found = [
        _view(in_force, id_)
        for id_, held in sorted(in_force.conventions.items())
        if (kind is None or kind in held.kinds) and (after is None or id_ > after)
    ]
    return found[:limit]


async def convention(tx: Tx, convention_id: str) -> ConventionView:
    """One instrument. Raises NotFound."""
    in_force = (await stored_law(tx)).in_force
    if convention_id not in in_force.conventions:
        raise NotFound("There is no such instrument in the catalogue. List the conventions to find its id.")
    return _view(in_force, convention_id)


def _view(in_force: ListsInForce, convention_id: str) -> ConventionView:
    loaded = in_force.loaded.get(convention_id)
    return ConventionView(
        in_force.conventions[convention_id],
        in_force.version(convention_id),
        loaded.recorded_at if loaded else None,
    )
