"""A database that is being restored into: that it is empty before, and known to be unfinished until all is done."""

from typing import Final

from mla_tracker.storage.database import Tx
from mla_tracker.storage.errors import CannotRun

LOCK: Final = 0x6D6C6172657374  # any number that only we use: "mlarest"

_ROLES: Final = """
    do $$
    declare
        wanted text;
    begin
        foreach wanted in array array['mla_api', 'mla_jobs'] loop
            if not exists (select from pg_roles where rolname = wanted) then
                begin
                    execute format('create role %I nologin', wanted);
                exception when duplicate_object or unique_violation then
                    null;
                end;
            end if;
            if not pg_has_role(current_user, wanted,
                    case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end) then
                execute format('grant %I to %I', wanted, current_user);
            end if;
        end loop;
    end $$
"""
"""The roles in whose names transactions run. They belong to the server and are in no copy of a database."""


async def begin(tx: Tx, backup: str) -> None:
    """Mark an empty database as one that is being restored from a backup; go on with one that is so marked.

    Raises CannotRun where anything else is in it.
    """
    begun = await begun_from(tx)
    if begun == backup:
        return
    if begun is not None:
        raise CannotRun(
            "A restore of another backup into this database was broken off. Make the database anew, or go on with that "
            "backup."
        )
    found = await tx.fetch(
        """
        select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
            and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' order by 1 limit 3
        """
    )
    if found:
        raise CannotRun(
            f"The database is not empty ({', '.join(row['name'] for row in found)}, ...), and nothing was restored. "
            "Restore into a new one: another MLA_DATABASE_URL, or another MLA_DATA_DIR."
        )
    await tx.execute(_ROLES)
    await tx.execute("create table restore_unfinished (backup text not null)")
    await tx.execute("insert into restore_unfinished values ($1)", backup)


async def begun_from(tx: Tx) -> str | None:
    """The backup from which this database is being restored; None where it is not."""
    if await tx.fetchval("select to_regclass('public.restore_unfinished')") is None:
        return None
    backup: str = await tx.fetchval("select backup from restore_unfinished")
    return backup


async def is_loaded(tx: Tx) -> bool:
    """Whether the copy was loaded, which happens as a whole."""
    return await tx.fetchval("select to_regclass('public.request')") is not None


async def end(tx: Tx) -> None:
    """All is done: the database may be used."""
    await tx.execute("drop table restore_unfinished")


async def refuse_unfinished(tx: Tx) -> None:
    """Raises CannotRun for a database whose restore was broken off or goes on."""
    if await begun_from(tx) is not None:
        raise CannotRun(
            "The restore of this database has not come to its end. Run the same mla-tracker restore again, which goes "
            "on, or make the database anew."
        )
