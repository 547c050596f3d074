"""Every reading that the contract allows: each GET, each of its filters, each page, each form of the answer.

To cover a new GET: give a path parameter that is new its values in `Places`, and a query parameter that is new its
values in SAMPLES, unless the contract lists them.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import httpx

from tests.builders.secrets import MARK

Places = Mapping[str, Sequence[str]]
"""The values that are tried for each parameter that names a record, whether in the path or in the query."""

_DAYS: Final = ("2026-01-06", "2027-01-01")
_COUNTRIES: Final = ("MA", "ES", "FR")
_WORDS: Final = (MARK, "seen", "note")

SAMPLES: Final[Places] = {
    **dict.fromkeys(("country", "counterpart", "obligor_country", "recorded_by"), _COUNTRIES),
    **dict.fromkeys(("requesting_country", "requested_country"), _COUNTRIES),
    **dict.fromkeys(("assigned_to", "external_reference", "reference", "q", "offence"), _WORDS),
    **dict.fromkeys(("due_from", "due_before", "stopped_from", "stopped_before", "in_force_on", "on"), _DAYS),
    "from": ("2026-01-01",),
    "to": ("2027-01-01",),
    "year": ("2026",),
    "version": ("1", "2"),
    "raised_after": ("2026-01-01T00:00:00Z",),
    "convention": ("un1988",),
    "convention_id": ("un1988",),
    "limit_id": ("us-nl-provisional-arrest",),
    "bands": ("30,90",),
    "limit": ("200",),
    "after": ("A" * 43,),
}


SHORT: Final = 20
"""Longer lists are law, the same for every account, and read in larger pages."""


@dataclass(frozen=True)
class Reading:
    """One GET: the operation, what is asked for, in which form."""

    operation: str
    path: str
    query: tuple[tuple[str, str], ...]
    accept: str

    def __str__(self) -> str:
        return f"{self.path}?{'&'.join(f'{name}={value}' for name, value in self.query)} ({self.accept})"


def readings(contract: Mapping[str, Any], places: Places, *, filters: bool = True) -> Iterator[Reading]:
    """Every GET with a token: alone, and (`filters`) with each of their values. Raises LookupError for what is new."""
    for path, methods in contract["paths"].items():
        operation = methods.get("get")
        if operation is None or not operation["security"]:
            continue
        named = f"GET {path}"
        parameters = operation["parameters"]
        of_path = [each["name"] for each in parameters if each["in"] == "path"]
        of_query = [each for each in parameters if each["in"] == "query" and each["name"] != "cursor"]
        tried = {each["name"]: _values(contract, places, named, each) for each in of_query}
        needed = [each["name"] for each in of_query if each["required"]]
        queries = [
            tuple({**{each: tried[each][0] for each in needed}, name: value}.items())
            for name, values in tried.items()
            for value in values
        ]
        bare = tuple((each, tried[each][0]) for each in needed)
        forms = list(operation["responses"]["200"]["content"])
        for values in product(*(_known(places, named, name) for name in of_path)):
            filled = path.format(**dict(zip(of_path, values, strict=True)))
            for query, accept in product(dict.fromkeys([bare, *queries] if filters else [bare]), forms):
                yield Reading(named, filled, query, accept)


def _values(
    contract: Mapping[str, Any], places: Places, named: str, parameter: Mapping[str, Any]
) -> Sequence[str]:
    name, schema = parameter["name"], parameter["schema"]
    if schema.get("format") == "date-time":
        return ("2026-01-01T00:00:00Z",)
    if name in places or name in SAMPLES:
        return _known(places, named, name)
    schema = schema.get("items", schema)
    if "$ref" in schema:
        schema = contract["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if "enum" in schema:
        return [str(value) for value in schema["enum"]]
    if schema.get("type") == "boolean":
        return ("true", "false")
    return _known(places, named, name)


def _known(places: Places, named: str, name: str) -> Sequence[str]:
    found = places.get(name) or SAMPLES.get(name)
    if not found:
        raise LookupError(
            f"{named}: no values for the parameter {name}. Give some in tests/builders/readings.py."
        )
    return found


async def answers(
    client: httpx.AsyncClient, reading: Reading, contract: Mapping[str, Any]
) -> AsyncIterator[httpx.Response]:
    """What a reading is told: its answer, and the pages of the list, one item at a time if it is no long one."""
    headers = {"Accept": reading.accept}
    whole = await client.get(reading.path, params=list(reading.query), headers=headers)
    yield whole
    parameters = contract["paths"][reading.operation.removeprefix("GET ")]["get"]["parameters"]
    filtered = any(
        name in ("status", "state", "what", "record_kind", "stage", "kind") for name, _ in reading.query
    )
    if whole.status_code != 200 or filtered or all(each["name"] != "cursor" for each in parameters):
        return
    size = "1" if len(whole.json()["items"]) <= SHORT else "200"
    cursor = None
    while True:
        asked = {**dict(reading.query), "limit": size, **({"cursor": cursor} if cursor else {})}
        page = await client.get(reading.path, params=asked, headers=headers)
        yield page
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return
