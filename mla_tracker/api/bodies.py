"""Reading bodies and query parameters: strictly, wholly, and with every mistake named at once."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mla_tracker.api.fields import PATTERN_HELP
from mla_tracker.api.problems import INVALID_ENTRY, INVALID_QUERY, UNSUPPORTED_MEDIA_TYPE, Kind, Problem

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**63 - 1
MAX_EXACT: Final = 2**53
MAX_ERRORS: Final = 100
MAX_QUERY_PARAMETERS: Final = 100

Model = TypeVar("Model", bound=BaseModel)
Fault = tuple[str, str]

_JSON_TYPE: Final = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*', re.IGNORECASE)
_WHOLE_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")


def require_json(content_type: str | None, content_encoding: str | None = None) -> None:
    """Raises the 415 problem unless the body is declared as plain JSON in UTF-8."""
    if content_encoding and content_encoding.strip().lower() != "identity":
        raise Problem(
            UNSUPPORTED_MEDIA_TYPE, "The body is compressed. Send it as it is, without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )  # fmt: skip
    if content_type is None or not _JSON_TYPE.fullmatch(content_type.strip()):
        sent = f"as {content_type[:100]!r}" if content_type else "without a Content-Type"
        raise Problem(
            UNSUPPORTED_MEDIA_TYPE, f"The body came {sent}. Send JSON with Content-Type: application/json.",
            headers={"Accept": "application/json"},
        )  # fmt: skip


def parse(
    model: type[Model], raw: bytes, content_type: str | None, content_encoding: str | None = None
) -> Model:
    """The body as its model. Raises the 415 problem, or the 400 problem that names every field at fault."""
    require_json(content_type, content_encoding)
    value, faults, plain = _read_json(raw)
    try:
        entry = model.model_validate_json(plain, strict=True)
    except ValidationError as error:
        faults += _faults(error, value, model, known=faults)
    else:
        if not faults:
            return entry
    raise _problem(INVALID_ENTRY, faults, "the body")


def parse_query(model: type[Model], query_string: bytes) -> Model:
    """The query parameters as their model. Raises the 400 problem that names every parameter at fault."""
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    kinds = _parameter_kinds(model)
    for name, text in _pairs(query_string):
        if name not in kinds:
            faults.append((_pointer([name]), _unknown("parameter", name, kinds)))
        elif kinds[name].many:
            items = [_plain_value(item, kinds[name].of) for item in text.split(",")] if text else []
            values.setdefault(name, []).extend(items)
        elif name in values:
            faults.append((_pointer([name]), "Given more than once. Give it once."))
        else:
            values[name] = _plain_value(text, kinds[name].of)
    faults += hidden_faults(values)
    try:
        query = model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        faults += _faults(error, values, model, known=faults)
    else:
        if not faults:
            return query
    raise _problem(INVALID_QUERY, faults, "the query")


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_QUERY_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise Problem(INVALID_QUERY, "The query is not UTF-8 in percent-encoding. Encode it so.") from None
    except ValueError:
        raise Problem(
            INVALID_QUERY, f"The query has more than {MAX_QUERY_PARAMETERS} parameters. Give fewer."
        ) from None


@cache
def _parameter_kinds(model: type[BaseModel]) -> Mapping[str, "_Parameter"]:
    """How to read each parameter, by its outer name."""
    return {field.alias or name: _kind(field.annotation) for name, field in model.model_fields.items()}


@dataclass(frozen=True, slots=True)
class _Parameter:
    """Numbers, truth values or text (`of`), and whether many of them, parted by commas."""

    of: type
    many: bool = False


def _kind(annotation: Any) -> _Parameter:
    if annotation in (int, bool):
        return _Parameter(annotation)
    parts = [
        _kind(part) for part in get_args(annotation) if part is not type(None) and not isinstance(part, str)
    ]
    many = get_origin(annotation) in (list, tuple, set, frozenset) or any(part.many for part in parts)
    return _Parameter(next((part.of for part in parts if part.of is not str), str), many)


def _plain_value(text: str, kind: type) -> Any:
    if kind is int and _WHOLE_NUMBER.match(text):
        return int(text)
    if kind is bool and text in {"true", "false"}:
        return text == "true"
    return text


def _problem(kind: Kind, faults: Sequence[Fault], where: str) -> Problem:
    unique = list(dict.fromkeys(faults))
    named = ", ".join(dict.fromkeys(pointer or "the whole" for pointer, _ in unique[:5]))
    more = f" and {len(unique) - 5} more" if len(unique) > 5 else ""
    if len(unique) == 1 and not unique[0][0]:
        detail = unique[0][1]
    else:
        detail = f"Not valid in {where}: {named}{more}. `errors` says what to do with each."
    return Problem(kind, detail, errors=unique[:MAX_ERRORS])


def _read_json(raw: bytes) -> tuple[Any, list[Fault], bytes | str]:
    """The body as plain values, the faults in it that a model would not see, and the body for the model.

    That is the body itself, but with whole numbers without their decimals: 2.0 is an integer in JSON Schema.
    Raises the 400 problem if it is no JSON.
    """
    if not raw.strip():
        raise _no_json("The body is empty. Send a JSON object.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_json(f"The body is not UTF-8 (byte {error.start}). Encode it as UTF-8.") from None
    doubled: list[str] = []
    written_out = False

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return found

    def as_number(digits: str) -> float:
        nonlocal written_out
        number = float(digits)
        if abs(number) <= MAX_EXACT and number.is_integer():
            written_out = True
            return int(number)
        return number

    try:
        value = json.loads(
            text,
            object_pairs_hook=as_object,
            parse_constant=_refuse_constant,
            parse_int=_whole_number,
            parse_float=as_number,
        )
    except RecursionError:
        raise _no_json(f"The body is nested deeper than {MAX_DEPTH} levels. Flatten it.") from None
    except json.JSONDecodeError as error:
        raise _no_json(
            f"The body is not JSON: line {error.lineno}, column {error.colno}. Correct it there."
        ) from None
    at_top = value if isinstance(value, dict) else {}
    faults = [
        (_pointer([name] if name in at_top else []), f"{name!r} is given twice in one object. Give it once.")
        for name in doubled
    ]
    return value, faults + list(hidden_faults(value)), json.dumps(value) if written_out else raw


def _no_json(sentence: str) -> Problem:
    return Problem(INVALID_ENTRY, sentence, errors=[("", sentence)])


def _refuse_constant(name: str) -> Any:
    raise _no_json(f"{name} is not a number of JSON. Leave the field out or give a number.")


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= 20 else float("inf")


def hidden_faults(value: Any) -> Iterator[Fault]:
    """Faults inside values whatever their field: NUL, lone surrogates, vast numbers, too deep a nesting."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, here = waiting.pop()
        if len(path) > MAX_DEPTH:
            yield _pointer(path[:1]), f"Nested deeper than {MAX_DEPTH} levels. Flatten it."
            return
        if isinstance(here, str):
            if fault := _bad_text(here):
                yield _pointer(path), fault
        elif isinstance(here, dict):
            for name, inner in here.items():
                if fault := _bad_text(name):
                    yield _pointer(path), f"In a field name: {fault}"
                waiting.append(((*path, name), inner))
        elif isinstance(here, list):
            waiting.extend(((*path, index), inner) for index, inner in enumerate(here))
        elif isinstance(here, (int, float)) and not -MAX_INTEGER <= here <= MAX_INTEGER:
            yield _pointer(path), "The number is too large. Give a smaller one."


