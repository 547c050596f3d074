"""Bodies and query parameters: what is refused, and that every mistake is named at once in plain words."""

import json
from typing import Any, Literal

import pytest
from pydantic import Field

from mla_tracker.api.bodies import parse, parse_query
from mla_tracker.api.fields import (
    Answer,
    ClockTime,
    Country,
    Day,
    DayOrInstant,
    Entry,
    Id,
    Instant,
    Line,
    Paragraphs,
    Query,
    ZoneName,
)
from mla_tracker.api.problems import Problem
from mla_tracker.domain.vocabulary import Urgency


class Item(Entry):
    name: Line
    count: int = Field(ge=1, le=5)


class Sample(Entry):
    day: Day | None = None
    instant: Instant | None = None
    moment: DayOrInstant | None = None
    country: Country | None = None
    zone: ZoneName | None = None
    id: Id | None = None
    urgency: Urgency = Urgency.ROUTINE
    note: Paragraphs | None = None
    opens: ClockTime | None = None
    items: list[Item] = Field(default=[], max_length=2)
    open: bool = False
    share: float = 0.0
    number: int = 0
    choice: Literal["a", "b"] = "a"
    either: Item | Literal["all"] = "all"
    table: dict[str, Any] = Field(default={})


class Filters(Query):
    stage: str | None = None
    limit: int = Field(50, ge=1, le=200)
    open: bool | None = None
    group_by: list[Literal["kind", "month"]] = Field(default=[])
    bands: list[int] | None = None
    day: Day | None = Field(None, alias="from")


def read(raw: bytes | str, content_type: str | None = "application/json") -> Sample:
    return parse(Sample, raw.encode() if isinstance(raw, str) else raw, content_type)


def refusal(raw: bytes | str, content_type: str | None = "application/json") -> dict[str, str]:
    """The sentence for each pointer, after a look at what must hold for every refusal."""
    with pytest.raises(Problem) as caught:
        read(raw, content_type)
    problem = caught.value
    told = json.loads(problem.body())
    assert told["status"] == problem.kind.status == 400
    for fault in told["errors"]:
        message = fault["message"]
        assert message.endswith((".", "?")), message
        assert not any(
            word in message.lower() for word in ("input", "pydantic", "http", "valid string", "value error")
        )
    return {fault["pointer"]: fault["message"] for fault in told["errors"]}


def refused_parameters(query: str) -> dict[str, str]:
    with pytest.raises(Problem) as caught:
        parse_query(Filters, query.encode())
    assert caught.value.kind.status == 400
    return dict(caught.value.errors)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        " application/json ",
    ],
)
def test_json_in_utf8_is_read(content_type: str) -> None:
    assert read('{"number": 3}', content_type).number == 3


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/jsonp",
    ],
)
def test_anything_else_is_an_unsupported_media_type(content_type: str | None) -> None:
    with pytest.raises(Problem) as caught:
        read("{}", content_type)
    assert caught.value.kind.status == 415


def test_a_compressed_body_is_an_unsupported_media_type() -> None:
    with pytest.raises(Problem) as caught:
        parse(Sample, b"{}", "application/json", "gzip")
    assert caught.value.kind.status == 415


def test_every_field_at_fault_is_named_at_once() -> None:
    told = refusal(
        '{"day": "2026-02-30", "country": "ZZ", "urgency": "now", "items": [{"count": 9}, 3], "open": 1, "nmuber": 2}'
    )
    assert set(told) == {
        "/day",
        "/country",
        "/urgency",
        "/items/0/name",
        "/items/0/count",
        "/items/1",
        "/open",
        "/nmuber",
    }
    assert told["/items/0/name"] == "Required. Add this field."
    assert told["/items/0/count"] == "Too large. Give at most 5."
    assert told["/nmuber"] == "There is no field of this name. Did you mean number?"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("day", ["2026-2-3", "2026-02-30", "20260203", "2026-02-03T00:00:00Z", "1599-12-31", "2400-01-01", 20260203]),
        ("instant", ["2026-03-02", "2026-03-02T14:05:00", "2026-03-02 14:05:00Z", "2026-03-02T24:00:00Z", 1767225600]),
        ("instant", ["2026-03-02T14:05:00+15:00", "2026-03-02T14:05Z", "2026-03-02T14:05:60Z", "2026-03-02T14:05:00z"]),
        ("moment", ["2026-03-02T14:05:00", "yesterday", 3, True]),
        ("country", ["ma", "MAR", "ZZ", "", "ＭＡ", 504]),
        ("zone", ["Mars/Olympus", "../etc/passwd", "europe/madrid", "", 1]),
        ("id", ["{019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12}", "019b6f2e8f7a7c3d9b1e2f4a6c8d0e12", "1", 1]),
        ("note", ["", "bell\u0007", "x" * 10_001, 3]),
        ("opens", ["9:00", "24:01", "25:00", "09:60", 9]),
        ("open", [0, 1, "true", "yes"]),
        ("number", ["3", 1.5, True, 10**400, -(10**30), 2**63]),
        ("share", ["0.5", True]),
        ("choice", ["c", 1]),
        ("items", [{}, [{"name": "a", "count": 1}] * 3, [{"name": " ", "count": 1}], [{"name": "a\nb", "count": 1}]]),
        ("either", ["some", 3, {"name": "a"}]),
        ("table", [[], {"deep": {"": {"nul": "\u0000"}}}]),
    ],
)  # fmt: skip
def test_a_field_of_the_wrong_kind_is_named(field: str, values: list[object]) -> None:
    for value in values:
        told = refusal(json.dumps({field: value}))
        assert told, value
        assert all(pointer == f"/{field}" or pointer.startswith(f"/{field}/") for pointer in told), (
            value,
            told,
        )


