"""The published contract, OpenAPI 3.1, built from the routes and their models, hence exactly as strict.

To add a route:

1. Models: bodies subclass `fields.Entry`, query parameters `fields.Query` (lists: `paging.PageQuery`),
   answers `fields.Answer` (lists: `paging.Page[Item]`), with the types of `api/fields.py` (Day, Country).
2. Handler: a Litestar decorator with `**documented(...)`, whose path is relative to /api/v1:

       @post("/requests", **documented("Log a request", tag="requests", may=Deed.RECORD_REQUESTS, body=NewRequest,
             answer=RequestView, status=201, idempotent=True, etag=True, location=True, problems=[AlreadyRecorded]))
       async def log_request(entry: NewRequest, actor: Actor, database: Database, now: datetime,
                             idempotency: IdempotencyKey | None) -> Response[bytes]:
           done = await requests.log_request(database, entry, actor=actor, now=now, idempotency=idempotency)
           view = await ...  # the query, under today's rights
           return answer(view, status=201, version=view.version, location=f"{PREFIX}/requests/{done.id}",
                         replayed=done.replayed)

   It asks by name for what it needs: `entry` (body), `filters` (query), `actor`, `database`, `now`,
   `settings`, `credential`, `idempotency`, `if_match` (versions, None for `*`), path parameters
   (`{request_id:uuid}`). Its function's name is the operationId. `problems=` names the domain errors
   that it may raise, `may=` the deed of domain/permissions.py, for which the guard asks before anything else is read.
3. Put the handler into ROUTES of `api/app.py`. Unknown query parameters and routes that are not `documented`
   are refused without further ado.
"""

import json
import re
from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from mla_tracker import __version__
from mla_tracker.api import bodies, edge, openapi_answers
from mla_tracker.api.conditional import IDEMPOTENCY_KEY_PATTERN, IF_MATCH_PATTERN
from mla_tracker.api.fields import ID_PATTERN
from mla_tracker.api.openapi_schemas import (
    Names,
    long_lists,
    problem_schema,
    reference,
    schemas_of,
    without_defaults,
)
from mla_tracker.api.routes import BODY_SECONDS, Route
from mla_tracker.commands.tokens import TOKEN_PATTERN
from mla_tracker.domain.permissions import PERMISSIONS, Deed, roles_of

