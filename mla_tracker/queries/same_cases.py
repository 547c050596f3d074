"""Records of the other side that may be of the same case as one of the own."""

from mla_tracker.catalogue.languages import ENGLISH
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.histories import suspected_twin
from mla_tracker.domain.sentences import sentence
from mla_tracker.storage.database import Tx
from mla_tracker.storage.requests import RequestRecord
from mla_tracker.storage.visibility import Sight

MOST = 5


async def likely_the_same(tx: Tx, record: RequestRecord, actor: Actor) -> list[str]:
    """A warning for each record of the other side that bears a reference of this one, of those the account sees.

    A reference that a side keeps for itself counts for its own: the other side may know it as the file number.
    """
    if record.same_case_as is not None:
        return []
    own = record.external_reference
    known = [
        [
            reference
            for reference in (
                getattr(record, f"reference_{side}"),
                own if record.recorded_by == country else None,
            )
            if reference
        ]
        for side, country in (
            ("requesting", record.requesting_country),
            ("requested", record.requested_country),
        )
    ]
    if not any(known):
        return []
    sight = Sight.of(actor, countries="$2", account="$3")
    rows = await tx.fetch(
        f"""
        select r.id, r.recorded_by from request r
        where (r.reference_requesting = any($4::text[]) or r.reference_requested = any($5::text[]))
            and r.kind = $6 and r.requesting_country = $7 and r.requested_country = $8 and r.recorded_by <> $9
            and r.shared and r.same_case_as is null and r.id <> $1 and {sight.seen("r")} and {sight.is_party("r")}
        order by r.id limit {MOST}
        """,
        record.id, list(actor.countries), actor.account_id, *known, record.kind, record.requesting_country,
        record.requested_country, record.recorded_by,
    )  # fmt: skip
    return [sentence(suspected_twin(row["recorded_by"], str(row["id"])), ENGLISH) for row in rows]
