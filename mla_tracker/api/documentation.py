"""The published contract and its page, served by ourselves: nothing is fetched from elsewhere."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from mla_tracker.api import openapi, problem_pages, problems
from mla_tracker.api.conditional import is_unchanged
from mla_tracker.api.routes import documented

STATIC: Final = Path(__file__).parent / "static"
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "swagger-ui-bundle.js": "text/javascript",
    "documentation.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
    "LICENSE": "text/plain",
    "NOTICE": "text/plain",
    "swagger-ui-bundle.js.LICENSE.txt": "text/plain",
}
"""The files that are served, and nothing else of the folder."""

HTML: Final = "text/html"
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mla-tracker: API</title>
<link rel="icon" href="/schema/favicon.png">
<link rel="stylesheet" href="/schema/swagger-ui.css">
</head>
<body>
<main id="documentation"></main>
<noscript><p>This page needs JavaScript; the contract itself is at
<a href="/schema/openapi.json">/schema/openapi.json</a>.</p></noscript>
<script src="/schema/swagger-ui-bundle.js"></script>
<script src="/schema/documentation.js"></script>
</body>
</html>
"""


def hidden(summary: str) -> dict[str, Any]:
    """The arguments of a route for people, which is public and no part of the published contract."""
    return documented(summary, tag="operation", answer=None, public=True, hidden=True)


@cache
def _asset(name: str) -> tuple[bytes, bytes, str]:
    """A file, the same compressed, and its entity tag."""
    content = (STATIC / name).read_bytes()
    return content, gzip.compress(content, 6, mtime=0), f'"{hashlib.sha256(content).hexdigest()[:16]}"'


@get("/schema", **hidden("The page of the API"))
async def documentation_page() -> Response[str]:
    """The page that shows the contract and tries it out."""
    return Response(PAGE, media_type=HTML, headers={"Content-Security-Policy": PAGE_POLICY})


@get(["/docs", "/"], **{**hidden("To the page of the API"), "status_code": 307})
async def to_documentation() -> Redirect:
    """Where people look first."""
    return Redirect("/schema", status_code=307)


@get("/favicon.ico", **hidden("The icon, where browsers look for it"))
async def favicon(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The icon of the page."""
    return _file(request, "favicon.png")


@get("/schema/openapi.json", **documented("This contract", tag="operation", answer=None, public=True))
async def read_contract(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document."""
    state = request.app.state
    if "contract" not in state:
        state.contract = json.dumps(openapi.document(request.app.routes), ensure_ascii=False).encode()
    return Response(state.contract, media_type="application/json")


@get("/schema/{name:str}", **hidden("A file of the page"))
async def documentation_file(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    """A script, a style sheet, an icon, a licence."""
    if name not in MEDIA_TYPES:
        raise NotFoundException()
    return _file(request, name)


def _file(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    content, compressed, tag = _asset(name)
    headers = {"ETag": tag, "Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}
    if is_unchanged(request.headers.get("If-None-Match"), tag):
        return Response(b"", status_code=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", "") and name != "favicon.png":
        return Response(
            compressed, media_type=MEDIA_TYPES[name], headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(content, media_type=MEDIA_TYPES[name], headers=headers)


@get("/problems", **hidden("All kinds of problems"))
async def problem_index() -> Response[str]:
    """All kinds of problems, for people."""
    return Response(problem_pages.index_page(), media_type=HTML)


@get("/problems/{slug:str}", **hidden("One kind of problem"))
async def problem_page(slug: str) -> Response[str]:
    """What the type of a problem leads to."""
    for kind in problems.all_kinds():
        if kind.slug == slug:
            return Response(problem_pages.page(kind), media_type=HTML)
    raise NotFoundException()
