"""By which keys a database is used, by their fingerprints."""

from collections.abc import Mapping
from datetime import datetime

from mla_tracker.storage.database import Tx


async def fingerprints(tx: Tx) -> Mapping[str, str]:
    """The fingerprint of each key by its name; empty for a database that has none yet, or no schema."""
    if await tx.fetchval("select to_regclass('vault_key')") is None:
        return {}
    return {
        row["name"]: row["fingerprint"] for row in await tx.fetch("select name, fingerprint from vault_key")
    }


async def record(tx: Tx, known: Mapping[str, str], now: datetime) -> None:
    """Note the fingerprints of a database that has none yet; what is noted stays."""
    for name, fingerprint in known.items():
        await tx.execute(
            "insert into vault_key (name, fingerprint, recorded_at) values ($1, $2, $3) on conflict do nothing",
            name, fingerprint, now,
        )  # fmt: skip
