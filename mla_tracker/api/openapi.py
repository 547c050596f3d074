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

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mla_tracker import __version__
from mla_tracker.api import problems
from mla_tracker.api.conditional import IDEMPOTENCY_KEY_PATTERN, IF_MATCH_PATTERN
from mla_tracker.api.fields import ID_PATTERN
from mla_tracker.api.problems import Kind
from mla_tracker.api.routes import Route
from mla_tracker.commands.tokens import TOKEN_PATTERN
from mla_tracker.domain import errors
from mla_tracker.domain.permissions import PERMISSIONS, Deed, roles_of
from mla_tracker.domain.vocabulary import Role

REFERENCE: Final = "#/components/schemas/{model}"
_PATH_PARAMETER: Final = re.compile(r"\{(\w+):(\w+)\}")
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
    "operation": "For those who run it.",
    "persons": "Who a request is about, for those who work on it.",
    "notes": "What a side notes on a request for itself.",
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
    names, schemas = _schemas(handler.opt["route"] for _, handler in operations)
    paths: dict[str, dict[str, Any]] = {}
    for path, handler in sorted(operations, key=lambda found: (found[0], sorted(found[1].http_methods))):
        for method in sorted(handler.http_methods):
            paths.setdefault(path, {})[method.lower()] = _operation(path, handler, names, schemas)
    _link(paths)
    for model, name in names.items():
        if model[1] == "query":
            schemas.pop(name, None)
    used_tags = {operation["tags"][0] for methods in paths.values() for operation in methods.values()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mla-tracker",
            "version": __version__,
            "description": "Requests between countries for evidence and for people, with legal clocks that "
            "explain themselves. Instants are RFC 3339 with offset, dates YYYY-MM-DD, countries ISO 3166-1 "
            "alpha-2, ids UUIDv7. "
            "Errors are RFC 9457 problem details.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, "description": text} for tag, text in _TAGS.items() if tag in used_tags],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _problem_schema()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token made here (`{TOKEN_PATTERN}`), or a JWT of the identity provider of this "
                    "installation. `x-roles` of an operation are the roles that may call it, `x-scope` is the scope "
                    "that the token needs.",
                }
            },
        },
    }


def _link(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Say of what a POST makes which operations take its id."""
    for path, methods in paths.items():
        made = methods.get("post", {}).get("responses", {}).get("201")
        above = paths.get(path.rpartition("/")[0], {}).get("get", {}).get("responses", {}).get("200")
        if made is None or (above is not None and above["content"] == made["content"]):
            continue
        below = re.compile(rf"{re.escape(path)}/\{{(\w+)\}}(/[^{{]*)?")
        links = {
            operation["operationId"]: {
                "operationId": operation["operationId"],
                "parameters": {match[1]: "$response.body#/id"}
                | {name: f"$request.path.{name}" for name in re.findall(r"\{(\w+)\}", path)},
            }
            for other, operations in paths.items()
            if (match := below.fullmatch(other))
            for operation in operations.values()
        }
        if links:
            made["links"] = links


def _schemas(routes: Iterable[Route]) -> tuple[dict[tuple[type[BaseModel], str], str], dict[str, Any]]:
    """Every model's name in the document, and the schemas by name."""
    wanted: dict[tuple[type[BaseModel], str], None] = {}
    for route in routes:
        for model, use in ((route.body, "body"), (route.query, "query"), (route.answer, "answer")):
            if model is not None:
                wanted[model, use] = None
    modes: list[tuple[type[BaseModel], Any]] = [
        (model, "serialization" if use == "answer" else "validation") for model, use in wanted
    ]
    references, definitions = models_json_schema(modes, ref_template=REFERENCE)
    names = {
        (model, use): str(references[model, mode]["$ref"]).rsplit("/", 1)[-1]
        for (model, use), (_, mode) in zip(wanted, modes, strict=True)
    }
    return names, {name: _tidy(schema) for name, schema in definitions.get("$defs", {}).items()}


def _tidy(schema: Any) -> Any:
    """A schema without the titles that pydantic derives from field names, and with no names beside a pattern."""
    if isinstance(schema, dict):
        closed = {"additionalProperties": False} if "patternProperties" in schema else {}
        kept = {
            name: value for name, value in schema.items() if name != "title" or not isinstance(value, str)
        }
        return {**closed, **{name: _tidy(value) for name, value in kept.items()}}
    return [_tidy(item) for item in schema] if isinstance(schema, list) else schema


def _operation(
    path: str,
    handler: HTTPRouteHandler,
    names: Mapping[tuple[type[BaseModel], str], str],
    schemas: Mapping[str, Any],
) -> dict[str, Any]:
    route: Route = handler.opt["route"]
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
        "operationId": handler.handler_name.rsplit(".", 1)[-1],
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters,
        "responses": _responses(path, route, names),
        "security": [] if route.public else [{"bearer": []}],
    }
    if route.description:
        operation["description"] = route.description
    if route.may is not None:
        operation |= _who_may(route.may)
    if route.body is not None:
        content: dict[str, Any] = {"schema": _reference(names[route.body, "body"])}
        if route.examples:
            content["examples"] = {name: {"value": value} for name, value in route.examples.items()}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _who_may(deed: Deed) -> dict[str, Any]:
    """For machines that check who may call what: the row of docs/permissions.md that the operation is of."""
    scope = PERMISSIONS[deed].scope
    return {
        "x-deed": deed.value,
        "x-roles": [role.value for role in roles_of(deed)],
        "x-scope": None if scope is None else scope.value,
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=name)}


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


