"""The schemas of the published contract: those of the models, the long lists among them named once."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import NoneType
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from mla_tracker.api import problems
from mla_tracker.api.fields import Country, ZoneName
from mla_tracker.api.routes import Route

REFERENCE: Final = "#/components/schemas/{model}"
Names = Mapping[tuple[type[BaseModel], str], str]
_SIGNS: Final[Mapping[str, str]] = {"+": "_PLUS_", "-": "_", "/": "_"}


def schemas_of(routes: Iterable[Route]) -> tuple[Names, dict[str, Any]]:
    """Every model's name in the document by its use (`body`, `query`, `answer`), and the schemas by name."""
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


def without_defaults(schema: dict[str, Any]) -> None:
    """Of a change: what it leaves out stays as it is and becomes no default."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


def reference(name: str) -> dict[str, str]:
    """The schema that says no more than: that one."""
    return {"$ref": REFERENCE.format(model=name)}


@cache
def long_lists() -> Mapping[str, Mapping[str, Any]]:
    """The lists that are too long to be repeated wherever one of their values may stand, by name."""
    zones = TypeAdapter(ZoneName).json_schema()
    return {
        "Country": {
            **TypeAdapter(Country).json_schema(),
            "description": "A country by its ISO 3166-1 alpha-2 code.",
        },
        "ZoneName": {
            **zones,
            "description": "A time zone by its name in the tz database.",
            # GMT+0, GMT-0 and GMT0 are three, which generators of clients would give one name.
            "x-enum-varnames": [_as_variable(zone) for zone in zones["enum"]],
        },
    }


def _as_variable(zone: str) -> str:
    signed = re.sub(r"-(?=\d)", "_MINUS_", zone)
    return "".join(_SIGNS.get(sign, sign) for sign in signed).upper()


@cache
def _names_by_values() -> Mapping[str, str]:
    return {json.dumps(schema["enum"]): name for name, schema in long_lists().items()}


def _tidy(schema: Any) -> Any:
    """A schema without what pydantic derives from names, with no names beside a pattern, and long lists by reference.

    A tuple says of its items what it says of each place, for those who generate clients; so is no default an object,
    nor null, which is what a field left out means anyway.
    """
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(values := schema.get("enum"), list) and (
        name := _names_by_values().get(json.dumps(values))
    ):
        rest = {key: value for key, value in schema.items() if key not in {"enum", "type", "title"}}
        return {**reference(name), **rest}
    kept = {
        name: _tidy(value) for name, value in schema.items() if name != "title" or not isinstance(value, str)
    }
    if ("anyOf" in kept or "$ref" in kept) and isinstance(kept.get("default", ""), dict | NoneType):
        del kept["default"]
    if "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    if "prefixItems" in kept and "items" not in kept:
        places = list({json.dumps(place): place for place in kept["prefixItems"]}.values())
        kept["items"] = places[0] if len(places) == 1 else {"anyOf": places}
    return kept


def problem_schema() -> dict[str, Any]:
    """Problem details, and which types of them there are."""
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
                "x-enum-varnames": [kind.slug.replace("-", "_").upper() for kind in problems.all_kinds()],
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