def faults_in(error: ValidationError, value: Any, model: type[BaseModel]) -> list[Fault]:
    """What a model finds wrong in a value, one sentence per field."""
    return _faults(error, value, model, known=())


def _bad_text(text: str) -> str | None:
    if "\x00" in text:
        return "Holds a NUL character. Remove it."
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        return "Holds half of a surrogate pair, which is no character. Remove it."
    return None


def _pointer(path: Sequence[str | int]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    pointer = "".join(f"/{part}" for part in parts)
    return pointer.encode("utf-8", errors="replace").decode() if not pointer.isascii() else pointer


def _faults(
    error: ValidationError, value: Any, model: type[BaseModel], *, known: Sequence[Fault]
) -> list[Fault]:
    """What a model finds wrong, one sentence per field. Fields with a `known` fault are left out."""
    said = {pointer for pointer, _ in known}
    sentences: dict[str, list[str]] = {}
    of_union: set[str] = set()
    for found in error.errors(include_url=False, include_input=False):
        if found["type"] == "json_invalid":
            found["loc"] = ()
            sentence = "The body is not JSON as RFC 8259 has it. Correct it."
        else:
            sentence = _sentence(found, model)
        path = _path(found, value)
        pointer = _pointer(path)
        if found["loc"] and found["loc"][-1] not in (*path[-1:], "[key]"):
            of_union.add(pointer)
        if not (pointer in said or (found["type"] == "json_invalid" and said)):
            told = sentences.setdefault(pointer, [])
            told += [sentence] if sentence not in told else []
    # A member of a union that the value was not meant to be complains at its top, the one that was meant below it.
    return [
        (pointer, " Or: ".join(told))
        for pointer, told in sentences.items()
        if pointer not in of_union or not any(other.startswith(f"{pointer}/") for other in sentences)
    ]


def _path(found: ErrorDetails, value: Any) -> list[str | int]:
    """Where in the body an error lies: pydantic's location without the names of union members."""
    path: list[str | int] = []
    here = value
    location = found["loc"]
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(here, dict) and part in here:
            here = here[str(part)]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (last and found["type"] == "missing"):
            continue
        path.append(part)
    return path


_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "Required. Add this field.",
    "string_type": "Give a text in quotes.",
    "int_type": "Give a whole number, without quotes or decimals.",
    "int_parsing": "Give a whole number.",
    "int_parsing_size": "The number is too large. Give a smaller one.",
    "int_from_float": "Give a whole number, without decimals.",
    "float_type": "Give a number, without quotes.",
    "finite_number": "The number is too large. Give a smaller one.",
    "bool_type": "Give true or false, without quotes.",
    "list_type": "Give a list in square brackets.",
    "tuple_type": "Give a list in square brackets.",
    "set_type": "Give a list in square brackets.",
    "frozen_set_type": "Give a list in square brackets.",
    "dict_type": "Give an object in curly brackets.",
    "model_type": "Give an object in curly brackets.",
    "model_attributes_type": "Give an object in curly brackets.",
    "none_required": "Leave this out or give null.",
    "string_too_short": "Too short. Give {min_length} or more characters.",
    "string_too_long": "Too long. Give at most {max_length} characters.",
    "too_short": "Too few. Give at least {min_length}.",
    "too_long": "Too many. Give at most {max_length}.",
    "greater_than": "Too small. Give more than {gt}.",
    "greater_than_equal": "Too small. Give at least {ge}.",
    "less_than": "Too large. Give less than {lt}.",
    "less_than_equal": "Too large. Give at most {le}.",
    "enum": "Not one of the values known here. Give one of {expected}.",
    "literal_error": "Not one of the values known here. Give one of {expected}.",
    "union_tag_invalid": "Not one of the values known for {discriminator}. Give one of {expected_tags}.",
    "union_tag_not_found": "Required. Add {discriminator}.",
    "string_unicode": "Holds half of a surrogate pair, which is no character. Remove it.",
}


def _sentence(found: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong and what to do, in a sentence for a person."""
    kind, context = found["type"], found.get("ctx", {})
    if kind == "said":
        return str(context["sentence"])
    if kind in {"value_error", "assertion_error"}:
        return found["msg"].split(", ", 1)[-1]
    if kind == "extra_forbidden":
        known = _parameter_kinds(model) if len(found["loc"]) == 1 else {}
        return _unknown("field", str(found["loc"][-1]), known)
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return PATTERN_HELP.get(pattern, f"Does not have the form that is asked for, {pattern}.")
    if template := _SENTENCES.get(kind):
        return template.format(**context)
    return f"{found['msg']}."


def _unknown(what: str, name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.7)
    hint = f" Did you mean {near[0]}?" if near else " Remove it."
    return f"There is no {what} of this name.{hint}"
