"""The contract as one line per fact, what changed in it, and whether a change breaks clients.

`make contract` writes tests/api/contract.json once CHANGELOG.md names each change; see docs/decisions/0022-contract.md.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from mla_tracker.api import openapi
from mla_tracker.api.app import PREFIX, create_app
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database

ROOT: Final = Path(__file__).resolve().parent.parent
SNAPSHOT: Final = ROOT / "tests" / "api" / "contract.json"
CHANGELOG: Final = ROOT / "CHANGELOG.md"

Facts = Mapping[str, Any]
_WORDS: Final = frozenset(
    {"description", "summary", "examples", "example", "title", "x-enum-varnames", "links"}
)
_SCHEMA: Final = re.compile(r'"#/components/schemas/([^"]+)"')
_ANSWERED: Final = re.compile(r" \d{3} as ")
_LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_WITHIN: Final = frozenset({"items", "additionalProperties", "propertyNames"})
_UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


@dataclass(frozen=True)
class Change:
    """One difference: the operation or schema that it is of, the sentence about it, and whether clients break by it."""

    subject: str
    sentence: str
    breaks: bool

    def __str__(self) -> str:
        return f"{'BREAKS' if self.breaks else 'adds  '} {self.subject}: {self.sentence}"


def facts_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a client can rely on, by a key that says where it stands; words and examples left out."""
    facts: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            facts |= _facts_of_operation(f"{method.upper()} {path}", operation, document)
    for name, schema in document["components"]["schemas"].items():
        facts |= _facts_of_schema(name, _plain(schema))
    return dict(sorted(facts.items()))


def _facts_of_operation(
    name: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: {
            "id": operation["operationId"],
            "public": operation["security"] == [],
            "scope": operation.get("x-scope"),
        }
    }
    facts[f"{name} roles"] = operation.get("x-roles", [])
    for parameter in operation["parameters"]:
        facts[f"{name} {parameter['in']} {parameter['name']}"] = {
            "required": parameter["required"],
            **_plain(parameter["schema"]),
        }
    if (body := operation.get("requestBody")) is not None:
        for media, content in body["content"].items():
            where = f"{name} body" if media == "application/json" else f"{name} body as {media}"
            facts[where] = {"max_bytes": operation.get("x-max-bytes"), **_plain(content["schema"])}
    headers: dict[str, str] = {}
    kinds: list[str] = []
    for status, response in operation["responses"].items():
        kinds += [f"{status} {kind}" for kind in response.get("x-problems", ())]
        for media, content in response["content"].items():
            schema = _plain(content.get("schema", {}))
            if not kinds or schema != {"$ref": "#/components/schemas/Problem"}:
                facts[f"{name} {status} as {media}"] = schema
        for header, said in response["headers"].items():
            if "$ref" in said:
                said = document["components"]["headers"][said["$ref"].rsplit("/", 1)[-1]]
            headers[f"{status} {header}"] = "always" if said["required"] else "sometimes"
    shared = {f"{status} X-Request-ID" for status in operation["responses"]}
    if all(headers.get(header) == "always" for header in shared):
        headers = {header: said for header, said in headers.items() if header not in shared}
    facts[f"{name} headers"] = headers
    facts[f"{name} problems"] = sorted(kinds)
    return facts


def _facts_of_schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in schema.items() if key not in {"properties", "required"}}
    facts: dict[str, Any] = {f"schema {name}": rest}
    for field, said in schema.get("properties", {}).items():
        facts[f"schema {name}.{field}"] = {"required": field in schema.get("required", ()), **said}
    return facts


