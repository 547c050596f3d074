"""The program `mla-tracker`: every command, and every expected failure as one sentence without a traceback."""

import sys
from typing import NoReturn

import asyncpg
from cyclopts import App

import mla_tracker
from mla_tracker.cli import (
    accounts,
    asking,
    auditing,
    backing_up,
    demonstrating,
    files,
    leaving,
    operating,
    party_lists,
    retaining,
    serving,
    tokens,
    upgrading,
)
from mla_tracker.domain.errors import DomainError
from mla_tracker.storage.errors import CannotRun

app = App(
    name="mla-tracker",
    version=mla_tracker.__version__,
    help="Requests between countries for evidence and for people, with legal clocks that explain themselves.",
)
for room in (
    demonstrating, serving, operating, backing_up, auditing, retaining, upgrading, accounts, tokens, party_lists, files,
    asking,
):  # fmt: skip
    room.register(app)


def main() -> None:
    """Run one command. Exit codes: 0 done, 1 not done (the reason is on standard error), 129, 130, 143 interrupted."""
    leaving.take_signals()
    try:
        app()
    except CannotRun as error:
        _fail(str(error))
    except DomainError as error:
        _fail("\n".join([error.detail, *(f"{where}: {what}" for where, what in error.fields)]))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        _fail(f"The database refused or broke off: {str(error).splitlines()[0]}. See mla-tracker doctor.")
    except KeyboardInterrupt:
        print("Interrupted; nothing half-done is left behind.", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain once more when it flushes.
        sys.stdout = None
        raise SystemExit(1) from None
    finally:
        leaving.ignore_signals()


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(1)
