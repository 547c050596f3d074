"""What a SELECT names: the columns that this program knows, whatever a newer one may have added."""

from piccolo.table import Table

from mla_tracker.storage.tables import columns


def listed(table: type[Table], alias: str = "") -> str:
    """The columns of a table for a SELECT, instead of a star: a newer program may have added some meanwhile.

    What was prepared by this one would fail once then, since its rows would have got another form.
    """
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{column._meta.name}" for column in columns(table))
