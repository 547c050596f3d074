"""What keeps the program from its database, each as one sentence for the person who runs it."""


class CannotRun(Exception):
    """The program cannot go on; the message is one sentence that says what is wrong and what to do."""


class DatabaseUnavailable(CannotRun, ConnectionError):
    """No connection to the database can be had."""


class DatabaseBusy(CannotRun, TimeoutError):
    """All connections stayed in use for as long as one may wait."""


class DatabaseNewer(CannotRun):
    """The database was migrated by a newer program than this one."""


class CommitFailed(CannotRun):
    """A COMMIT undid the transaction, because an error in it had been swallowed."""