_PATH_PARAMETER: Final = re.compile(r"\{(\w+):(\w+)\}")
_REFERENCE: Final = re.compile(r'"#/components/(\w+)/([^"]+)"')
_DESCRIPTION: Final = (
    "Requests between countries for evidence and for people, with legal clocks that explain themselves.\n\n"
    "Instants are RFC 3339 with offset, dates YYYY-MM-DD, countries ISO 3166-1 alpha-2, ids UUIDv7. "
    "Errors are RFC 9457 problem details; `x-problems` of an answer lists their types. A client takes it that answers "
    "may have new fields, and closed lists in them new values, and passes over what it does not know.\n\n"
    f"Read are addresses of {edge.MOST_URL_BYTES} bytes, {edge.MOST_HEADERS} headers of {edge.MOST_HEADER_BYTES} bytes "
    f"in all, {bodies.MAX_QUERY_PARAMETERS} query parameters, bodies of as many bytes as `x-max-bytes` of the "
    f"operation says, {bodies.MAX_DEPTH} levels deep, within {BODY_SECONDS} seconds. One answer "
    f"names {bodies.MAX_ERRORS} faults at most. Calls are limited by account and by address (429 with `Retry-After`); "
    "how many a minute the operator says. HEAD is answered wherever GET is. `x-headers-of-every-answer` stand "
    "on all answers."
)
_TAGS: Final[Mapping[str, str]] = {
    "requests": "Cases: what one country asks of another, with their history and clocks.",
    "agreements": "The register of agreements and their life.",
    "clocks": "The worklist across cases.",
    "flags": "What the sweep raised.",
    "changes": "What changed, for systems that follow along.",
    "webhooks": "Calls to your own systems when something changes.",
    "audit": "What was done, by whom and when, for auditors; and the seals over it.",
    "limits": "Limits and conventions as data, with their sources.",
    "calendars": "Working days, holidays and recess as data.",
    "deadlines": "The engine by itself: a period, a rule, a calendar; a date and the reasons for it.",
    "reports": "Figures for ministries.",
    "account": "Who is calling.",
    "accounts": "Accounts and tokens, for administrators.",
    "notifications": "Being told in time: mail, and a calendar of what is due.",
    "operation": "For those who run it.",
    "persons": "Who a request is about, for those who work on it.",
    "notes": "What a side notes on a request for itself.",
    "imports": "Files of records, in and out: CSV and NDJSON.",
    "directory": "Central authorities and contact points of all countries.",
    "retention": "How long persons and texts of closed requests are kept.",
}


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document of all routes that say `documented`."""
    operations = [
        (_PATH_PARAMETER.sub(r"{\1}", route.path), handler)
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "route" in handler.opt and not handler.opt["route"].hidden
    ]
    names, schemas = schemas_of(handler.opt["route"] for _, handler in operations)
    for _, handler in operations:
        if "PATCH" in handler.http_methods and (body := handler.opt["route"].body) is not None:
            without_defaults(schemas[names[body, "body"]])
    paths: dict[str, dict[str, Any]] = {}
    for path, handler in sorted(operations, key=lambda found: (found[0], sorted(found[1].http_methods))):
        for method in sorted(handler.http_methods):
            paths.setdefault(path, {})[method.lower()] = _operation(path, handler, names, schemas)
    _link(paths)
    for model, name in names.items():
        if model[1] == "query":
            schemas.pop(name, None)
    used_tags = {operation["tags"][0] for methods in paths.values() for operation in methods.values()}
    components = {
        "schemas": {**schemas, **long_lists(), "Problem": problem_schema()},
        **openapi_answers.components(),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mla-tracker",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, "description": text} for tag, text in _TAGS.items() if tag in used_tags],
        "paths": paths,
        "components": {
            **_used(components, paths),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token made here (`{TOKEN_PATTERN}`), or a JWT of the identity provider of this "
                    "installation. `x-roles` of an operation are the roles that may call it, `x-scope` is the scope "
                    "that the token needs, or both of them.",
                }
            },
        },
        "x-headers-of-every-answer": openapi_answers.headers_of_every_answer(),
    }


def _used(components: Mapping[str, Mapping[str, Any]], paths: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The components that the paths refer to, themselves or by way of others."""
    waiting: list[Any] = [paths]
    used = set[tuple[str, str]]()
    while waiting:
        for kind, name in _REFERENCE.findall(json.dumps(waiting.pop())):
            if (kind, name) not in used and name in components.get(kind, ()):
                used.add((kind, name))
                waiting.append(components[kind][name])
    return {
        kind: {name: one for name, one in named.items() if (kind, name) in used}
        for kind, named in components.items()
    }