def _plain(schema: Any, *, names: bool = False) -> Any:
    """A schema without words; `names` where its keys are names of fields and none is one."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _plain(value, names=key in {"properties", "patternProperties"} and not names)
        for key, value in schema.items()
        if names or key not in _WORDS
    }


def changes(before: Facts, after: Facts) -> list[Change]:
    """Every difference between two contracts, with what it does to the clients of the first."""
    sent, answered = _uses(before, after)
    found: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            found += _changes_at(key, before, after, sent=sent, answered=answered)
    return found


def _uses(*contracts: Facts) -> tuple[set[str], set[str]]:
    """The schemas that are sent, and those that are answered."""
    sent, answered = set[str](), set[str]()
    for facts in contracts:
        for key, names in references(facts).items():
            (answered if _ANSWERED.search(key) else sent).update(names)
    return sent, answered


def references(facts: Facts) -> dict[str, set[str]]:
    """What each fact of an operation refers to: schemas by name, itself or by way of others."""
    direct: dict[str, set[str]] = {}
    starting: dict[str, set[str]] = {}
    for key, fact in facts.items():
        names = set(_SCHEMA.findall(json.dumps(fact)))
        if key.startswith("schema "):
            direct.setdefault(key.split(" ", 1)[1].split(".")[0], set()).update(names)
        elif names:
            starting[key] = names
    for found in starting.values():
        waiting = list(found)
        while waiting:
            further = direct.get(waiting.pop(), set()) - found
            found |= further
            waiting += further
    return starting


def _changes_at(
    key: str, before: Facts, after: Facts, *, sent: set[str], answered: set[str]
) -> Iterator[Change]:
    old, new = before.get(key), after.get(key)
    if key.startswith("schema "):
        name, _, field = key.removeprefix("schema ").partition(".")
        where = f"field {field} " if field else ""
        if f"schema {name}" not in before:
            if not field:
                yield Change(name, "new schema", False)
            return
        if f"schema {name}" not in after:
            if not field:
                yield Change(name, "schema gone", True)
            return
        for sentence, breaks in _of_value(old, new, sent=name in sent, answered=name in answered):
            yield Change(name, where + sentence, breaks)
        return
    words = key.split(" ")
    operation, rest = " ".join(words[:2]), " ".join(words[2:])
    if operation not in before or operation not in after:
        if not rest:
            gone = operation not in after
            yield Change(operation, "operation gone" if gone else "new operation", gone)
        return
    yield from (
        Change(operation, f"{rest} {sentence}".strip(), breaks)
        for sentence, breaks in _of_operation(rest, old, new)
    )


def _of_operation(rest: str, old: Any, new: Any) -> Iterator[tuple[str, bool]]:
    if not rest:
        yield f"said {_shown(old)}, says {_shown(new)}", True
    elif rest in {"roles", "problems"}:
        for one in sorted(set(old) - set(new)):
            yield f"{one} gone", rest == "roles"
        for one in sorted(set(new) - set(old)):
            yield f"{one} new", False
    elif rest == "headers":
        for header in sorted(old.keys() | new.keys()):
            if old.get(header) != new.get(header):
                said = f"{header}: said {old.get(header)}, says {new.get(header)}"
                yield said, old.get(header) == "always" or header not in new
    elif rest[0].isdigit():
        if old is None or new is None:
            yield ("new", False) if old is None else ("gone", True)
        else:
            yield from _of_value(old, new, sent=False, answered=True)
    else:
        yield from _of_value(old, new, sent=True, answered=False)


def _of_value(old: Any, new: Any, *, sent: bool, answered: bool) -> Iterator[tuple[str, bool]]:
    """What happened to a field, a parameter or a body, of what is sent, answered, or both."""
    if old is None:
        yield ("new and required", sent) if new.get("required") is True else ("new", False)
        return
    if new is None:
        yield "gone", True
        return
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield from _of_keyword(key, old.get(key), new.get(key), sent=sent, answered=answered)


def _of_keyword(key: str, old: Any, new: Any, *, sent: bool, answered: bool) -> Iterator[tuple[str, bool]]:
    said = f"{key}: said {_shown(old)}, says {_shown(new)}"
    if key == "required":
        yield ("required now", sent) if new else ("required no more", answered)
    elif key in {"enum", "anyOf", "oneOf", "type"} and old is not None and new is not None:
        before, after = _branches(old), _branches(new)
        if len(gone := before - after) == len(come := after - before) == 1 and key != "enum":
            one, other = json.loads(*gone), json.loads(*come)
            if isinstance(one, dict) and isinstance(other, dict) and one.get("type") == other.get("type"):
                yield from _of_value(one, other, sent=sent, answered=answered)
                return
        for value in sorted(before - after):
            yield f"{key}: {value} gone", sent
        for value in sorted(after - before):
            # A client passes over a value of a closed list new to it; over a new form it cannot.
            yield f"{key}: {value} new", answered and key != "enum"
    elif key in _LOWER | _UPPER | {"max_bytes"} and isinstance(old or new, (int, float)):
        lower = key in _LOWER
        narrower = old is None or (new is not None and (new > old) is lower)
        yield said, sent and narrower
    elif key in _WITHIN and isinstance(old, dict) and isinstance(new, dict):
        yield from _of_value(old, new, sent=sent, answered=answered)
    elif key == "default" or old is None:
        yield said, sent
    elif new is None:
        yield said, answered
    else:
        yield said, True


def _branches(value: Any) -> set[str]:
    return {json.dumps(one, sort_keys=True) for one in (value if isinstance(value, list) else [value])}


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."


def unreleased(changelog: str) -> tuple[str, str]:
    """What the changelog says of the coming release: all of it, and what stands under `### Breaking`."""
    section = re.search(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    whole = section[1] if section else ""
    breaking = re.search(r"^### Breaking\n(.*?)(?=^### |\Z)", whole, re.M | re.S)
    return whole, breaking[1] if breaking else ""


def unnamed(found: list[Change], before: Facts, after: Facts, changelog: str) -> list[Change]:
    """The changes that the changelog does not name: breaking ones under `### Breaking`, others anywhere in Unreleased.

    An operation is named by its path, with or without prefix; a schema by its name or by an operation that it is of.
    """
    whole, breaking = unreleased(changelog)
    users: dict[str, set[str]] = {}
    for facts in (before, after):
        for key, names in references(facts).items():
            for name in names:
                users.setdefault(name, set()).add(" ".join(key.split(" ")[:2]))
    return [
        change
        for change in found
        if not any(
            _names(breaking if change.breaks else whole, subject)
            for subject in {change.subject, *users.get(change.subject, ())}
        )
    ]


def _names(text: str, subject: str) -> bool:
    path = subject.partition(" ")[2]
    if not path:
        return re.search(rf"(?<!\w){re.escape(subject)}(?!\w)", text) is not None
    short = path.removeprefix(PREFIX)
    pattern = re.sub(r"\\\{\w+\\\}", r"\\{\\w+\\}", re.escape(short))
    return re.search(rf"(?<![\w}}/])(?:{re.escape(PREFIX)})?{pattern}(?![\w{{/-])", text) is not None


def written(facts: Facts) -> str:
    """The facts as JSON, one on a line, so that a change of one is a change of one line."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, sort_keys=True, ensure_ascii=False)}"
        for key, value in sorted(facts.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def present_facts() -> dict[str, Any]:
    """The facts of this program's contract, which need no database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    app: Any = create_app(Database.__new__(Database), Settings(), now=_never)
    return facts_of(openapi.document(app.app.routes))


def _never() -> Any:
    raise AssertionError("the contract depends on the time")


def accept() -> int:
    """Write the snapshot if the changelog names every change; else say which it does not name."""
    after = present_facts()
    before = json.loads(SNAPSHOT.read_text(encoding="utf-8")) if SNAPSHOT.exists() else None
    if before is not None:
        found = changes(before, after)
        for change in found:
            print(change)
        lacking = unnamed(found, before, after, CHANGELOG.read_text(encoding="utf-8"))
        if lacking:
            print(
                "\nNot written. CHANGELOG.md names under Unreleased each operation or schema that changes, and under"
            )
            print("its heading `### Breaking` each that breaks clients. It does not name:")
            print(
                "\n".join(
                    sorted({f"  {one.subject}{' (breaking)' if one.breaks else ''}" for one in lacking})
                )
            )
            return 1
    SNAPSHOT.write_text(written(after), encoding="utf-8")
    print(f"{SNAPSHOT.relative_to(ROOT)} written.")
    return 0


if __name__ == "__main__":
    sys.exit(accept())
