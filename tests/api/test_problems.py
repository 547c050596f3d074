"""Problems: every error of the field has one, and none tells of the inside."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, date, datetime

import asyncpg
import pytest
from litestar.exceptions import HTTPException

import mla_tracker
from mla_tracker.api.problem_pages import index_page, page
from mla_tracker.api.problems import (
    INTERNAL_ERROR,
    PROBLEMS,
    Problem,
    all_kinds,
    kind_of,
    problem_of,
)
from mla_tracker.domain import errors
from mla_tracker.domain.errors import DomainError


def every_domain_error() -> Iterator[type[DomainError]]:
    for room in ("domain", "catalogue", "storage", "queries", "commands"):
        package = importlib.import_module(f"mla_tracker.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    waiting = DomainError.__subclasses__()
    while waiting:
        error = waiting.pop()
        if error.__module__.startswith(f"{mla_tracker.__name__}."):
            yield error
            waiting += error.__subclasses__()


def test_every_domain_error_has_a_problem_and_its_own_code_a_kind_of_its_own() -> None:
    for error in every_domain_error():
        assert kind_of(error) is not INTERNAL_ERROR, f"{error.__name__} has no kind in api/problems.py"
        if "code" in vars(error):
            assert PROBLEMS[error].slug == error.code


def test_statuses_are_those_of_the_contract() -> None:
    wanted = {
        errors.InvalidEntry: 400,
        errors.DatedInFuture: 400,
        errors.UnknownLimit: 400,
        errors.NotAllowed: 403,
        errors.NotFound: 404,
        errors.ActNotPossible: 409,
        errors.AlreadyRecorded: 409,
        errors.VersionStale: 412,
        errors.IdempotencyKeyReused: 422,
    }
    assert {error: PROBLEMS[error].status for error in wanted} == wanted


def test_kinds_have_distinct_slugs_and_a_page_each() -> None:
    kinds = list(all_kinds())
    assert len({kind.slug for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert kind.type in page(kind)
        assert kind.type in index_page()


def test_a_domain_error_carries_its_sentence_fields_and_facts() -> None:
    error = errors.ActNotPossible(
        "Received on 2026-03-05 lies before it was sent (2026-03-09). Correct one of the two dates.",
        fields=[("/occurred_on", "Correct it.")],
        facts={"received": date(2026, 3, 5), "sent": datetime(2026, 3, 9, 12, tzinfo=UTC)},
    )
    told = json.loads(problem_of(error).body())
    assert told == {
        "type": "/problems/act-not-possible",
        "title": "The act contradicts the history",
        "status": 409,
        "detail": error.detail,
        "errors": [{"pointer": "/occurred_on", "message": "Correct it."}],
        "facts": {"received": "2026-03-05", "sent": "2026-03-09T12:00:00+00:00"},
    }


def test_what_nobody_expected_says_nothing_of_the_inside() -> None:
    problem = problem_of(ZeroDivisionError("secret of the inside"))
    assert problem.kind.status == 500
    assert b"secret" not in problem.body()


@pytest.mark.parametrize(
    "fault",
    [
        TimeoutError(),
        ConnectionRefusedError(),
        asyncpg.QueryCanceledError("x"),
        asyncpg.LockNotAvailableError("x"),
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.TooManyConnectionsError("x"),
        asyncpg.DiskFullError("x"),
        asyncpg.OutOfMemoryError("x"),
        asyncpg.PostgresIOError("x"),
        asyncpg.ConnectionDoesNotExistError("x"),
    ],
)
def test_a_database_that_does_not_answer_is_a_passing_fault(fault: Exception) -> None:
    problem = problem_of(fault)
    assert problem.kind.status == 503
    assert int(problem.headers["Retry-After"]) > 0


@pytest.mark.parametrize("fault", [asyncpg.UniqueViolationError("x"), asyncpg.DataError("x"), KeyError("x")])
def test_a_mistake_of_ours_is_no_passing_fault(fault: Exception) -> None:
    assert problem_of(fault).kind is INTERNAL_ERROR


def test_an_unknown_status_of_the_framework_is_a_fault_of_ours() -> None:
    assert problem_of(HTTPException(status_code=418)).kind is INTERNAL_ERROR
    assert problem_of(HTTPException(status_code=400)).kind.status == 400


def test_text_that_is_no_unicode_can_still_be_answered() -> None:
    assert json.loads(Problem(INTERNAL_ERROR, "half a pair: \ud800").body())["detail"].startswith("half")