def _link(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Say of what a POST makes, and of the first record of a list, which operations take its id.

    A change takes the ETag of the answer along, where it is the record's own.
    """
    for path, methods in paths.items():
        answers = methods.get("post", {}).get("responses", {})
        made = answers.get("201", answers.get("202"))
        listed = methods.get("get", {}).get("responses", {}).get("200")
        above = paths.get(path.rpartition("/")[0], {}).get("get", {}).get("responses", {}).get("200")
        changed = above is not None and made is not None and _answer_of(above) == _answer_of(made)
        for answer, its_id, taken in (
            (None if changed else made, "$response.body#/id", True),
            (listed, "$response.body#/items/0/id", False),
        ):
            if answer is not None and (links := _links_below(path, paths, answer, its_id, whole=taken)):
                answer["links"] = links


def _answer_of(response: Mapping[str, Any]) -> Any:
    return {media: content["schema"] for media, content in response["content"].items()}


def _links_below(
    path: str, paths: Mapping[str, Mapping[str, Any]], answer: Mapping[str, Any], its_id: str, *, whole: bool
) -> dict[str, Any]:
    below = re.compile(rf"{re.escape(path)}/\{{(\w+)\}}(/[^{{]*)?")
    links = {}
    for other, operations in paths.items():
        match = below.fullmatch(other)
        if match is None:
            continue
        for operation in operations.values():
            parameters = {match[1]: its_id} | {
                name: f"$request.path.{name}" for name in re.findall(r"\{(\w+)\}", path)
            }
            if whole and match[2] is None and "ETag" in answer["headers"] and _takes_version(operation):
                parameters["If-Match"] = "$response.header.ETag"
            links[operation["operationId"]] = {
                "operationId": operation["operationId"],
                "parameters": parameters,
            }
    return links


def _takes_version(operation: Mapping[str, Any]) -> bool:
    return any(parameter["name"] == "If-Match" for parameter in operation["parameters"])


def _operation(
    path: str,
    handler: HTTPRouteHandler,
    names: Names,
    schemas: Mapping[str, Any],
) -> dict[str, Any]:
    route: Route = handler.opt["route"]
    operation_id = handler.handler_name.rsplit(".", 1)[-1]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(kind)}
        for name, kind in _path_parameters(handler)
    ]
    if route.query is not None:
        parameters += _query_parameters(schemas[names[route.query, "query"]])
    if route.idempotent:
        parameters.append(
            _header(
                "Idempotency-Key",
                IDEMPOTENCY_KEY_PATTERN,
                "A key of your choice: a repeated call with it within 24 hours does nothing and answers as "
                "the first did.",
            )
        )
    if route.if_match:
        parameters.append(
            {
                **_header(
                    "If-Match", IF_MATCH_PATTERN, "The ETag of the version that the change is based on."
                ),
                "required": True,
            }
        )
    operation: dict[str, Any] = {
        "operationId": operation_id,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters,
        "responses": openapi_answers.responses_of(operation_id, path, route, names),
        "security": [] if route.public else [{"bearer": []}],
    }
    if description := route.description or cleandoc(handler.fn.__doc__ or ""):
        operation["description"] = description
    if route.may is not None:
        operation |= _who_may(route.may)
    if route.body is not None:
        content: dict[str, Any] = {"schema": reference(names[route.body, "body"])}
        if route.examples:
            content["examples"] = {name: {"value": value} for name, value in route.examples.items()}
        operation["requestBody"] = {
            "required": True,
            "description": f"At most {route.max_body} bytes.",
            "content": {"application/json": content},
        }
        operation["x-max-bytes"] = route.max_body
    if route.takes:
        operation["requestBody"] = {
            "required": True,
            "description": "A file, as large as the settings of the installation allow.",
            "content": {media: _file_content(route.examples.get(media)) for media in route.takes},
        }
    return operation


def _file_content(example: str | None) -> dict[str, Any]:
    shown = {} if example is None else {"examples": {"a short one": {"value": example}}}
    return {"schema": {"type": "string", "format": "binary", "minLength": 1}, **shown}


def _who_may(deed: Deed) -> dict[str, Any]:
    """For machines that check who may call what: the row of docs/permissions.md that the operation is of."""
    scopes = PERMISSIONS[deed].scopes
    return {
        "x-deed": deed.value,
        "x-roles": [role.value for role in roles_of(deed)],
        "x-scope": " ".join(scopes) or None,
    }


def _path_parameters(handler: HTTPRouteHandler) -> list[tuple[str, str]]:
    return [match for path in sorted(handler.paths) for match in _PATH_PARAMETER.findall(path)]


def _path_schema(kind: str) -> dict[str, Any]:
    if kind == "uuid":
        return {"type": "string", "format": "uuid", "pattern": ID_PATTERN}
    return (
        {"type": "integer"}
        if kind == "int"
        else {"type": "string", "minLength": 1, "pattern": r"^[^/\x00]+$"}
    )


def _header(name: str, pattern: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _query_parameters(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for name, field in schema.get("properties", {}).items():
        field = _without_null(field)
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if description := field.pop("description", None):
            parameter["description"] = description
        if field.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        parameters.append({**parameter, "schema": field})
    return parameters


def _without_null(field: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter is there or it is not: null is no value of it."""
    field = dict(field)
    if field.get("default", ...) is None:
        del field["default"]
    branches = [branch for branch in field.pop("anyOf", ()) if branch != {"type": "null"}]
    return (
        {**field, **branches[0]}
        if len(branches) == 1
        else {**field, **({"anyOf": branches} if branches else {})}
    )
