"""Read by schemathesis: a check of ours, that an answer has no status, problem, header or body beyond the contract."""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import schemathesis

from tests.builders.held import Contract

CONTRACT = "MLA_FUZZED_CONTRACT"


@cache
def contract() -> Contract:
    """The contract as published, without the short lists that it is fuzzed with."""
    return Contract(json.loads(Path(os.environ[CONTRACT]).read_text()))


@schemathesis.check
def nothing_beyond_the_contract(
    ctx: Any, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    headers: Mapping[str, list[str]] = response.headers
    wrong = contract().wrong(
        case.method,
        urlsplit(str(response.request.url)).path,
        response.status_code,
        [(name, value) for name, values in headers.items() for value in values],
        response.content,
    )
    if wrong:
        raise AssertionError("; ".join(wrong))


@schemathesis.serializer("application/x-ndjson", "text/csv")
def a_file(_: Any, value: Any) -> bytes:
    """Files go as they are."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
