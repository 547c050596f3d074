"""Routes of exports: everything of a kind that an account may see, as a file that can be imported again."""

from datetime import datetime
from typing import Any, Final

from litestar import Request, get
from litestar.response import Stream

from mla_tracker.api.files.writing import exported
from mla_tracker.api.problems import NOT_ACCEPTABLE
from mla_tracker.api.routes import documented
from mla_tracker.api.tabular import chosen
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.permissions import Deed
from mla_tracker.storage.database import Database

CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
MEDIA: Final = (CSV, NDJSON)
_DESCRIPTION: Final = (
    "CSV, or NDJSON by `Accept`, with the columns of docs/imports.md. It holds what the account sees at the single "
    "routes and nothing else; of a confidential request this is a reading."
)


@get(
    "/exports/requests",
    **documented(
        "Export requests with their histories",
        tag="imports",
        may=Deed.READ_REQUESTS,
        answer=None,
        media=MEDIA,
        problems=[NOT_ACCEPTABLE],
        description=_DESCRIPTION,
    ),
)
async def export_requests(
    request: Request[Any, Any, Any], actor: Actor, database: Database, now: datetime
) -> Stream:
    """Texts for those alone who read them."""
    return _file(request, "requests", actor, database, now)


@get(
    "/exports/agreements",
    **documented(
        "Export agreements with the events of their lives",
        tag="imports",
        may=Deed.READ_AGREEMENTS,
        answer=None,
        media=MEDIA,
        problems=[NOT_ACCEPTABLE],
        description=_DESCRIPTION,
    ),
)
async def export_agreements(
    request: Request[Any, Any, Any], actor: Actor, database: Database, now: datetime
) -> Stream:
    """References and notes for the country alone that recorded them."""
    return _file(request, "agreements", actor, database, now)


@get(
    "/exports/directory",
    **documented(
        "Export the directory",
        tag="imports",
        may=Deed.READ_DIRECTORY,
        answer=None,
        media=MEDIA,
        problems=[NOT_ACCEPTABLE],
        description=_DESCRIPTION,
    ),
)
async def export_directory(
    request: Request[Any, Any, Any], actor: Actor, database: Database, now: datetime
) -> Stream:
    """Of all countries."""
    return _file(request, "directory", actor, database, now)


def _file(
    request: Request[Any, Any, Any], kind: str, actor: Actor, database: Database, now: datetime
) -> Stream:
    media = chosen(request.headers.get("Accept"), MEDIA)
    form = "csv" if media == CSV else "ndjson"
    route = f"GET /exports/{kind}"
    return Stream(
        exported(database, kind, form, actor=actor, now=now, route=route),
        media_type=f"{CSV}; header=present" if media == CSV else NDJSON,
        headers={"Content-Disposition": f'attachment; filename="{kind}.{form}"', "Vary": "Accept"},
    )