def test_a_whole_number_may_be_written_with_decimals_as_json_schema_allows() -> None:
    assert read('{"number": 2.0, "share": 0.0}').number == 2
    assert read('{"number": -1.5e1, "items": [{"name": "\\u00e9", "count": 1.0}]}').number == -15
    assert set(refusal('{"number": 2.0, "items": [{"name": "a", "count": 1.5}]}')) == {"/items/0/count"}


def test_instants_become_utc_and_lose_what_is_finer_than_microseconds() -> None:
    read_in = read('{"instant": "2026-03-02T14:05:00.123456789+01:00"}')
    assert str(read_in.instant) == "2026-03-02 13:05:00.123456+00:00"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "line 1, column 2"),
        (b'{"note": "\xff"}', "not UTF-8 (byte 10)"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"number": NaN}', "NaN"),
        (b'{"number": -Infinity}', "Infinity"),
        (b"[" * 100_000, "nested deeper"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"text"', "object"),
        (b'{"number": 01}', "not JSON"),
        (b'{"note": "a\nb"}', "not JSON"),
    ],
)
def test_what_is_no_object_of_json_is_refused_as_a_whole(raw: bytes, words: str) -> None:
    told = refusal(raw)
    assert list(told) == [""]
    assert words in told[""]


@pytest.mark.parametrize(
    ("raw", "pointer", "words"),
    [
        (b'{"number": 1, "number": 2}', "/number", "twice"),
        (b'{"table": {"a": 1, "a": 2}}', "", "'a' is given twice"),
        (b'{"note": "a\\u0000b"}', "/note", "NUL"),
        (b'{"table": {"x": ["\\ud800"]}}', "/table/x/0", "surrogate"),
        (b'{"table": {"\\udfff": 1}}', "/table", "surrogate"),
        (b'{"number": 1e999}', "/number", "too large"),
        (b'{"share": 1e400}', "/share", "too large"),
        (b'{"table": {"n": 1' + b"0" * 5000 + b"}}", "/table/n", "too large"),
        (b'{"table": ' + b'{"a":' * 40 + b"1" + b"}" * 41, "/table", "Nested deeper"),
        (b'{"a/b~c": 1}', "/a~1b~0c", "no field"),
    ],
)
def test_faults_that_a_model_would_not_see_are_named_too(raw: bytes, pointer: str, words: str) -> None:
    told = refusal(raw)
    assert words in told[pointer]


def test_of_a_choice_of_forms_only_the_one_that_was_meant_complains() -> None:
    assert refusal('{"either": {"name": "a", "count": 9}}') == {"/either/count": "Too large. Give at most 5."}


def test_parameters_are_read_as_their_kinds() -> None:
    filters = parse_query(
        Filters, b"limit=7&open=true&group_by=kind,month&from=2026-03-02&stage=a%20b&bands=7,-30"
    )
    assert filters.bands == [7, -30]
    assert parse_query(Filters, b"group_by=").group_by == []
    assert filters.limit == 7
    assert filters.open is True
    assert filters.group_by == ["kind", "month"]
    assert str(filters.day) == "2026-03-02"
    assert filters.stage == "a b"


def test_every_parameter_at_fault_is_named_at_once() -> None:
    told = refused_parameters("limit=999&stage=a&stage=b&form=2026-01-01&group_by=kind,stage&open=yes")
    assert set(told) == {"/limit", "/stage", "/form", "/group_by/1", "/open"}
    assert told["/form"] == "There is no parameter of this name. Did you mean from?"
    assert told["/stage"] == "Given more than once. Give it once."


@pytest.mark.parametrize(
    "query",
    [
        "limit=1.0",
        "limit=+5",
        "limit=",
        "limit=%205",
        "limit=5_0",
        "limit=%D9%A3",
        "open=1",
        "from=",
        "stage=%00",
        "=x",
        "limit",
    ],
)
def test_a_parameter_of_the_wrong_kind_is_refused(query: str) -> None:
    assert refused_parameters(query)


@pytest.mark.parametrize("query", [b"stage=%ff", b"\xff=1", b"&".join([b"a=1"] * 101)])
def test_a_query_that_cannot_be_read_is_refused(query: bytes) -> None:
    with pytest.raises(Problem) as caught:
        parse_query(Filters, query)
    assert caught.value.kind.status == 400


def test_an_answer_shows_every_field_even_the_empty_ones() -> None:
    class Shown(Answer):
        due_on: Day | None = None

    assert Shown().model_dump_json() == '{"due_on":null}'
    assert Shown.model_json_schema(mode="serialization")["required"] == ["due_on"]
