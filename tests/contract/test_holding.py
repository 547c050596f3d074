"""What holds answers against the contract would notice each way in which they could differ from it."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from mla_tracker.api.conditional import etag
from mla_tracker.api.edge import MOST_HEADER_BYTES, MOST_HEADERS, MOST_URL_BYTES
from mla_tracker.api.openapi_answers import recorded
from tests.builders.held import published

PATH: Final = "/api/v1/requests"
HEADERS: Final = {
    "Content-Type": "application/json", "X-Request-ID": "x" * 8, "ETag": etag(1), "Location": f"{PATH}/1",
}  # fmt: skip
LOST: Final = {
    "type": "/problems/not-found", "title": "Not found", "status": 404, "detail": "Nothing.", "errors": [],
}  # fmt: skip


def wrong(
    status: int, headers: Mapping[str, str], body: Any, *, path: str = PATH, method: str = "POST"
) -> str:
    return "; ".join(
        published().wrong(method, path, status, list(headers.items()), json.dumps(body).encode())
    )


def test_an_answer_that_was_really_given_is_as_the_contract_says() -> None:
    assert wrong(201, HEADERS, recorded("log_request")) == ""


@pytest.mark.parametrize(
    ("status", "headers", "change", "told"),
    [
        (202, {}, {}, "status 202 is not"),
        (201, {"X-Surprise": "1"}, {}, "header x-surprise is not in the contract"),
        (201, {"Content-Type": "text/html"}, {}, "media type text/html"),
        (201, {}, {"surprise": 1}, "surprise"),
        (201, {}, {"status": "lost"}, "'status'"),
        (201, {}, {"version": None}, "'version'"),
    ],
)
def test_each_difference_is_told(
    status: int, headers: dict[str, str], change: dict[str, Any], told: str
) -> None:
    assert told in wrong(status, HEADERS | headers, recorded("log_request") | change)


def test_a_header_that_is_missing_is_told() -> None:
    headers = {name: value for name, value in HEADERS.items() if name != "ETag"}
    assert "header etag is missing" in wrong(201, headers, recorded("log_request"))


def test_a_problem_that_the_operation_does_not_name_is_told() -> None:
    headers = {"Content-Type": "application/problem+json", "X-Request-ID": "x" * 8}
    assert wrong(404, headers, LOST, path=f"{PATH}/1/clocks", method="GET") == ""
    other = LOST | {"type": "/problems/act-not-possible"}
    assert "act-not-possible is not" in wrong(404, headers, other, path=f"{PATH}/1/clocks", method="GET")


def test_limits_of_calls_stand_in_the_contract() -> None:
    document = published().document
    for limit in (MOST_URL_BYTES, MOST_HEADERS, MOST_HEADER_BYTES):
        assert f" {limit} " in document["info"]["description"]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                assert operation["x-max-bytes"] > 0, path
                assert str(operation["x-max-bytes"]) in operation["requestBody"]["description"], path
