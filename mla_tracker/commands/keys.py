"""The keys outside the database: made once, bound to their database, and given to whoever opens it."""

from datetime import datetime
from pathlib import Path
from typing import Final

from mla_tracker.storage import texts, vault_keys
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.vault import TEXT_KEY, Vault

SEALED_AT_ONCE: Final = 500


async def vault_of(db: Database, folder: Path) -> Vault:
    """The keys in the folder; made there if the database has none yet. Raises CannotRun."""
    if not (folder / f"{TEXT_KEY}.key").exists():
        async with db.transaction(DbRole.OWNER, read_only=True) as tx:
            bound = await vault_keys.fingerprints(tx)
        if not bound:
            try:
                Vault.made().write(folder)
            except CannotRun:  # another process has made them in this moment
                return Vault.read(folder)
    return Vault.read(folder)


async def bind_keys(db: Database, now: datetime) -> None:
    """Note by which keys this database is used, or raise CannotRun where it is used by others."""
    vault = _given(db)
    async with db.transaction(DbRole.OWNER) as tx:
        await vault_keys.record(tx, vault.fingerprints(), now)
    await require_keys(db)


async def require_keys(db: Database) -> None:
    """Raises CannotRun unless the keys given are those by which this database is used."""
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        bound = await vault_keys.fingerprints(tx)
    foreign = sorted(name for name, known in _given(db).fingerprints().items() if bound.get(name) != known)
    if foreign:
        raise CannotRun(
            f"The keys given are not those of the database {db.where}: {', '.join(foreign)} differ(s). Copy the folder "
            "of keys from where it was set up, or point MLA_KEYS_DIR to it."
        )


async def seal_plain_texts(db: Database, now: datetime) -> int:
    """Seal texts that an older program has stored as they were; gives how many."""
    sealed = 0
    while True:
        async with db.transaction(DbRole.OWNER) as tx:
            some = await texts.seal_plain(tx, now, limit=SEALED_AT_ONCE)
        if not some:
            return sealed
        sealed += some


def _given(db: Database) -> Vault:
    if db.vault is None:
        raise CannotRun("No keys were given.")
    return db.vault