def _responses(path: str, route: Route, names: Mapping[tuple[type[BaseModel], str], str]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    headers = {"X-Request-ID": _response_header("The id of this request in our log.")}
    success = dict(headers)
    if route.etag:
        success["ETag"] = _response_header("The version of the record.")
    if route.location:
        success["Location"] = _response_header("Where the record is.")
    if route.idempotent:
        success["Idempotency-Replayed"] = _response_header(
            "`true` if an earlier call under the same key did the work.", required=False
        )
    schema = _reference(names[route.answer, "answer"]) if route.answer is not None else {"type": "object"}
    for status, text in {route.status: "As asked.", **route.also}.items():
        responses[str(status)] = {
            "description": text,
            "headers": success if status == route.status else headers,
            "content": {
                media: {"schema": schema if media == "application/json" else {}} for media in route.media
            },
        }
    by_status: dict[int, list[Kind]] = {}
    for kind in _kinds(path, route):
        by_status.setdefault(kind.status, []).append(kind)
    for status, kinds in sorted(by_status.items()):
        extra = {"WWW-Authenticate": _response_header("How to authenticate.")} if status == 401 else {}
        extra |= {"Retry-After": _response_header("Seconds to wait.")} if status in (429, 503) else {}
        if problems.INSUFFICIENT_SCOPE in kinds:
            lacks = "Which scope the token lacks, if that is why."
            extra |= {"WWW-Authenticate": _response_header(lacks, required=False)}
        content = {problems.MEDIA_TYPE: {"schema": _reference("Problem")}}
        if (earlier := responses.get(str(status))) is not None:
            content = {**earlier["content"], **content}
            extra = {name: {**header, "required": False} for name, header in extra.items()}
        responses[str(status)] = {
            "description": " ".join(dict.fromkeys(f"{kind.title} (`{kind.type}`)." for kind in kinds)),
            "headers": {**headers, **extra},
            "content": content,
        }
    return responses


def _response_header(description: str, *, required: bool = True) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": {"type": "string"}}


def _kinds(path: str, route: Route) -> Iterable[Kind]:
    """Every kind of problem that the route can answer with: its own, and what follows from what it takes."""
    yield from route.problems
    if not route.public:
        yield problems.UNAUTHENTICATED
    if route.may is not None:
        if len(PERMISSIONS[route.may].roles) < len(Role):
            yield problems.PROBLEMS[errors.NotAllowed]
        if PERMISSIONS[route.may].scope is not None:
            yield problems.INSUFFICIENT_SCOPE
    if route.body is not None:
        yield from (
            problems.INVALID_ENTRY,
            problems.TIMED_OUT,
            problems.TOO_LARGE,
            problems.UNSUPPORTED_MEDIA_TYPE,
        )
    yield problems.INVALID_QUERY
    if route.idempotent:
        yield from (problems.INVALID_HEADER, problems.PROBLEMS[errors.IdempotencyKeyReused])
    if route.if_match:
        yield from (
            problems.INVALID_HEADER,
            problems.PROBLEMS[errors.VersionStale],
            problems.PRECONDITION_REQUIRED,
        )
    if "{" in path:
        yield problems.NOT_FOUND
    yield from (problems.URL_TOO_LONG, problems.HEADERS_TOO_LARGE, problems.TOO_BUSY)
    if route.limited:
        yield from (problems.UNKNOWN_HOST, problems.TOO_MANY_CALLS)
    yield problems.INTERNAL_ERROR
    if not route.public:
        yield from (problems.UNAVAILABLE, problems.IDENTITY_UNAVAILABLE)


def _problem_schema() -> dict[str, Any]:
    fault = {
        "type": "object",
        "required": ["pointer", "message"],
        "additionalProperties": False,
        "properties": {
            "pointer": {
                "type": "string",
                "description": "JSON pointer into the body, or /name of a parameter or header.",
            },
            "message": {"type": "string", "description": "What is wrong and what to do."},
        },
    }
    return {
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "required": ["type", "title", "status", "detail", "errors"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "enum": [kind.type for kind in problems.all_kinds()],
            },
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": fault},
            "facts": {
                "type": "object",
                "description": "What the problem is about, for machines: acts, dates, versions; in `event_ids` the "
                "recorded acts concerned, while `errors` points at those of the body.",
            },
        },
        "additionalProperties": False,
    }
