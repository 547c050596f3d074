"""What is told of an address, and of a connection that was not had: never a password."""

from typing import Final
from urllib.parse import urlsplit

import asyncpg

CONNECT_SECONDS: Final = 10.0


def described(url: str) -> str:
    """The address without user and password, for people."""
    try:
        parts = urlsplit(url)
        name = parts.path.lstrip("/") or "(unnamed)"
        port = f":{parts.port}" if parts.port else ""
        return f'"{name}" at {parts.hostname}{port}' if parts.hostname else f'"{name}"'
    except ValueError:
        return "of MLA_DATABASE_URL"


def why_no_connection(error: Exception, where: str) -> str:
    """What went wrong while connecting, and what to do."""
    correct = "MLA_DATABASE_URL"
    match error:
        case asyncpg.InvalidCatalogNameError():
            return f"There is no database {where}. Create it, or correct {correct}."
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"The database {where} refused the login ({error}). Correct the user or password in {correct}."
        case asyncpg.TooManyConnectionsError():
            return f"The database {where} takes no more connections ({error}). Lower MLA_POOL_SIZE."
        case asyncpg.CannotConnectNowError():
            return f"The database {where} is starting up or shutting down. Try again in a moment."
        case TimeoutError():
            return f"The database {where} did not answer in {CONNECT_SECONDS:g} seconds. Check {correct}."
        case OSError():
            reason = error.strerror or str(error) or type(error).__name__
            return f"The database {where} cannot be reached ({reason}). Start it, or correct {correct}."
        case asyncpg.PostgresError():
            return f"The database {where} refused the connection ({error}). Check {correct}."
        case _:
            return f"{correct} is not an address of the form postgresql://user:password@host:5432/database."


async def nothing_to_reset(_: object) -> None:
    """Every setting ends with its transaction, so giving a connection back costs no round trip."""
